from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from runebook.server.chores import Chore

from .running import RunningServer

BASE = "/api/2.0/mlflow"


def wait_until(is_done: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not is_done():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_chore_is_done_again_and_again_until_it_is_stopped(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []
    enough = threading.Event()

    def step() -> bool:
        done.append(len(done))
        if len(done) == 2:
            raise OSError("the disk is away")
        if len(done) == 6:
            enough.set()
        return len(done) < 2

    chore = Chore("sweeping", 0.01, step)
    with caplog.at_level(logging.ERROR):
        chore.start()
        assert enough.wait(10)
        chore.stop()
    count = len(done)
    time.sleep(0.05)

    assert len(done) == count
    assert "sweeping failed; it is tried again in 0.01 s" in caplog.text
    assert "the disk is away" in caplog.text


def test_a_server_ends_runs_whose_writers_fell_silent(tmp_path: Path) -> None:
    with RunningServer(tmp_path, lease_interval_s=0.1) as server:
        silent, alive = (
            server.post(f"{BASE}/runs/create", {"experiment_id": "0"}).json["run"]["info"]["run_id"] for _ in range(2)
        )
        leases = {silent: 50, alive: 60_000}
        for number, (run_id, lease_ms) in enumerate(leases.items()):
            frame = {"writer": f"w{number}", "first": 1, "last": 1, "runs": [{"run_id": run_id, "lease_ms": lease_ms}]}
            assert server.post("/api/runebook/v1/frames/log", frame).status == 200

        def run(run_id: str) -> dict[str, dict[str, object]]:
            found: dict[str, dict[str, object]] = server.request("GET", f"{BASE}/runs/get?run_id={run_id}").json["run"]
            return found

        wait_until(lambda: run(silent)["info"]["status"] == "KILLED")

        assert {"key": "runebook.end_reason", "value": "lease expired"} in run(silent)["data"]["tags"]  # type: ignore[operator]  # a list
        assert run(alive)["info"]["status"] == "RUNNING"


def test_a_server_folds_what_appends_left(tmp_path: Path) -> None:
    with RunningServer(tmp_path, fold_interval_s=0.1) as server:
        run_id = server.post(f"{BASE}/runs/create", {"experiment_id": "0"}).json["run"]["info"]["run_id"]
        for step in range(300):
            point = {"run_id": run_id, "key": "loss", "value": step, "timestamp": step, "step": step}
            assert server.post(f"{BASE}/runs/log-metric", point).status == 200

        def frames() -> int:
            with closing(sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)) as connection:
                count: int = connection.execute("SELECT count(*) FROM metric_frames").fetchone()[0]
                return count

        wait_until(lambda: frames() < 100)
        history = server.request("GET", f"{BASE}/metrics/get-history?run_id={run_id}&metric_key=loss").json["metrics"]
        assert [point["step"] for point in history] == list(range(300))
