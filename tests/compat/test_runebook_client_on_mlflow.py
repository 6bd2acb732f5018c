"""Runebook's client against a real MLflow server: what a user has who changes the import line and nothing else."""

from __future__ import annotations

import json
import math
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import runebook as rb
from runebook.client import opening
from runebook.client.fluent import experiments
from runebook.core.errors import AlreadyExists, InvalidParameterValue, NotFound
from runebook.entities import LoggedModelOutput, Metric, Param, RunTag

from .conftest import Server


@pytest.fixture(autouse=True)
def tracked_to_mlflow(mlflow: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith(("RUNEBOOK_", "MLFLOW_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RUNEBOOK_GIT_DIFF", "false")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    rb.set_tracking_uri(mlflow.address)
    rb.set_experiment(f"runebook's client {tmp_path.name}")
    yield
    rb.end_run()
    rb.set_tracking_uri("")
    experiments._chosen = None
    os.environ.pop("RUNEBOOK_EXPERIMENT_ID", None)
    opening.close_all()


def test_a_run_with_all_that_it_logs_is_read_back() -> None:
    with rb.start_run(run_name="outer", description="Why.", tags={"a": 1}) as outer:
        rb.log_params({"lr": 0.1, "big": "x" * 1000})
        rb.log_param("single", None)
        for step in range(3):
            rb.log_metrics({"loss": 1.0 / (step + 1), "odd": math.nan}, step=step)
        rb.log_metric("sum", 1.5, step=-(2**60), timestamp=1234)
        rb.set_tag("b", 2)
        rb.delete_tag("a")
        with rb.start_run(nested=True) as inner:
            pass

    stored = rb.get_run(outer.info.run_id)
    assert (stored.info.status, stored.info.run_name) == ("FINISHED", "outer")
    assert stored.data.params == {"lr": "0.1", "big": "x" * 1000, "single": "None"}
    assert stored.data.metrics["loss"] == pytest.approx(1 / 3)
    assert math.isnan(stored.data.metrics["odd"])
    assert (stored.data.tags["b"], stored.data.tags["mlflow.note.content"]) == ("2", "Why.")
    assert "a" not in stored.data.tags
    parent = rb.get_parent_run(inner.info.run_id)
    assert parent is not None
    assert parent.info.run_id == outer.info.run_id
    (point,) = rb.Client().get_metric_history(outer.info.run_id, "sum")
    assert (point.value, point.step, point.timestamp) == (1.5, -(2**60), 1234)


def test_a_run_is_resumed_failed_and_restored() -> None:
    with pytest.raises(ValueError, match="boom"), rb.start_run() as run:
        raise ValueError("boom")
    assert rb.get_run(run.info.run_id).info.status == "FAILED"
    with rb.start_run(run_id=run.info.run_id, tags={"again": "yes"}):
        assert rb.get_run(run.info.run_id).info.status == "RUNNING"
    rb.delete_run(run.info.run_id)
    with pytest.raises(rb.RunebookError, match="is deleted"):
        rb.start_run(run_id=run.info.run_id)
    rb.restore_run(run.info.run_id)
    assert rb.get_run(run.info.run_id).data.tags["again"] == "yes"


def test_errors_have_their_classes() -> None:
    name = f"taken {os.urandom(4).hex()}"
    rb.create_experiment(name)
    with pytest.raises(AlreadyExists):
        rb.create_experiment(name)
    with pytest.raises(NotFound):
        rb.get_run("0" * 32)
    with rb.start_run() as run:
        rb.log_param("p", 1)
        with pytest.raises(InvalidParameterValue, match=run.info.run_id):
            rb.log_param("p", 2)


def test_runs_are_searched_in_pages_and_as_a_frame() -> None:
    for number in range(5):
        with rb.start_run():
            rb.log_metric("m", number)
            rb.log_param("n", number)

    found = rb.search_runs(filter_string="metrics.m >= 2", order_by=["metrics.m DESC"])
    assert isinstance(found, pd.DataFrame)
    assert list(found["params.n"]) == ["4", "3", "2"]
    client, experiment_id = rb.Client(), str(found["experiment_id"][0])
    first = client.search_runs([experiment_id], max_results=3)
    rest = client.search_runs([experiment_id], max_results=3, page_token=first.token)
    assert (len(first), len(rest), rest.token) == (3, 2, None)


def test_a_long_batch_arrives_whole() -> None:
    with rb.start_run() as run:
        rb.Client().log_batch(
            run.info.run_id,
            metrics=[Metric("m", float(step), 1000, step) for step in range(1200)],
            params=[Param(f"p{number}", "v") for number in range(120)],
            tags=[RunTag(f"t{number}", "v") for number in range(120)],
        )

    stored = rb.get_run(run.info.run_id)
    assert len(stored.data.params) == 120
    assert len(rb.Client().get_metric_history(run.info.run_id, "m")) == 1200


def test_experiments_live_their_life() -> None:
    client, name = rb.Client(), f"life {os.urandom(4).hex()}"
    experiment_id = rb.create_experiment(name, tags={"a": "1"})
    client.set_experiment_tag(experiment_id, "b", 2)
    client.delete_experiment_tag(experiment_id, "a")
    client.rename_experiment(experiment_id, name + "!")
    rb.delete_experiment(experiment_id)
    assert rb.get_experiment(experiment_id).lifecycle_stage == "deleted"
    rb.restore_experiment(experiment_id)
    (found,) = rb.search_experiments(filter_string=f"name = '{name}!'")
    assert (found.experiment_id, found.tags) == (experiment_id, {"b": "2"})


def test_files_go_through_the_server(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "b ü%.bin").write_bytes(bytes(range(256)) * 5000)
    (folder / "empty").touch()
    with rb.start_run() as run:
        rb.log_artifacts(str(folder), "all")
        rb.log_dict({"x": 1}, "d.json")

    client, run_id = rb.Client(), run.info.run_id
    assert [(file.path, file.is_dir) for file in client.list_artifacts(run_id)] == [("all", True), ("d.json", False)]
    fetched = Path(client.download_artifacts(run_id, "all"))
    assert (fetched / "sub" / "b ü%.bin").read_bytes() == bytes(range(256)) * 5000
    assert (fetched / "empty").read_bytes() == b""
    assert rb.artifacts.load_dict(f"runs:/{run_id}/d.json") == {"x": 1}


def test_datasets_and_models_are_linked() -> None:
    dataset = rb.data.from_pandas(pd.DataFrame({"x": [1.0, None]}), name="numbers", targets="x")
    with rb.start_run() as run:
        rb.log_input(dataset, context="train")
        model = rb.initialize_logged_model("net", params={"layers": "2"}, tags={"a": "1"})
        rb.finalize_logged_model(model.model_id, "READY")
        rb.log_outputs([LoggedModelOutput(model.model_id, 1)])
        rb.log_metric("accuracy", 0.5, step=1)
        rb.log_model_params({"heads": "8"}, model.model_id)
        rb.set_logged_model_tags(model.model_id, {"b": "2"})
        rb.delete_logged_model_tag(model.model_id, "a")

    stored, made = rb.get_run(run.info.run_id), rb.get_logged_model(model.model_id)
    (read,) = stored.inputs.dataset_inputs
    assert (read.dataset.name, read.dataset.digest, read.tags[0].value) == ("numbers", dataset.digest, "train")
    assert [output.model_id for output in stored.outputs.model_outputs] == [model.model_id]
    assert (made.status, made.params, made.tags) == ("READY", {"layers": "2", "heads": "8"}, {"b": "2"})
    assert [(metric.key, metric.value) for metric in made.metrics] == [("accuracy", 0.5)]
    found = rb.search_logged_models(filter_string="name = 'net'", output_format="list")
    assert [one.model_id for one in found] == [model.model_id]  # type: ignore[union-attr]
    rb.Client().delete_logged_model(model.model_id)
    with pytest.raises(NotFound):
        rb.get_logged_model(model.model_id)


def test_an_mlflow_server_is_known_for_what_it_is() -> None:
    assert not rb.Client().transport.takes_long_tags()


# --- through the spool: what an MLflow server takes in batches ---


def sync(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`runebook sync`, in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "RUNEBOOK_MODE"}
    return subprocess.run(
        [sys.executable, "-m", "runebook", "sync", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def only_run(address: str, experiment: str, name: str) -> Any:
    """The one run of this name, as the server has it."""
    client = rb.Client(address)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    (run,) = client.search_runs([found.experiment_id], f"attributes.run_name = '{name}'")
    return run


def test_an_offline_run_is_made_on_the_server_with_an_id_from_there(
    mlflow: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = f"offline {tmp_path.name}"
    monkeypatch.setenv("RUNEBOOK_MODE", "offline")
    rb.set_experiment(experiment)
    with rb.start_run(run_name="outer", tags={"a": 1}, description="Why.") as outer:
        rb.log_params({"lr": 0.1, "single": None})
        for step in range(2500):
            rb.log_metric("m", float(step), step=step)
        rb.log_metrics({"nan": math.nan, "inf": math.inf}, step=-3)
        rb.log_input(rb.data.from_pandas(pd.DataFrame({"x": [1.0]}), name="numbers"), context="train")
        rb.log_text("kept", "notes/kept.txt")
        with rb.start_run(run_name="inner", nested=True) as inner:
            pass
    monkeypatch.delenv("RUNEBOOK_MODE")

    first, again = sync(), sync()
    assert (first.returncode, again.returncode) == (0, 0), first
    stored = only_run(mlflow.address, experiment, "outer")
    run_id = stored.info.run_id
    assert run_id != outer.info.run_id
    assert (stored.info.status, stored.info.start_time) == ("FINISHED", outer.info.start_time)
    assert stored.data.params == {"lr": "0.1", "single": "None"}
    assert math.isnan(stored.data.metrics["nan"])
    assert (stored.data.tags["a"], stored.data.tags["mlflow.note.content"]) == ("1", "Why.")
    assert stored.data.tags["runebook.run_id"] == outer.info.run_id
    history = rb.Client(mlflow.address).get_metric_history(run_id, "m")
    assert sorted((point.step, point.value) for point in history) == [(step, float(step)) for step in range(2500)]
    (point,) = rb.Client(mlflow.address).get_metric_history(run_id, "inf")
    assert (point.step, point.value > 1e308) == (-3, True)
    assert [read.dataset.name for read in stored.inputs.dataset_inputs] == ["numbers"]
    assert rb.artifacts.load_text(f"runs:/{run_id}/notes/kept.txt") == "kept"
    child = only_run(mlflow.address, experiment, "inner")
    assert child.info.run_id != inner.info.run_id
    assert child.data.tags["mlflow.parentRunId"] == run_id


def test_copies_of_an_offline_run_make_one_run(mlflow: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = f"copied {tmp_path.name}"
    monkeypatch.setenv("RUNEBOOK_MODE", "offline")
    monkeypatch.setenv("RUNEBOOK_SPOOL_DIR", str(tmp_path / "spools"))
    rb.set_experiment(experiment)
    with rb.start_run(run_name="copied"):
        rb.log_metric("m", 1)
    monkeypatch.delenv("RUNEBOOK_MODE")
    opening.close_all()
    shutil.copytree(tmp_path / "spools", tmp_path / "copy")

    done = [sync(), sync(str(tmp_path / "copy"))]

    assert [one.returncode for one in done] == [0, 0], done
    stored = only_run(mlflow.address, experiment, "copied")
    assert len(rb.Client(mlflow.address).get_metric_history(stored.info.run_id, "m")) == 1


def test_what_an_mlflow_server_would_cut_or_contradicts_is_refused_alone_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNEBOOK_SPOOL_DIR", str(tmp_path / "spools"))
    with rb.start_run() as run:
        rb.log_param("p", 1)
        rb.flush()
        writes = f"import runebook as rb; rb.Client().log_param({run.info.run_id!r}, 'theirs', 1)"
        subprocess.run([sys.executable, "-c", writes], check=True, timeout=60)
        rb.log_params({"long": "x" * 6001, "theirs": 2, "fine": 3})
        rb.set_tags({"long": "y" * 8001, "short": "y"})
        rb.log_metric("m", 1)
        with pytest.raises(InvalidParameterValue):
            rb.flush()

    stored = rb.get_run(run.info.run_id)
    assert stored.data.params == {"p": "1", "theirs": "1", "fine": "3"}
    assert (stored.data.tags["short"], "long" in stored.data.tags) == ("y", False)
    assert (stored.data.metrics, stored.info.status) == ({"m": 1.0}, "FINISHED")
    (kept,) = (tmp_path / "spools").glob("*/refused.jsonl")
    messages = [json.loads(line)["refusal"]["message"] for line in kept.read_text().splitlines()]
    assert len(messages) == 3
    assert "6001 characters" in messages[0]


def test_a_run_started_while_the_server_was_away_is_found_by_the_id_it_had_here(
    mlflow: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with gate_to(mlflow.address) as gate:
        rb.set_tracking_uri(gate.uri)
        run = rb.start_run(run_name="early")
        rb.log_metric("m", 1)
        rb.log_text("kept", "kept.txt")
        gate.open()
        rb.end_run()

        stored = rb.get_run(run.info.run_id)
        assert stored.info.run_id != run.info.run_id
        assert (stored.info.run_name, stored.info.status, stored.data.metrics) == ("early", "FINISHED", {"m": 1.0})
        assert rb.artifacts.load_text(f"runs:/{run.info.run_id}/kept.txt") == "kept"


def test_answers_that_are_lost_add_nothing_twice(mlflow: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNEBOOK_HTTP_REQUEST_MAX_RETRIES", "0")
    name = f"lost {os.urandom(4).hex()}"
    with gate_to(mlflow.address) as gate:
        rb.set_tracking_uri(gate.uri)
        with rb.start_run(run_name=name):
            gate.open(losing={2, 5, 9, 10, 14, 18})
            rb.log_param("p", 1)
            for step in range(3000):
                rb.log_metric("m", float(step), step=step)
        assert gate.lost == 6

    rb.set_tracking_uri(mlflow.address)
    (stored,) = rb.search_runs(
        search_all_experiments=True, filter_string=f"attributes.run_name = '{name}'", output_format="list"
    )
    history = rb.Client().get_metric_history(stored.info.run_id, "m")
    assert sorted((point.step, point.value) for point in history) == [(step, float(step)) for step in range(3000)]
    assert (stored.info.status, stored.data.params) == ("FINISHED", {"p": "1"})


class Gate:
    """A way to a server that refuses connections until it is opened, and may lose some answers."""

    def __init__(self, address: str) -> None:
        self._host, _, port = address.removeprefix("http://").partition(":")
        self._port = int(port)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._own_port = int(probe.getsockname()[1])
        self._losing: set[int] = set()
        self._answers = 0
        self.lost = 0
        self._listening: socket.socket | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._own_port}"

    def open(self, losing: Iterable[int] = ()) -> None:
        """Accept connections; lose the answers of these numbers, from 1 on."""
        self._losing = {*losing}
        self._listening = socket.create_server(("127.0.0.1", self._own_port))
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def close(self) -> None:
        if self._listening is not None:
            self._listening.close()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.create_connection((self._host, self._port)) as server:
            threading.Thread(target=self._pump, args=(client, server), daemon=True).start()
            while answer := _received(server):
                self._answers += 1
                if self._answers in self._losing:
                    self.lost += 1
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(answer)

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        while sent := _received(client):
            server.sendall(sent)


def _received(wire: socket.socket) -> bytes:
    try:
        return wire.recv(65536)
    except OSError:  # the other side has closed it
        return b""


@contextmanager
def gate_to(address: str) -> Iterator[Gate]:
    gate = Gate(address)
    try:
        yield gate
    finally:
        gate.close()
