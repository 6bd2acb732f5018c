"""Runebook's client against a real MLflow server: what a user has who changes the import line and nothing else."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

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
