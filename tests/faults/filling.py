"""A program: logs until its spool finds the disk full, says so, and goes on when it is told that there is space.

    python filling.py STORE DISK

A point that `log_metric` did not take is logged again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.faults.small_disk import fill

import runebook as rb
from runebook.core.errors import TemporarilyUnavailable

KEY = "m"
NEW_KEYS = 200
MORE = 1000
FLUSH_SECONDS = 120.0


def log_until_refused() -> tuple[int, str]:
    """How many points were taken, and why the next one was not."""
    count = 0
    while True:
        try:
            rb.log_metric(KEY, count, step=count)
        except TemporarilyUnavailable as error:
            return count, error.message
        count += 1


def log_new_keys() -> tuple[list[str], str]:
    """Those that were taken on a disk without a byte, and why the last one was not."""
    taken = []
    reason = ""
    for number in range(NEW_KEYS):
        key = f"{number}-{'k' * 100}"
        try:
            rb.log_metric(key, number)
        except TemporarilyUnavailable as error:
            reason = error.message
        else:
            taken.append(key)
    return taken, reason


def say(**told: Any) -> None:
    print(json.dumps(told), flush=True)


def main(store: str, disk: str) -> None:
    rb.set_tracking_uri(store)
    run = rb.start_run()
    rb.flush()
    say(run_id=run.info.run_id)
    sys.stdin.readline()  # the store is away
    count, reason = log_until_refused()
    fill(Path(disk))
    keys, reason_of_keys = log_new_keys()
    say(count=count, reason=reason, keys=keys, reason_of_keys=reason_of_keys)
    sys.stdin.readline()  # there is space, and the store is there
    for number in range(count, count + MORE):
        rb.log_metric(KEY, number, step=number)
    rb.end_run()
    rb.flush(FLUSH_SECONDS)
    say(count=count + MORE)


if __name__ == "__main__":
    main(*sys.argv[1:])
