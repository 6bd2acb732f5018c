"""Times `log_metric` and `log_metrics` of 20 call by call. Run by a peer's own Python, in an empty directory.

At a pace (a call every 100 us, busy in between, as training is) and in a tight loop. What reading the clock costs is
measured by the same loop around nothing, and reported beside the times, which hold it.
"""

from __future__ import annotations

import json
import sys
import time
from array import array

from trackers import Started, started

_WARM_UP = 100
_PACE_NS = 100_000
_TIGHT_TIMES = 50
"""A tight loop makes so many times more calls, or it would be over before anything is shipped."""

_MANY = [f"layer_{number}/gradient_norm" for number in range(20)]

_LOOP = """
def timed(first, calls, pause_ns, until_ns):
    for step in range(first, first + calls):
        value = 1 / (step + 1)
        values = dict.fromkeys(many, value)
        ready = clock() + pause_ns
        while (now := clock()) < ready:
            pass
        if now > until_ns:
            break
        started = clock()
        {call}
        times.append(clock() - started)
"""


def measure(tracker: Started, call: str, first: int, *, pause_ns: int, calls: int, seconds: float) -> dict[str, float]:
    """Quantiles of the times of up to so many calls, in microseconds, after some that are not counted."""
    times = array("q")
    timed = tracker.function(_LOOP.format(call=call), many=_MANY, clock=time.perf_counter_ns, times=times)
    warm_up = min(_WARM_UP, calls // 10)
    timed(first, warm_up, pause_ns, time.perf_counter_ns() + int(seconds * 1e9))
    del times[:]
    timed(first + warm_up, calls, pause_ns, time.perf_counter_ns() + int(seconds * 1e9))
    tracker.flush()
    ordered = sorted(times)
    quantiles = {"p50_us": 0.5, "p99_us": 0.99, "p999_us": 0.999}
    found = {name: ordered[int(len(ordered) * part)] / 1000 for name, part in quantiles.items()}
    return found | {"calls": len(ordered), "max_us": ordered[-1] / 1000}


def main() -> None:
    calls, seconds = int(sys.argv[2]), float(sys.argv[3])
    tracker = started()
    found: dict[str, object] = {}
    first = 0
    for kind, call in (("one", tracker.source.one), ("twenty", tracker.source.twenty)):
        for pace, pause_ns, many in (("paced", _PACE_NS, calls), ("tight", 0, calls * _TIGHT_TIMES)):
            found[f"{kind}/{pace}"] = measure(tracker, call, first, pause_ns=pause_ns, calls=many, seconds=seconds)
            first += 2 * many
    found["clock"] = measure(tracker, "pass", 0, pause_ns=_PACE_NS, calls=calls, seconds=seconds)
    tracker.finish()
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
