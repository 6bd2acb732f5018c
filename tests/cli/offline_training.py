"""A training that tracks offline, for the tests to ship: RUN_ID, number of points, seconds between thousands."""

from __future__ import annotations

import os
import sys
import time

import runebook as rb


def main(run_id: str, points: int, pause_seconds: float) -> None:
    os.environ["RUNEBOOK_MODE"] = "offline"  # here, as who imports this module is not offline
    rb.set_experiment("offline")
    with rb.start_run(run_id=run_id, shared=True):
        rb.log_param("points", points)
        for step in range(points):
            rb.log_metric("m", float(step), step=step)
            if pause_seconds and step % 1000 == 999:
                time.sleep(pause_seconds)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
