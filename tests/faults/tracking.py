"""A program: threads that each track a run through the spool, until its standard input ends.

    python tracking.py STORE FIRST THREADS PAUSE_MS

Then it waits until the store has everything, and tells as JSON for each run its id, its writer and how many points were
logged to it. An exception in a thread ends it with an error.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

KEY = "m"
SPAN = 1_000_000_000
BURST = 10
PARAM_EVERY = 50
"""Points."""

FLUSH_SECONDS = 120.0


def track(writer: int, pause_s: float, stopping: threading.Event, told: list[dict[str, Any]]) -> None:
    import runebook as rb

    with rb.start_run(run_name=f"writer {writer}") as run:
        count = 0
        while not stopping.is_set():
            for _ in range(BURST):
                rb.log_metric(KEY, writer * SPAN + count, step=count)
                count += 1
            if not count % PARAM_EVERY:
                rb.log_param(f"p{count}", count)
            rb.set_tag("latest", count)
            stopping.wait(pause_s)
    told.append({"run_id": run.info.run_id, "writer": writer, "points": count})


def main(store: str, first: int, threads: int, pause_ms: int) -> None:
    import runebook as rb

    rb.set_tracking_uri(store)
    stopping = threading.Event()
    told: list[dict[str, Any]] = []
    failed: list[str] = []
    threading.excepthook = lambda args: failed.append(f"{args.exc_type.__name__}: {args.exc_value}")
    running = [
        threading.Thread(target=track, args=(first + number, pause_ms / 1000, stopping, told))
        for number in range(threads)
    ]
    for thread in running:
        thread.start()
    sys.stdin.read()
    stopping.set()
    for thread in running:
        thread.join()
    rb.flush(FLUSH_SECONDS)
    if failed:
        sys.exit("; ".join(failed))
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]))
