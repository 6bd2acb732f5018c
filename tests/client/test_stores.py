"""One conversation with every kind of store, through the fluent API and through `Client`."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import runebook as rb
from runebook.client.data import dataset_entity
from runebook.core.errors import AlreadyExists, NotFound
from runebook.entities import DatasetInput, InputTag, LoggedModelOutput, Metric, RunTag, ViewType

STORES = ("memory", "sqlite", "files", "server")


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, own_store: Path) -> str:
    uri = {
        "memory": "memory:",
        "sqlite": f"sqlite:///{own_store}/its own.db",
        "files": str(own_store / "mlruns"),
    }.get(request.param) or request.getfixturevalue("server_uri")
    rb.set_tracking_uri(uri)
    rb.set_experiment(f"{request.node.name} {own_store.name}")
    return uri


def test_a_whole_run_is_read_back(store: str) -> None:
    with rb.start_run(run_name="whole", tags={"kind": "test"}) as run:
        rb.log_params({"lr": 0.1, "größe": "ja/nein"})
        for step in range(3):
            rb.log_metrics({"loss": 1 / (step + 1), "val/loss": math.nan}, step=step)
        rb.log_metric("big", math.inf, step=2**60)
        rb.delete_tag("kind")

    stored = rb.get_run(run.info.run_id)
    assert stored.info.status == "FINISHED"
    assert stored.data.params == {"lr": "0.1", "größe": "ja/nein"}
    assert stored.data.metrics["loss"] == pytest.approx(1 / 3)
    assert stored.data.metrics["big"] == math.inf
    assert math.isnan(stored.data.metrics["val/loss"])
    assert "kind" not in stored.data.tags
    history = rb.Client().get_metric_history(run.info.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(0, 1.0), (1, 0.5), (2, pytest.approx(1 / 3))]
    assert rb.Client().get_metric_history(run.info.run_id, "big")[0].step == 2**60


def test_the_best_run_is_found(store: str) -> None:
    for depth in (1, 2, 3):
        with rb.start_run(run_name=f"depth {depth}"):
            rb.log_param("depth", depth)
            rb.log_metric("accuracy", depth / 10)

    found = rb.search_runs(filter_string="metrics.accuracy > 0.1", order_by=["metrics.accuracy DESC"])
    assert isinstance(found, pd.DataFrame)
    assert list(found["tags.mlflow.runName"]) == ["depth 3", "depth 2"]
    assert list(found["metrics.accuracy"]) == [0.3, 0.2]
    page = rb.Client().search_runs([rb.set_experiment(experiment_id=found["experiment_id"][0]).experiment_id], "", 1, 2)
    assert len(page) == 2
    assert page.token
    rest = rb.Client().search_runs([found["experiment_id"][0]], max_results=2, page_token=page.token)
    assert (len(rest), rest.token) == (1, None)


def test_runs_go_to_the_trash_and_back(store: str) -> None:
    with rb.start_run() as run:
        pass
    rb.delete_run(run.info.run_id)
    assert rb.search_runs(output_format="list") == []
    deleted = rb.search_runs(output_format="list", run_view_type=ViewType.DELETED_ONLY)
    assert [found.info.lifecycle_stage for found in deleted] == ["deleted"]
    rb.restore_run(run.info.run_id)
    assert len(rb.search_runs(output_format="list")) == 1


def test_an_experiment_lives_its_life(store: str) -> None:
    client = rb.Client()
    name = f"life {store} {np.random.default_rng().integers(10**9)}"
    experiment_id = rb.create_experiment(name, tags={"a": 1})
    with pytest.raises(AlreadyExists):
        rb.create_experiment(name)
    rb.set_experiment(name)
    rb.set_experiment_tags({"b": 2, "c": 3})
    rb.delete_experiment_tag("c")
    client.rename_experiment(experiment_id, name + " renamed")

    experiment = rb.get_experiment(experiment_id)
    assert (experiment.name, experiment.tags) == (name + " renamed", {"a": "1", "b": "2"})
    assert rb.get_experiment_by_name(name) is None
    found = rb.search_experiments(filter_string=f"name = '{name} renamed'")
    assert [one.experiment_id for one in found] == [experiment_id]
    rb.delete_experiment(experiment_id)
    with pytest.raises(rb.RunebookError, match="is deleted"):
        rb.set_experiment(name + " renamed")
    rb.restore_experiment(experiment_id)
    assert rb.get_experiment(experiment_id).lifecycle_stage == "active"


def test_what_is_not_there_is_not_found(store: str) -> None:
    with pytest.raises(NotFound):
        rb.get_run("0" * 32)
    with pytest.raises(NotFound):
        rb.get_experiment("987654")
    assert rb.get_experiment_by_name("no such experiment") is None
    with pytest.raises(NotFound):
        rb.get_logged_model("m-" + "0" * 32)


def test_inputs_are_read_back(store: str) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": ["a", "b"]})
    dataset = rb.data.from_pandas(frame, source="https://example.org/x.csv", name="letters")
    with rb.start_run() as run:
        rb.log_input(dataset, context="train", tags={"split": "1"})

    read = rb.get_run(run.info.run_id).inputs.dataset_inputs
    assert [(one.dataset.name, one.dataset.digest, one.dataset.source_type) for one in read] == [
        ("letters", dataset.digest, "http")
    ]
    assert {tag.key: tag.value for tag in read[0].tags} == {"mlflow.data.context": "train", "split": "1"}


def test_a_logged_model_lives_its_life(store: str) -> None:
    client = rb.Client()
    with rb.start_run() as run:
        model = rb.initialize_logged_model("net", tags={"a": "1"}, params={"layers": "2"}, model_type="classifier")
        assert (model.status, model.source_run_id) == ("PENDING", run.info.run_id)
        rb.finalize_logged_model(model.model_id, "READY")
        rb.log_outputs([LoggedModelOutput(model.model_id, step=3)])
        rb.log_metric("accuracy", 0.9, step=3)
        rb.log_metrics({"f1": 0.8}, step=3)
        rb.log_metric("other", 1, step=4)
        rb.set_logged_model_tags(model.model_id, {"b": 2})
        rb.delete_logged_model_tag(model.model_id, "a")
        rb.log_model_params({"heads": "8"}, model.model_id)

    stored = rb.last_logged_model()
    assert stored is not None
    assert (stored.name, stored.status, stored.model_uri) == ("net", "READY", f"models:/{model.model_id}")
    assert stored.tags == {"b": "2"}
    assert stored.params == {"layers": "2", "heads": "8"}
    assert {metric.key: metric.value for metric in stored.metrics} == {"accuracy": 0.9, "f1": 0.8}
    outputs = rb.get_run(run.info.run_id).outputs.model_outputs
    assert [(made.model_id, made.step) for made in outputs] == [(model.model_id, 3)]
    found = rb.search_logged_models(filter_string="name = 'net'", output_format="list")
    assert [one.model_id for one in found] == [model.model_id]
    client.delete_logged_model(model.model_id)
    with pytest.raises(NotFound):
        rb.get_logged_model(model.model_id)


def test_an_active_model_gets_the_metrics(store: str) -> None:
    with rb.set_active_model(name="champion") as model, rb.start_run():
        assert rb.get_active_model_id() == model.model_id
        rb.log_metric("accuracy", 0.5)
    assert rb.get_active_model_id() is None
    assert [metric.key for metric in rb.get_logged_model(model.model_id).metrics] == ["accuracy"]
    assert rb.set_active_model(name="champion").model_id == model.model_id
    rb.clear_active_model()


def test_files_are_put_listed_and_fetched(store: str, own_store: Path) -> None:
    source = own_store / "made"
    (source / "sub").mkdir(parents=True)
    (source / "a.txt").write_text("a")
    (source / "sub" / "b ü%.bin").write_bytes(bytes(range(256)) * 5000)
    with rb.start_run() as run:
        rb.log_artifact(str(source / "a.txt"))
        rb.log_artifact(str(source), "whole")
        rb.log_artifacts(str(source), "content")
        rb.log_text("text ü", "notes/t.txt")
        rb.log_dict({"x": [1, 2]}, "d.json")
        rb.log_dict({"x": "ü"}, "d.yml")
        with (source / "a.txt").open("rb") as stream:
            rb.log_stream(stream, "streamed")

    client, run_id = rb.Client(), run.info.run_id
    assert [(file.path, file.is_dir) for file in client.list_artifacts(run_id)] == [
        ("a.txt", False),
        ("content", True),
        ("d.json", False),
        ("d.yml", False),
        ("notes", True),
        ("streamed", False),
        ("whole", True),
    ]
    assert [file.path for file in client.list_artifacts(run_id, "whole/made")] == ["whole/made/a.txt", "whole/made/sub"]
    assert rb.artifacts.load_text(f"runs:/{run_id}/notes/t.txt") == "text ü"
    assert rb.artifacts.load_dict(f"runs:/{run_id}/d.json") == {"x": [1, 2]}
    fetched = Path(client.download_artifacts(run_id, "content"))
    assert (fetched / "sub" / "b ü%.bin").read_bytes() == bytes(range(256)) * 5000
    whole = rb.artifacts.download_artifacts(run_id=run_id, dst_path=str(own_store / "all"))
    assert (Path(whole) / "d.yml").read_text() == "x: ü\n"
    one = rb.artifacts.download_artifacts(f"runs:/{run_id}/a.txt", dst_path=str(own_store / "one"))
    assert Path(one).read_text() == "a"
    with pytest.raises(NotFound):
        client.download_artifacts(run_id, "nothing/here")


@pytest.mark.parametrize("path", ["../up.txt", "/absolute.txt", "a/../../b.txt", "%2e%2e/x"])
def test_a_path_out_of_the_run_is_refused(store: str, path: str) -> None:
    with rb.start_run() as run:
        with pytest.raises(rb.RunebookError, match="Invalid path"):
            rb.log_text("x", path)
        with pytest.raises(rb.RunebookError):
            rb.Client().download_artifacts(run.info.run_id, path)


def test_client_calls_reach_the_store(store: str) -> None:
    client = rb.Client()
    experiment_id = client.create_experiment(f"calls {np.random.default_rng().integers(10**9)}")
    run = client.create_run(experiment_id, start_time=1000, tags={"t": 1}, run_name="by hand")
    run_id = run.info.run_id
    assert (run.info.status, run.info.start_time, run.info.run_name) == ("RUNNING", 1000, "by hand")
    client.log_batch(run_id, [Metric("m", 1.0, 5, 2)], tags=[RunTag("u", "v")])
    client.log_param(run_id, "p", "q")
    client.log_inputs(
        run_id, [DatasetInput(dataset_entity(rb.data.from_numpy(np.zeros((3, 2)))), [InputTag("k", "v")])]
    )
    client.update_run(run_id, name="renamed")
    client.set_terminated(run_id, "FAILED", end_time=2000)

    stored = client.get_run(run_id)
    assert (stored.info.status, stored.info.end_time, stored.info.run_name) == ("FAILED", 2000, "renamed")
    assert (stored.data.metrics, stored.data.params) == ({"m": 1.0}, {"p": "q"})
    assert stored.inputs.dataset_inputs[0].tags[0] == InputTag("k", "v")


def test_model_files_are_put_and_listed(store: str, own_store: Path) -> None:
    (own_store / "weights.bin").write_bytes(b"w")
    client = rb.Client()
    model = rb.create_external_model("with files")
    client.log_model_artifact(model.model_id, str(own_store / "weights.bin"), "data")

    assert [file.path for file in client.list_logged_model_artifacts(model.model_id)] == ["data"]
    found = client.list_logged_model_artifacts(model.model_id, "data")
    assert [(file.path, file.file_size) for file in found] == [("data/weights.bin", 1)]
    assert Path(rb.artifacts.download_artifacts(f"models:/{model.model_id}/data/weights.bin")).read_bytes() == b"w"
