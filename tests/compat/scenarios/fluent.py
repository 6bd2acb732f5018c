"""MLflow's fluent functions, as a training script uses them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy
import pandas
from matplotlib.figure import Figure
from recorder import Recorder

from artifacts import make_files


def ask(record: Recorder, fluent: Any, prefix: str) -> None:
    record.ask("tracking uri", fluent.get_tracking_uri)
    record.ask("registry uri", fluent.get_registry_uri)
    record.ask("tracking uri is set", fluent.is_tracking_uri_set)
    name = f"{prefix}/fluent"
    _experiments(record, fluent, name)
    run_id = _run(record, fluent)
    _nested(record, fluent)
    _resumed(record, fluent, run_id)
    _failing(record, fluent)
    _search(record, fluent, name)
    _artifacts(record, fluent)
    if hasattr(fluent, "log_outputs"):
        _models(record, fluent)


def _experiments(record: Recorder, fluent: Any, name: str) -> None:
    made = record.create_experiment("fluent create", fluent.create_experiment, name, tags={"from": "fluent"})
    record.ask("fluent set experiment", fluent.set_experiment, name)
    record.ask("fluent set experiment by id", fluent.set_experiment, experiment_id=made)
    record.ask("fluent set missing experiment", fluent.set_experiment, experiment_id="987654321")
    record.ask("fluent get experiment", fluent.get_experiment, made)
    record.ask("fluent get experiment by name", fluent.get_experiment_by_name, name)
    record.ask("fluent get no experiment", fluent.get_experiment_by_name, f"{name}/none")
    record.ask("fluent experiment tag", fluent.set_experiment_tag, "one", 1)
    record.ask("fluent experiment tags", fluent.set_experiment_tags, {"two": 2, "three": "3"})
    if hasattr(fluent, "delete_experiment_tag"):
        record.ask("fluent experiment tag delete", fluent.delete_experiment_tag, "two")
        record.ask("fluent experiment tag delete again", fluent.delete_experiment_tag, "two")
    gone = record.create_experiment("fluent create to delete", fluent.create_experiment, f"{name} gone")
    record.ask("fluent delete experiment", fluent.delete_experiment, gone)
    record.ask("fluent set deleted experiment", fluent.set_experiment, f"{name} gone")
    if hasattr(fluent, "restore_experiment"):
        record.ask("fluent restore experiment", fluent.restore_experiment, gone)
    mine = f"name LIKE '{name}%'"
    record.ask("fluent search experiments", fluent.search_experiments, filter_string=mine, order_by=["name"])
    fluent.set_experiment(name)


def _run(record: Recorder, fluent: Any) -> str:
    record.ask("fluent no active run", fluent.active_run)
    tags = {"t": "1"}
    run = record.ask("fluent start", fluent.start_run, run_name="first", tags=tags, description="what it is")
    record.ask("fluent start twice", fluent.start_run)
    record.ask("fluent active run", lambda: fluent.active_run().info)
    record.ask("fluent param", fluent.log_param, "lr", 0.1)
    record.ask("fluent param changed", fluent.log_param, "lr", 0.2)
    record.ask("fluent params", fluent.log_params, {"a": None, "b": [1], "c": True})
    record.ask("fluent many params", fluent.log_params, {f"many {index}": index for index in range(150)})
    record.ask("fluent metric", fluent.log_metric, "loss", 0.5, step=1, timestamp=100)
    record.ask("fluent metric of numpy", fluent.log_metric, "numpy", numpy.float32(0.25), step=1, timestamp=100)
    record.ask("fluent metric of an array", fluent.log_metric, "array", numpy.array([0.5]), step=1, timestamp=100)
    record.ask("fluent metric of text", fluent.log_metric, "text", "high")
    record.ask("fluent metrics", fluent.log_metrics, {"x": 1, "y": 2.5}, step=3)
    record.ask("fluent metrics of a run", fluent.log_metrics, {"z": 1}, run_id=run.info.run_id, timestamp=7)
    record.ask("fluent tag", fluent.set_tag, "kind", "tree")
    record.ask("fluent tags", fluent.set_tags, {"one": 1, "two": None})
    record.ask("fluent delete tag", fluent.delete_tag, "one")
    record.ask("fluent delete tag again", fluent.delete_tag, "one")
    later = [fluent.log_metric("async", step, step=step, timestamp=step, synchronous=False) for step in range(5)]
    for operation in later:
        operation.wait()
    fluent.log_params({"async": "p"}, synchronous=False)
    fluent.set_tag("async", "t", synchronous=False)
    record.ask("fluent flush", fluent.flush_async_logging)
    _inputs(record, fluent)
    record.ask("fluent end", fluent.end_run)
    record.ask("fluent end again", fluent.end_run)
    record.ask("fluent last active run", fluent.last_active_run)
    record.ask("fluent get run", fluent.get_run, run.info.run_id)
    return str(run.info.run_id)


def _inputs(record: Recorder, fluent: Any) -> None:
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    pandas_data = fluent.data.from_pandas(frame, source="here.csv", name="frame", targets="b")
    numpy_data = fluent.data.from_numpy(numpy.arange(6).reshape(3, 2), source="there.npy", name="array")
    record.ask("fluent input", fluent.log_input, pandas_data, context="training", tags={"split": "a"})
    record.ask("fluent input again", fluent.log_input, numpy_data)
    if hasattr(fluent, "log_inputs"):
        more = {"datasets": [numpy_data], "contexts": ["test"], "tags_list": [{"k": "v"}], "models": [None]}
        record.ask("fluent inputs", fluent.log_inputs, **more)


def _nested(record: Recorder, fluent: Any) -> None:
    with fluent.start_run(run_name="parent") as parent:
        with fluent.start_run(run_name="child", nested=True) as child:
            fluent.log_metric("m", 1.0, step=0, timestamp=1)
        record.ask("fluent active after child", lambda: fluent.active_run().info.run_name)
    record.ask("fluent child", fluent.get_run, child.info.run_id)
    record.ask("fluent parent of child", lambda: fluent.get_parent_run(child.info.run_id).info.run_name)
    record.ask("fluent parent of parent", fluent.get_parent_run, parent.info.run_id)
    with fluent.start_run(run_name="later child", parent_run_id=parent.info.run_id) as later:
        record.ask("fluent parent by id", lambda: fluent.get_parent_run(later.info.run_id).info.run_name)
    record.ask("fluent parent missing", fluent.start_run, parent_run_id="0123456789abcdef0123456789abcdef")


def _resumed(record: Recorder, fluent: Any, run_id: str) -> None:
    with fluent.start_run(run_id=run_id) as run:
        record.ask("fluent resumed", lambda: run.info)
        record.ask("fluent param of resumed", fluent.log_param, "resumed", 1)
        record.ask("fluent param changed of resumed", fluent.log_param, "lr", 5)
    record.ask("fluent resumed and ended", lambda: fluent.get_run(run_id).info)
    record.ask("fluent delete run", fluent.delete_run, run_id)
    record.ask("fluent resume deleted", fluent.start_run, run_id=run_id)
    if hasattr(fluent, "restore_run"):
        record.ask("fluent restore run", fluent.restore_run, run_id)
    else:
        fluent.MlflowClient().restore_run(run_id)
    record.ask("fluent resume missing", fluent.start_run, run_id="0123456789abcdef0123456789abcdef")


def _failing(record: Recorder, fluent: Any) -> None:
    def fail() -> None:
        with fluent.start_run(run_name="failing"):
            raise RuntimeError("by design")

    record.ask("fluent failing", fail)
    record.ask("fluent failed", lambda: fluent.last_active_run().info)
    fluent.start_run(run_name="killed")
    record.ask("fluent end as killed", fluent.end_run, "KILLED")
    record.ask("fluent killed", lambda: fluent.last_active_run().info.status)


def _search(record: Recorder, fluent: Any, name: str) -> None:
    frame = record.ask("fluent search", lambda: fluent.search_runs(experiment_names=[name], order_by=["run_name"]))
    record.note("fluent search columns", sorted(frame.columns))
    listed = {"output_format": "list", "order_by": ["run_name"]}
    record.ask("fluent search list", lambda: [run.info.run_name for run in fluent.search_runs(**listed)])
    found = {"filter_string": "metrics.x > 0", "experiment_names": [name]}
    record.ask("fluent search filtered", lambda: list(fluent.search_runs(**found)["tags.mlflow.runName"]))
    record.ask("fluent search two", lambda: len(fluent.search_runs(experiment_names=[name], max_results=2)))
    record.ask("fluent search nothing", lambda: len(fluent.search_runs(experiment_names=[f"{name}/none"])))
    record.ask("fluent search both", fluent.search_runs, experiment_ids=["0"], experiment_names=[name])
    record.ask("fluent search bad format", fluent.search_runs, experiment_names=[name], output_format="xml")
    everywhere = {"search_all_experiments": True, "filter_string": "attributes.run_name = 'failing'"}
    record.ask("fluent search everywhere", lambda: len(fluent.search_runs(**everywhere)) > 0)


def _artifacts(record: Recorder, fluent: Any) -> None:
    files = make_files(Path("fluent files"))
    with fluent.start_run(run_name="with artifacts") as run:
        run_id = run.info.run_id
        record.ask("fluent artifact uri", fluent.get_artifact_uri, field="artifact_uri")
        record.ask("fluent artifact uri of a path", fluent.get_artifact_uri, "a/b", field="artifact_uri")
        record.ask("fluent artifact", fluent.log_artifact, str(files / "plain.txt"), "one")
        record.ask("fluent artifacts", fluent.log_artifacts, str(files), "many")
        record.ask("fluent text", fluent.log_text, "text ✓", "t.txt")
        record.ask("fluent dict", fluent.log_dict, {"a": 1}, "d.json")
        record.ask("fluent figure", fluent.log_figure, Figure(), "f.svg")
        record.ask("fluent image", fluent.log_image, numpy.zeros((2, 2)), "i.png")
        record.ask("fluent image of a step", fluent.log_image, numpy.zeros((2, 2)), key="k", step=1, timestamp=5)
        record.ask("fluent flush artifacts", fluent.flush_artifact_async_logging)
        record.ask("fluent table", fluent.log_table, pandas.DataFrame({"q": ["a"], "n": [1]}), "t.json")
        if hasattr(fluent, "log_stream"):
            record.ask("fluent stream", fluent.log_stream, io.BytesIO(b"stream"), "s.bin")
    record.ask("fluent load table", fluent.load_table, "t.json", [run_id])
    record.ask("fluent list artifacts", lambda: fluent.artifacts.list_artifacts(run_id=run_id))
    record.ask("fluent list by uri", lambda: fluent.artifacts.list_artifacts(f"runs:/{run_id}/many"))
    record.ask("fluent load text", lambda: fluent.artifacts.load_text(f"runs:/{run_id}/t.txt"))
    record.ask("fluent load dict", lambda: fluent.artifacts.load_dict(f"runs:/{run_id}/d.json"))
    record.ask("fluent download", lambda: Path(fluent.artifacts.download_artifacts(f"runs:/{run_id}/many")).name)


def _models(record: Recorder, fluent: Any) -> None:
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    with fluent.start_run(run_name="with models") as run:
        made = record.ask("fluent model", fluent.initialize_logged_model, "made", params={"p": "1"}, tags={"t": "2"})
        record.ask("fluent last model", lambda: fluent.last_logged_model().model_id == made.model_id)
        record.ask("fluent finalize", fluent.finalize_logged_model, made.model_id, "READY")
        outside = record.ask("fluent external model", fluent.create_external_model, "outside", model_type="api")
        record.ask("fluent model params", fluent.log_model_params, {"more": "3"}, outside.model_id)
        record.ask("fluent model tags", fluent.set_logged_model_tags, made.model_id, {"a": 1})
        record.ask("fluent model tag delete", fluent.delete_logged_model_tag, made.model_id, "a")
        record.ask("fluent outputs", fluent.log_outputs, [LoggedModelOutput(made.model_id, 2)])
        record.ask("fluent model input", fluent.log_input, model=LoggedModelInput(outside.model_id))
        record.ask("fluent metric of the model", fluent.log_metric, "acc", 0.5, step=2, timestamp=9)
        record.ask("fluent set active model", lambda: fluent.set_active_model(name="outside").model_id)
        record.ask("fluent active model", fluent.get_active_model_id)
        record.ask("fluent metric of the active", fluent.log_metric, "f1", 0.25, step=0, timestamp=9)
        record.ask("fluent clear active model", fluent.clear_active_model)
    record.ask("fluent get model", fluent.get_logged_model, made.model_id)
    record.ask("fluent get external model", fluent.get_logged_model, outside.model_id)
    record.ask("fluent run with models", fluent.get_run, run.info.run_id)
    by_name = {"order_by": [{"field_name": "name"}], "output_format": "list"}
    record.ask("fluent models", lambda: [model.name for model in fluent.search_logged_models(**by_name)])
    record.ask("fluent models as frame", lambda: sorted(fluent.search_logged_models().columns))
