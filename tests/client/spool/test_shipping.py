"""What is logged to a server arrives in order and once, whatever wire and server do; what it refuses is told."""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.bad_wire import FATES, BadWire
from tests.server.running import RunningServer

import runebook as rb
from runebook.client.opening import close_all
from runebook.client.spool import shipper
from runebook.client.spool import spool as spools
from runebook.core.errors import InvalidParameterValue, RunebookError, TemporarilyUnavailable


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many small frames, sent again soon."""
    monkeypatch.setattr(spools, "FIRST_SEGMENT_SLOTS", 23)
    monkeypatch.setattr(spools, "SEGMENT_SLOTS", 50)
    monkeypatch.setattr(shipper, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(shipper, "LONGEST_PAUSE_SECONDS", 0.05)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[RunningServer]:
    """A server of this test alone."""
    (tmp_path / "alone").mkdir()
    with RunningServer(tmp_path / "alone", lease_interval_s=0.2) as running:
        yield running


def uri_of(server: RunningServer) -> str:
    return f"http://127.0.0.1:{server.port}"


def stored_counts(server: RunningServer) -> list[int]:
    """How many points the store has counted of each series: readers would not see one that is there twice."""
    connection = sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)
    try:
        return [points for (points,) in connection.execute("SELECT points FROM metric_summaries ORDER BY run, name_id")]
    finally:
        connection.close()


def status_of(server: RunningServer, run_id: str) -> tuple[str, str | None]:
    """The status of a run, and why it ended."""
    run = server.request("GET", f"/api/2.0/mlflow/runs/get?run_id={run_id}").json["run"]
    tags = {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])}
    return run["info"]["status"], tags.get("runebook.end_reason")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("seed", range(4))
def test_over_a_wire_that_loses_cuts_delays_and_repeats_all_arrives_once_and_in_order(
    seed: int, alone: RunningServer
) -> None:
    with BadWire(alone.port, seed) as wire:
        rb.set_tracking_uri(wire.uri)
        with rb.start_run() as run:
            for step in range(2500):
                rb.log_metrics({"a": step / 4, "b": -step / 4}, step=step)
                if step % 50 == 0:
                    rb.log_param(f"p{step}", step)
                    rb.set_tag("newest", step)
        assert len(wire.done) == len(FATES) + 1, wire.done
        while any(thread.is_alive() for thread in wire.late):
            time.sleep(0.01)
        found = rb.get_run(run.info.run_id)
        histories = {key: rb.MlflowClient().get_metric_history(run.info.run_id, key) for key in ("a", "b")}
        close_all()

    assert found.info.status == "FINISHED"
    assert found.data.params == {f"p{step}": str(step) for step in range(0, 2500, 50)}
    assert found.data.tags["newest"] == "2450"
    assert [(point.step, point.value) for point in histories["a"]] == [(step, step / 4) for step in range(2500)]
    assert [(point.step, point.value) for point in histories["b"]] == [(step, -step / 4) for step in range(2500)]
    assert stored_counts(alone) == [2500, 2500]


@pytest.mark.usefixtures("impatient")
def test_a_server_that_is_away_costs_nothing_and_gets_all_when_it_is_back(
    tmp_path: Path, own_store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with RunningServer(tmp_path) as first:
        rb.set_tracking_uri(uri_of(first))
        rb.start_run()
        rb.log_metric("m", 0.0, step=0)
        rb.flush()
        port = first.port
    started = time.monotonic()
    for step in range(1, 1000):
        rb.log_metric("m", step / 4, step=step)
    rb.log_param("p", 1)
    rb.set_tag("t", 1)
    assert time.monotonic() - started < 1
    with pytest.raises(TemporarilyUnavailable, match=r"\d+ records.* lie in .*cannot be reached.*runebook sync"):
        rb.flush(0.3)

    with RunningServer(tmp_path, port=port) as second:
        rb.flush()
        run = rb.active_run()
        rb.end_run()
        assert run is not None
        found = rb.get_run(run.info.run_id)
        counts = stored_counts(second)
        close_all()

    assert (found.info.status, found.data.metrics, found.data.params) == ("FINISHED", {"m": 999 / 4}, {"p": "1"})
    assert counts == [1000]
    said = [record.message for record in caplog.records if record.name == "runebook.spool"]
    assert [message for message in said if "What is logged stays in" in message] == said[:1]
    assert [message for message in said if "is there again" in message] == said[1:]


def kept(own_spool: Path) -> list[dict[str, object]]:
    """What stores refused."""
    return [json.loads(line) for path in own_spool.glob("*/refused.jsonl") for line in path.read_text().splitlines()]


def test_what_a_store_refuses_is_kept_and_raised_once_and_all_else_arrives(
    alone: RunningServer, own_spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rb.set_tracking_uri(uri_of(alone))
    client = rb.MlflowClient()
    gone, there = (client.create_run("0").info.run_id for _ in range(2))
    for run_id in (gone, there):
        client.log_metric(run_id, "m", 1.0, step=1)
    client.flush()
    alone.post("/api/2.0/mlflow/runs/delete", {"run_id": gone})
    for run_id in (gone, there, gone, there):
        client.log_metric(run_id, "m", 2.0, step=2)
    client.set_tag(there, "t", "v")

    with pytest.raises(RunebookError, match=gone):
        client.flush()
    client.flush()

    found = client.get_run(there).data
    assert (found.metrics, found.tags["t"]) == ({"m": 2.0}, "v")
    assert stored_counts(alone)[-1] == 3
    (refused,) = kept(own_spool)
    assert refused["refusal"]["run_id"] == gone  # type: ignore[index]
    assert len(refused["parts"]) == 1  # type: ignore[arg-type]
    assert "the store does not take what was logged" in caplog.text


def test_a_param_that_another_process_gave_another_value_is_refused_alone(
    alone: RunningServer, own_spool: Path
) -> None:
    rb.set_tracking_uri(uri_of(alone))
    with rb.start_run() as run:
        rb.flush()
        alone.post("/api/2.0/mlflow/runs/log-parameter", {"run_id": run.info.run_id, "key": "lr", "value": "of others"})
        rb.log_params({"lr": "mine", "depth": 3})
        rb.log_metric("m", math.nan)
        with pytest.raises(InvalidParameterValue, match="lr"):
            rb.flush()

    found = rb.get_run(run.info.run_id)
    assert (found.info.status, found.data.params) == ("FINISHED", {"lr": "of others", "depth": "3"})
    assert math.isnan(found.data.metrics["m"])
    assert [entry["refusal"]["param"] for entry in kept(own_spool)] == [{"key": "lr", "value": "mine"}]  # type: ignore[index]
