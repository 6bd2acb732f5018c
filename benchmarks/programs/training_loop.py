"""Times a training loop of 100 us steps that logs one metric a step beside one that logs none, by turns.

Run by a peer's own Python. Both loops do the same work; they take turns in the order A B B A, so that a machine that
grows slower or faster does not count for either. What was logged is waited for between the loops, outside the times.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable

from trackers import Started, started

_STEP_S = 100e-6
_WARM_UP = 30
_LOOP = """
def timed(first, steps):
    begun = clock()
    for step in range(first, first + steps):
        value = work()
        {call}
    return clock() - begun
"""


def python_work(size: int) -> Callable[[], float]:
    """Work that holds the interpreter's lock."""

    def work() -> float:
        total = 0.0
        for number in range(size):
            total += number * 0.5
        return total

    return work


def numpy_work(size: int) -> Callable[[], float]:
    """Work that gives the lock up in its larger part, as array libraries do."""
    import numpy as np

    weights = np.random.default_rng(1).normal(0, 0.1, (64, 64)).astype(np.float32)
    state = np.ones((64, 64), np.float32)

    def work() -> float:
        found = state
        for _ in range(size):
            found = np.tanh(found @ weights)
        return float(found[0, 0])

    return work


def calibrated(make: Callable[[int], Callable[[], float]]) -> Callable[[], float]:
    """Work of 100 us, as near as whole sizes come."""
    size = 1
    while True:
        took_s = min(_seconds(make(size)) for _ in range(20))
        if took_s > _STEP_S / 2:
            return make(max(1, round(size * _STEP_S / took_s)))
        size *= 2


def _seconds(work: Callable[[], float]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def compare(tracker: Started, work: Callable[[], float], first: int, seconds: float, pairs: int) -> dict[str, object]:
    """The slowdown of each pair of loops, each of about `seconds`.

    And the processor time of all threads of this process that a point took until it was shipped: a busy machine
    disturbs it less.
    """
    names = {"work": work, "clock": time.perf_counter}
    plain = tracker.function(_LOOP.format(call="pass"), **names)
    logging = tracker.function(_LOOP.format(call=tracker.source.one), **names)
    logging(first, _WARM_UP)
    steps = max(_WARM_UP, int(seconds * _WARM_UP / logging(first + _WARM_UP, _WARM_UP)))
    tracker.flush()
    first += 2 * _WARM_UP
    slowdowns, step_us, cpu_us = [], [], []
    for number in range(pairs):
        times, cpu_s = {}, {}
        for loop in (plain, logging) if number % 2 == 0 else (logging, plain):
            cpu_begun = time.process_time()
            times[loop] = loop(first, steps)
            if loop is logging:
                tracker.flush()
            cpu_s[loop] = time.process_time() - cpu_begun
        slowdowns.append(times[logging] / times[plain] - 1)
        step_us.append(times[plain] / steps * 1e6)
        cpu_us.append((cpu_s[logging] - cpu_s[plain]) / steps * 1e6)
        first += steps
    return {"slowdowns": slowdowns, "step_us": step_us, "cpu_us": cpu_us, "steps": steps, "next": first}


def main() -> None:
    seconds, pairs = float(sys.argv[2]), int(sys.argv[3])
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    tracker = started()
    found: dict[str, object] = {}
    first = 0
    for kind, make in (("python", python_work), ("numpy", numpy_work)):
        compared = compare(tracker, calibrated(make), first, seconds, pairs)
        first = int(str(compared["next"]))
        found[kind] = compared
    tracker.finish()
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
