"""A program: starts trainers one after the other, and kills each at some instant.

    python trainers.py STORE NOTES FIRST COUNT SEED

A trainer is a fork of this process, which has imported everything and opened nothing. It starts a run and logs as fast
as it can. After each call that returned it notes so in NOTES, a file in memory that survives it.
"""

from __future__ import annotations

import mmap
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import NamedTuple

SINGLE = "m"
KEYS = ("a", "b", "c", "d", "e")
FIELDS = 8
"""Numbers of 8 bytes that a trainer notes: its run's id in two, then how many calls of each kind returned."""

STARTED, METRICS, BATCHES, PARAMS, TAGS = 2, 3, 4, 5, 6
SPAN = 1_000_000_000
START_SECONDS = 30.0


class Notes(NamedTuple):
    """What one trainer was told."""

    run_id: str
    """Empty when `start_run` did not return."""
    metrics: int
    batches: int
    params: int
    tags: int


def make_notes(path: Path, trainers: int) -> None:
    path.write_bytes(bytes(trainers * FIELDS * 8))


def read_notes(path: Path) -> list[Notes]:
    numbers = memoryview(path.read_bytes()).cast("Q")
    found = []
    for start in range(0, len(numbers), FIELDS):
        high, low, is_started, *counts = numbers[start : start + STARTED + 5]
        found.append(Notes(f"{high:016x}{low:016x}" if is_started else "", *counts))
    return found


def main(store: str, notes_path: str, first: int, count: int, seed: int) -> None:
    import runebook as rb
    import runebook.client.git_capture
    import runebook.client.http
    import runebook.client.local  # so that each trainer has it from the start

    rb.set_tracking_uri(store)
    rng = random.Random(seed)
    with Path(notes_path).open("r+b") as file:
        notes = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")
    for writer in range(first, first + count):
        own = notes[writer * FIELDS : (writer + 1) * FIELDS]
        pid = os.fork()
        if not pid:
            _train(own, writer, rng)
        if rng.random() < 0.15:
            time.sleep(rng.uniform(0, 0.08))  # while it starts
        else:
            until = time.monotonic() + START_SECONDS
            while not own[STARTED] and time.monotonic() < until:
                time.sleep(0.002)
            time.sleep(rng.uniform(0, 0.2))
        os.kill(pid, signal.SIGKILL)
        _, code = os.waitpid(pid, 0)
        if code != signal.SIGKILL:
            sys.exit(f"trainer {writer} ended by itself: {code}")


def _train(notes: memoryview, writer: int, rng: random.Random) -> None:
    """Never returns."""
    import runebook as rb
    from runebook.client.spool import spool

    try:
        if writer % 2:
            spool.FIRST_SEGMENT_SLOTS, spool.SEGMENT_SLOTS = 100, 250  # segments begin, fill up and come again often
        run_id = int(rb.start_run(run_name=f"trainer {writer}").info.run_id, 16)
        notes[0], notes[1] = run_id >> 64, run_id & (2**64 - 1)
        notes[STARTED] = 1
        _log(notes, writer * SPAN, rng)
    finally:
        traceback.print_exc()
        os._exit(1)


def _log(notes: memoryview, base: int, rng: random.Random) -> None:
    import runebook as rb

    metrics = batches = params = tags = 0
    while True:
        for _ in range(rng.randrange(1, 300)):
            rb.log_metric(SINGLE, base + metrics, step=metrics)
            metrics += 1
            notes[METRICS] = metrics
        if rng.random() < 0.5:
            rb.log_metrics(dict.fromkeys(KEYS, base + batches), step=batches)
            batches += 1
            notes[BATCHES] = batches
        if rng.random() < 0.05:
            rb.log_param(f"p{params}", "x" * rng.randrange(1, 6000))
            params += 1
            notes[PARAMS] = params
        if rng.random() < 0.1:
            rb.set_tag("latest", tags)
            tags += 1
            notes[TAGS] = tags
        time.sleep(rng.uniform(0, 0.002))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6]))
