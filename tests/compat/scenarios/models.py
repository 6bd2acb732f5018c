"""Logged models through MlflowClient 3."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from mlflow.entities import LoggedModelOutput, Metric
from recorder import Recorder

from artifacts import make_files

_MISSING = "m-0123456789abcdef0123456789abcdef"


def ask(record: Recorder, client: Any, prefix: str) -> None:
    experiment = record.create_experiment("create for models", client.create_experiment, f"{prefix}/models")
    run_id = client.create_run(experiment, start_time=1000, run_name="trainer").info.run_id
    _create(record, client, experiment, run_id)
    model_id = client.create_logged_model(experiment, "main", source_run_id=run_id).model_id
    _change(record, client, model_id)
    _metrics(record, client, run_id, model_id)
    _artifacts(record, client, model_id)
    _search(record, client, experiment)
    _delete(record, client, experiment, model_id)


def _create(record: Recorder, client: Any, experiment: str, run_id: str) -> None:
    full = {"source_run_id": run_id, "tags": {"t": "1"}, "params": {"p": "x"}, "model_type": "agent"}
    record.ask("model", client.create_logged_model, experiment, "full", **full)
    record.ask("model without a name", client.create_logged_model, experiment)
    record.ask("model of a bad name", client.create_logged_model, experiment, "a/b")
    record.ask("model of no name", client.create_logged_model, experiment, "")
    record.ask("model of no experiment", client.create_logged_model, "987654321", "x")
    record.ask("model of no run", client.create_logged_model, experiment, "orphan", source_run_id="x")
    record.ask("get no model", client.get_logged_model, _MISSING)


def _change(record: Recorder, client: Any, model_id: str) -> None:
    record.ask("get model", client.get_logged_model, model_id)
    record.ask("model tags", client.set_logged_model_tags, model_id, {"a": "1", "b/c d": "ü"})
    record.ask("model tags again", client.set_logged_model_tags, model_id, {"a": "2"})
    record.ask("model tags of none", client.set_logged_model_tags, _MISSING, {"a": "1"})
    record.ask("model tag delete", client.delete_logged_model_tag, model_id, "a")
    record.ask("model tag delete again", client.delete_logged_model_tag, model_id, "a")
    record.ask("model tag delete of none", client.delete_logged_model_tag, _MISSING, "a")
    record.ask("model params", client.log_model_params, model_id, {"depth": "3", "kind": "tree"})
    record.ask("model params again", client.log_model_params, model_id, {"depth": "3"})
    record.ask("model params changed", client.log_model_params, model_id, {"depth": "4"})
    record.ask("model params of none", client.log_model_params, _MISSING, {"depth": "3"})
    record.ask("finalize", client.finalize_logged_model, model_id, "READY")
    record.ask("finalize as failed", client.finalize_logged_model, model_id, "FAILED")
    record.ask("finalize as nonsense", client.finalize_logged_model, model_id, "BOGUS")
    record.ask("finalize none", client.finalize_logged_model, _MISSING, "READY")
    record.ask("changed model", client.get_logged_model, model_id)


def _metrics(record: Recorder, client: Any, run_id: str, model_id: str) -> None:
    dataset = {"dataset_name": "iris", "dataset_digest": "d1"}
    record.ask("model output", client.log_outputs, run_id, [LoggedModelOutput(model_id, 1)])
    record.ask("model metric", client.log_metric, run_id, "acc", 0.5, 100, 1, model_id=model_id)
    record.ask("model metric on data", client.log_metric, run_id, "acc", 0.7, 200, 2, model_id=model_id, **dataset)
    record.ask("metric of no model", client.log_metric, run_id, "acc", 0.7, 200, 3, model_id=_MISSING)
    record.ask("model metrics in a batch", client.log_batch, run_id, [Metric("f1", 0.3, 100, 1, model_id=model_id)])
    record.ask("model with metrics", client.get_logged_model, model_id)
    record.ask("history of model metrics", client.get_metric_history, run_id, "acc")


def _artifacts(record: Recorder, client: Any, model_id: str) -> None:
    files = make_files(Path("model files"))
    record.ask("model artifact", client.log_model_artifact, model_id, str(files / "plain.txt"))
    record.ask("model artifacts", client.log_model_artifacts, model_id, str(files))
    for path in (None, "deep", "deep/er", "nothing"):
        record.ask(f"model artifacts in {path}", client.list_logged_model_artifacts, model_id, path)
    record.ask("model artifacts hostile", client.list_logged_model_artifacts, model_id, "../..")
    record.ask("model artifacts of none", client.list_logged_model_artifacts, _MISSING)


_FILTERS = {
    "nothing": None,
    "name": "name = 'search 1'",
    "attribute": "attributes.name LIKE 'search%'",
    "ilike": "name ILIKE 'SEARCH%'",
    "type": "model_type = 'agent'",
    "in": "name IN ('search 1', 'search 2')",
    "param": "params.kind = 'a'",
    "tag": "tags.team = 'red'",
    "metric": "metrics.score > 1",
    "metric and param": "metrics.score > 0 AND params.kind = 'a'",
    "creation": "creation_timestamp > 1000",
    "status": "status = 'READY'",
    "double quotes": 'name = "search 1"',
    "bad entity": "metric.score > 1",
    "bad comparator": "params.kind > 'a'",
    "bad syntax": "name",
    "or": "name = 'search 1' OR name = 'search 2'",
}


def _search(record: Recorder, client: Any, experiment: str) -> None:
    run_id = client.create_run(experiment, start_time=2000, run_name="scorer").info.run_id
    for index in range(4):
        made = {"params": {"kind": "ab"[index % 2]}, "tags": {"team": ("red", "blue")[index // 2]}}
        model = client.create_logged_model(experiment, f"search {index}", **made, model_type="agent" if index else None)
        data = {"dataset_name": "iris", "dataset_digest": f"d{index % 2}"}
        client.log_metric(run_id, "score", float(index), 100, 1, model_id=model.model_id, **data)
        time.sleep(0.003)  # a later creation time, so that the default order is certain

    def names(**search: Any) -> list[str]:
        return [model.name for model in client.search_logged_models([experiment], **search) if "-" not in model.name]

    for label, text in _FILTERS.items():
        record.ask(f"models with {label}", names, filter_string=text)
    orders = {
        "name": [{"field_name": "name"}],
        "name desc": [{"field_name": "name", "ascending": False}],
        "metric": [{"field_name": "metrics.score", "ascending": False}],
        "metric on data": [{"field_name": "metrics.score", "dataset_name": "iris", "dataset_digest": "d1"}],
        "time": [{"field_name": "creation_timestamp", "ascending": True}],
        "param": [{"field_name": "params.kind"}],
        "nothing": [{}],
    }
    for label, order in orders.items():
        record.ask(f"models by {label}", names, order_by=order)
    record.ask("models on data", names, datasets=[{"dataset_name": "iris", "dataset_digest": "d0"}])
    record.ask(
        "models scored on data",
        names,
        filter_string="metrics.score > 2",
        datasets=[{"dataset_name": "iris", "dataset_digest": "d1"}],
    )
    record.ask("models on nameless data", names, datasets=[{"dataset_digest": "d1"}])
    _pages(record, client, experiment)


def _pages(record: Recorder, client: Any, experiment: str) -> None:
    page = client.search_logged_models([experiment], "name LIKE 'search%'", max_results=3)
    record.note("models page", {"names": [model.name for model in page], "more": bool(page.token)})
    rest = client.search_logged_models([experiment], "name LIKE 'search%'", max_results=3, page_token=page.token)
    record.note("models next page", {"names": [model.name for model in rest], "more": bool(rest.token)})
    record.ask("models page of another search", client.search_logged_models, [experiment], page_token=page.token)
    record.ask("models of no experiments", client.search_logged_models, [])


def _delete(record: Recorder, client: Any, experiment: str, model_id: str) -> None:
    record.ask("delete model", client.delete_logged_model, model_id)
    record.ask("delete model again", client.delete_logged_model, model_id)
    record.ask("delete no model", client.delete_logged_model, _MISSING)
    record.ask("get deleted model", client.get_logged_model, model_id)
    record.ask("finalize deleted model", client.finalize_logged_model, model_id, "READY")
    record.ask("models after delete", lambda: len(client.search_logged_models([experiment], "name = 'main'")))
