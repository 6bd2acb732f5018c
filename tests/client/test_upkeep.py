"""What an embedded store needs now and then is done by the process that uses it."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import runebook as rb


def rows(path: Path, question: str) -> int:
    with contextlib.closing(sqlite3.connect(path)) as store:
        (count,) = store.execute(question).fetchone()
    return int(count)


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_long_series_are_folded_after_the_run_has_ended(tmp_path: Path) -> None:
    store = tmp_path / "runs.db"
    rb.set_tracking_uri(f"sqlite:///{store}")
    with rb.start_run() as run:
        for step in range(300_000):
            rb.log_metric("m", float(step), step=step)

    wait_until(lambda: rows(store, "SELECT COUNT(*) FROM metric_frames") == 0)
    assert rows(store, "SELECT SUM(points) FROM metric_chunks") == 300_000
    history = rb.MlflowClient().get_metric_history(run.info.run_id, "m")
    assert [point.value for point in history] == [float(step) for step in range(300_000)]
