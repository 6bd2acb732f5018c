"""Runs that are started and kept away from their store."""

from __future__ import annotations

import logging
import math
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.conftest import Script, without_settings
from tests.client.flaky_server import flaky_server
from tests.faults.stored_points import open_store, stored_points
from tests.server.running import RunningServer

import runebook as rb
from runebook.client import opening
from runebook.core.errors import TemporarilyUnavailable, Unauthenticated
from runebook.entities import LoggedModelInput


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def absent() -> str:
    """The address of a server that is not there."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RUNEBOOK_MODE", "offline")
    yield
    monkeypatch.delenv("RUNEBOOK_MODE", raising=False)


def sync(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """`runebook sync`, as a user calls it."""
    return subprocess.run(
        [sys.executable, "-m", "runebook", "sync", *arguments],
        env=without_settings() | {"NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=check,
    )


def serve(folder: Path, port: int) -> RunningServer:
    folder.mkdir(exist_ok=True)
    return RunningServer(folder, port=port)


def go_online(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.delenv("RUNEBOOK_MODE")
    rb.set_tracking_uri(uri)


# --- offline by choice ---


@pytest.mark.usefixtures("offline")
def test_offline_neither_the_store_nor_the_network_is_touched(own_store: Path) -> None:
    rb.set_experiment("away")
    with rb.start_run(run_name="named") as run:
        rb.log_metric("m", 1)
        rb.flush()
        active = rb.active_run()
        assert active is not None
        assert active.info.run_id == run.info.run_id
        assert rb.get_artifact_uri() == ""

    last = rb.last_active_run()
    assert last is not None
    assert (last.info.run_name, last.info.status, last.info.artifact_uri) == ("named", "FINISHED", "")
    assert last.info.end_time is not None
    assert not (own_store / "runebook.db").exists()


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("tracked", ["sqlite:///away.db", "http://127.0.0.1:9", "postgresql://nobody@127.0.0.1:9/none"])
def test_offline_a_read_says_that_it_is_offline_and_what_to_do(tracked: str) -> None:
    rb.set_tracking_uri(tracked)
    with rb.start_run() as run:
        with pytest.raises(TemporarilyUnavailable, match=r"RUNEBOOK_MODE is offline.*runebook sync"):
            rb.get_run(run.info.run_id)
        with pytest.raises(TemporarilyUnavailable, match="RUNEBOOK_MODE is offline"):
            rb.search_runs()


@pytest.mark.usefixtures("offline")
def test_all_that_an_offline_run_logs_arrives_when_it_is_shipped(
    own_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rb.set_tracking_uri("http://127.0.0.1:9")
    rb.set_experiment("away")
    with rb.start_run(description="Why.", tags={"a": 1}) as outer:
        rb.log_params({"lr": 0.1, "big": "x" * 10_000})
        rb.log_metrics({"nan": math.nan, "inf": -math.inf})
        for step in range(2000):
            rb.log_metric("m", float(step), step=step)
        rb.log_inputs(models=[LoggedModelInput("m-" + "0" * 32)])
        rb.set_tag("b", 2)
        with rb.start_run(nested=True) as inner:
            rb.log_metric("inner", 1)
        rb.end_run("FAILED")

    target = f"sqlite:///{own_store}/target.db"
    done = sync("--all", "--tracking-uri", target)
    assert "2 runs" in done.stdout
    go_online(monkeypatch, target)
    stored = rb.get_run(outer.info.run_id)
    assert (stored.info.status, stored.info.run_name) == ("FAILED", outer.info.run_name)
    assert stored.data.params == {"lr": "0.1", "big": "x" * 10_000}
    assert math.isnan(stored.data.metrics["nan"])
    assert stored.data.metrics["inf"] == -math.inf
    assert (stored.data.tags["a"], stored.data.tags["b"]) == ("1", "2")
    assert stored.data.tags["mlflow.note.content"] == "Why."
    assert [read.model_id for read in stored.inputs.model_inputs] == ["m-" + "0" * 32]
    assert rb.get_experiment(stored.info.experiment_id).name == "away"
    child = rb.get_run(inner.info.run_id)
    assert child.data.tags["mlflow.parentRunId"] == outer.info.run_id
    assert (child.info.status, child.info.start_time) == ("FINISHED", inner.info.start_time)
    storage = open_store(target)
    try:
        assert stored_points(storage, outer.info.run_id, "m", 0) == (2000, 2000)
    finally:
        storage.close()


@pytest.mark.usefixtures("offline")
def test_files_of_an_offline_run_are_kept_as_they_were_and_arrive(
    own_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = own_store / "checkpoint.bin"
    with rb.start_run() as run:
        for epoch in range(3):
            checkpoint.write_bytes(bytes([epoch]) * 100_000)
            rb.log_artifact(str(checkpoint), f"epoch {epoch}")
        rb.log_text("first", "notes/text.txt")
        rb.log_text("last", "notes/text.txt")
        with pytest.raises(rb.RunebookError, match="must be relative"):
            rb.log_text("out", "../out.txt")

    assert "4 files" in sync().stdout
    go_online(monkeypatch, f"sqlite:///{own_store}/runebook.db")
    for epoch in range(3):
        path = rb.artifacts.download_artifacts(f"runs:/{run.info.run_id}/epoch {epoch}/checkpoint.bin")
        assert Path(path).read_bytes() == bytes([epoch]) * 100_000
    assert rb.artifacts.load_text(f"runs:/{run.info.run_id}/notes/text.txt") == "last"
    assert "1 spool, 0 records shipped." in sync().stdout


def test_a_script_that_knows_nothing_of_it_works_offline(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    done = script(
        """
        import os
        os.environ["MLFLOW_MODE"] = "offline"
        import runebook as mlflow
        experiment = mlflow.set_experiment("plain")
        with mlflow.start_run(experiment_id=experiment.experiment_id):
            mlflow.log_metric("loss", 0.5)
        mlflow.log_param("implicit", True)
        mlflow.MlflowClient().log_metric(mlflow.active_run().info.run_id, "m", 1.0)
        """
    )
    assert done.stderr == ""
    assert "2 runs" in sync().stdout

    runs = rb.search_runs(experiment_names=["plain"], output_format="list")
    assert [run.info.status for run in runs] == ["FINISHED", "FINISHED"]
    assert {key: value for run in runs for key, value in run.data.metrics.items()} == {"loss": 0.5, "m": 1.0}


@pytest.mark.usefixtures("offline")
def test_runs_are_resumed_and_shared_offline(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rb.set_experiment("away")
    with rb.start_run() as first:
        rb.log_param("p", 1)
    with rb.start_run(run_id=first.info.run_id, run_name="renamed"):
        rb.log_param("q", 2)
    with rb.start_run(run_id="f" * 32, shared=True):
        rb.log_metric("of rank 0", 1)

    sync()
    go_online(monkeypatch, f"sqlite:///{own_store}/runebook.db")
    resumed, shared = rb.get_run(first.info.run_id), rb.get_run("f" * 32)
    assert (resumed.data.params, resumed.info.run_name) == ({"p": "1", "q": "2"}, "renamed")
    assert (resumed.info.status, shared.info.status) == ("FINISHED", "FINISHED")
    assert shared.data.metrics == {"of rank 0": 1.0}


def test_a_run_that_is_logged_to_after_its_end_stays_ended(script: Script) -> None:
    script(
        """
        import os
        os.environ["RUNEBOOK_MODE"] = "offline"
        import runebook as rb
        with rb.start_run() as run:
            pass
        for step in range(60_000):
            rb.Client().log_metric(run.info.run_id, "late", 1.0, step=step)
        """
    )
    sync()

    (run,) = rb.search_runs(output_format="list")
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"late": 1.0})


@pytest.mark.usefixtures("offline")
def test_what_sync_has_shipped_makes_room_for_an_offline_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNEBOOK_SPOOL_LIMIT_MB", "8")
    with rb.start_run():
        with pytest.raises(TemporarilyUnavailable, match="runebook sync"):
            log_points(1_000_000)
        sync()
        log_points(100_000)


def log_points(number: int) -> None:
    for step in range(number):
        rb.log_metric("m", 1.0, step=step)


# --- a server that cannot be reached ---


def test_a_run_is_started_without_its_server_and_completes_when_that_comes_up(
    absent: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNEBOOK_FLUSH_TIMEOUT", "60")
    rb.set_tracking_uri(absent)
    started = time.monotonic()
    rb.set_experiment("late")
    run = rb.start_run(run_name="early")
    assert time.monotonic() - started < 8
    rb.log_param("p", 1)
    rb.log_text("kept", "kept.txt")
    for step in range(1000):
        rb.log_metric("m", float(step), step=step)
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "cannot be reached" in warnings[0]

    with serve(tmp_path / "server", int(absent.rpartition(":")[2])):
        rb.end_run()
        stored = rb.get_run(run.info.run_id)
        assert (stored.info.status, stored.info.run_name) == ("FINISHED", "early")
        assert (stored.data.params, stored.data.metrics) == ({"p": "1"}, {"m": 999.0})
        assert len(rb.Client().get_metric_history(run.info.run_id, "m")) == 1000
        assert rb.artifacts.load_text(f"runs:/{run.info.run_id}/kept.txt") == "kept"
        assert rb.get_experiment(stored.info.experiment_id).name == "late"
        with rb.start_run() as later:
            assert later.info.artifact_uri
            assert later.info.experiment_id == stored.info.experiment_id


def test_a_server_that_never_comes_delays_the_end_for_so_long_and_what_is_left_is_shipped_later(
    absent: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNEBOOK_FLUSH_TIMEOUT", "1")
    rb.set_tracking_uri(absent)
    with rb.start_run() as run:
        rb.log_metric("m", 1)
        started = time.monotonic()
    assert 0.9 < time.monotonic() - started < 5
    assert "`runebook sync` ships them" in caplog.messages[-1]
    opening.close_all()

    with serve(tmp_path / "server", int(absent.rpartition(":")[2])):
        sync("--all")
        stored = rb.get_run(run.info.run_id)
    assert (stored.info.status, stored.data.metrics) == ("FINISHED", {"m": 1.0})


def test_a_server_that_does_not_answer_is_away_after_a_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNEBOOK_FLUSH_TIMEOUT", "0.1")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        rb.set_tracking_uri(f"http://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        rb.start_run()
        rb.log_metric("m", 1)
        assert time.monotonic() - started < 8
        rb.end_run()


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_whose_server_is_away_starts_no_quarrel(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNEBOOK_FLUSH_TIMEOUT", "0.1")
    with flaky_server() as server:
        server.info = None
        for _ in range(50):
            server.then(status, **{"Retry-After": "100"})
        rb.set_tracking_uri(server.uri)
        with rb.start_run():
            rb.log_metric("m", 1)


def test_a_server_that_refuses_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with flaky_server() as server:
        for _ in range(5):
            server.then(401, {"error_code": "UNAUTHENTICATED", "message": "Who are you?"})
        rb.set_tracking_uri(server.uri)
        with pytest.raises(Unauthenticated, match="Who are you"):
            rb.start_run()
    assert rb.active_run() is None


def test_a_server_that_goes_away_after_the_start_and_comes_back_gets_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNEBOOK_FLUSH_TIMEOUT", "60")
    port = free_port()
    rb.set_tracking_uri(f"http://127.0.0.1:{port}")
    with serve(tmp_path / "server", port):
        run = rb.start_run()
        rb.log_metric("m", 0, step=0)
        rb.flush()
    for step in range(1, 100):
        rb.log_metric("m", float(step), step=step)
        time.sleep(0.01)
    rb.log_param("p", 1)
    rb.log_dict({"x": 1}, "d.json")
    rb.Client().log_metric("e" * 32, "of a run that nobody knows", 1)
    with serve(tmp_path / "server", port) as server:
        rb.end_run()
        stored = rb.get_run(run.info.run_id)
        assert (stored.info.status, stored.data.params) == ("FINISHED", {"p": "1"})
        assert rb.artifacts.load_dict(f"runs:/{run.info.run_id}/d.json") == {"x": 1}
    storage = open_store(f"sqlite:///{server.database}")
    try:
        assert stored_points(storage, run.info.run_id, "m", 0) == (100, 100)
    finally:
        storage.close()
