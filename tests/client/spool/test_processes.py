"""Processes that are killed or fall silent: what they logged arrives, and their runs end or go on as they should."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from tests.client.conftest import without_settings
from tests.server.running import RunningServer

import runebook as rb
from runebook.client.opening import close_all

LEASE_SECONDS = 1

LOGS = """
import os, signal, sys, time
import runebook as rb
with rb.start_run(run_name="r") as run:
    for step in range(int(sys.argv[1])):
        rb.log_metric("m", step / 4, step=step)
    print(run.info.run_id, flush=True)
    for line in sys.stdin:
        for step in range(step + 1, step + 11):
            rb.log_metric("m", step / 4, step=step)
        print(step, flush=True)
"""
"""Logs so many points, then ten for each line that it is told, and ends at the end of those."""


class Trainer:
    """A process that logs."""

    def __init__(self, folder: Path, uri: str, points: int, source: str = LOGS) -> None:
        settings = {"RUNEBOOK_TRACKING_URI": uri, "RUNEBOOK_LEASE_SECONDS": str(LEASE_SECONDS)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", source, str(points)],
            cwd=folder,
            env=without_settings() | settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.run_id = self._line()

    def _line(self) -> str:
        return self._pipe(self.process.stdout).readline().strip()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe

    def log_ten(self) -> int:
        """The last step."""
        pipe = self._pipe(self.process.stdin)
        pipe.write("go\n")
        pipe.flush()
        return int(self._line())

    def kill(self) -> None:
        self.process.kill()
        self.finish()

    def finish(self) -> int:
        self._pipe(self.process.stdin).close()
        code = self.process.wait(60)
        self._pipe(self.process.stdout).close()
        return code


@contextmanager
def trainer(folder: Path, uri: str, points: int, source: str = LOGS) -> Iterator[Trainer]:
    made = Trainer(folder, uri, points, source)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.kill()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[RunningServer]:
    (tmp_path / "alone").mkdir()
    with RunningServer(tmp_path / "alone", lease_interval_s=0.1) as running:
        yield running
    close_all()


def uri_of(server: RunningServer) -> str:
    return f"http://127.0.0.1:{server.port}"


def status_of(server: RunningServer, run_id: str) -> tuple[str, str | None]:
    """The status of a run, and why it ended. Asked of the server, so that this process does not ship anything."""
    run = server.request("GET", f"/api/2.0/mlflow/runs/get?run_id={run_id}").json["run"]
    tags = {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])}
    return run["info"]["status"], tags.get("runebook.end_reason")


def wait_for(server: RunningServer, run_id: str, expected: tuple[str, str | None]) -> None:
    deadline = time.monotonic() + 30
    while (found := status_of(server, run_id)) != expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def leases(database: Path) -> list[tuple[str]]:
    """The writers that are at work on a run."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return connection.execute("SELECT writer FROM leases").fetchall()
    finally:
        connection.close()


def wait_for_leases(database: Path, count: int = 1) -> None:
    """They come with the first frame of a process."""
    deadline = time.monotonic() + 30
    while len(leases(database)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def steps_of(run_id: str) -> list[int]:
    return [point.step for point in rb.MlflowClient().get_metric_history(run_id, "m")]


def test_a_run_whose_process_was_killed_is_ended_when_its_lease_has_run_out(
    alone: RunningServer, own_store: Path
) -> None:
    with trainer(own_store, uri_of(alone), 100) as training:
        wait_for_leases(alone.database)
        training.kill()

        wait_for(alone, training.run_id, ("KILLED", "lease expired"))
    assert leases(alone.database) == []


def test_a_process_that_was_silent_for_long_goes_on_with_its_run_and_loses_nothing(
    alone: RunningServer, own_store: Path
) -> None:
    with trainer(own_store, uri_of(alone), 100) as training:
        wait_for_leases(alone.database)
        training.log_ten()
        training.process.send_signal(signal.SIGSTOP)
        wait_for(alone, training.run_id, ("KILLED", "lease expired"))

        training.process.send_signal(signal.SIGCONT)
        last = training.log_ten()
        wait_for(alone, training.run_id, ("RUNNING", None))
        assert training.finish() == 0

    rb.set_tracking_uri(uri_of(alone))
    assert status_of(alone, training.run_id) == ("FINISHED", None)
    assert steps_of(training.run_id) == list(range(last + 1))
    assert leases(alone.database) == []


def test_a_process_that_logs_nothing_for_long_keeps_its_run(alone: RunningServer, own_store: Path) -> None:
    with trainer(own_store, uri_of(alone), 10) as training:
        until = time.monotonic() + 5 * LEASE_SECONDS
        while time.monotonic() < until:
            assert status_of(alone, training.run_id) == ("RUNNING", None)
            time.sleep(0.1)
        assert len(leases(alone.database)) == 1
        training.finish()

    assert status_of(alone, training.run_id) == ("FINISHED", None)
    assert leases(alone.database) == []


@pytest.mark.parametrize("points", [10, 30_000])
def test_the_next_process_ships_what_a_killed_one_left_and_ends_its_run(own_store: Path, points: int) -> None:
    uri = f"sqlite:///{own_store}/runebook.db"
    with trainer(own_store, uri, points) as training:
        last = training.log_ten()
        training.kill()
    with trainer(own_store, uri, 1) as following:
        following.finish()

    rb.set_tracking_uri(uri)
    assert rb.get_run(training.run_id).info.status == "KILLED"
    assert steps_of(training.run_id) == list(range(last + 1))
    assert rb.get_run(following.run_id).info.status == "FINISHED"


SHARES = LOGS.replace('run_name="r"', 'run_id="1" * 32, shared=True').replace('"m"', "str(os.getpid())")


def test_a_shared_run_goes_on_when_one_of_its_processes_was_killed(own_store: Path) -> None:
    uri = f"sqlite:///{own_store}/runebook.db"
    with trainer(own_store, uri, 10, SHARES) as first, trainer(own_store, uri, 10, SHARES) as second:
        first.log_ten()
        second.log_ten()
        wait_for_leases(own_store / "runebook.db", 2)
        first.kill()
        with trainer(own_store, uri, 1) as following:
            following.finish()
        rb.set_tracking_uri(uri)
        assert rb.get_run("1" * 32).info.status == "RUNNING"
        last = second.log_ten()
        second.finish()

    run = rb.get_run("1" * 32)
    assert run.info.status == "KILLED"  # the worst that became of its processes
    assert run.data.metrics == {str(first.process.pid): 19 / 4, str(second.process.pid): last / 4}


ADDS = """
import os, sys
import runebook as rb
rb.MlflowClient().log_metric(os.environ["ADD_TO"], "late", 1.0)
print("done", flush=True)
sys.stdin.read()
"""


def test_a_process_that_only_adds_to_a_run_of_another_does_not_end_it_when_killed(
    own_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{own_store}/runebook.db"
    with trainer(own_store, uri, 10) as training:
        training.finish()
    monkeypatch.setenv("ADD_TO", training.run_id)
    with trainer(own_store, uri, 0, ADDS) as adding:
        adding.kill()
    with trainer(own_store, uri, 1) as following:
        following.finish()

    rb.set_tracking_uri(uri)
    run = rb.get_run(training.run_id)
    assert (run.info.status, run.data.metrics["late"]) == ("FINISHED", 1.0)
