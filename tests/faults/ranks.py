"""A program: one rank of a distributed training, which logs to a run that all ranks share until its input ends.

    python ranks.py STORE RUN_ID RANK NOTES

How many points were logged stands in NOTES, a file in memory, so that it outlives a kill.
"""

from __future__ import annotations

import mmap
import sys
import threading
import time
from pathlib import Path

SPAN = 1_000_000_000
COMMON = "loss"
BURST = 50


def own_key(rank: int) -> str:
    return f"loss/{rank}"


def main(store: str, run_id: str, rank: int, notes_path: str) -> None:
    import runebook as rb

    with Path(notes_path).open("r+b") as file:
        notes = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")
    stopping = threading.Event()
    threading.Thread(target=_wait_for_end, args=(stopping,), daemon=True).start()
    rb.set_tracking_uri(store)
    with rb.start_run(run_id=run_id, shared=True):
        count = 0
        while not stopping.is_set():
            for _ in range(BURST):
                value = rank * SPAN + count
                rb.log_metrics({own_key(rank): value, COMMON: value}, step=count)
                count += 1
                notes[rank] = count
            time.sleep(0.003)
    rb.flush(120)


def _wait_for_end(stopping: threading.Event) -> None:
    sys.stdin.read()
    stopping.set()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
