"""Datasets, model inputs and outputs over plain HTTP."""

from __future__ import annotations

from typing import Any

from .speaker import Wire

_NONE = "0123456789abcdef0123456789abcdef"


def _input(name: str, digest: str = "d1", context: str = "train", **fields: Any) -> dict[str, Any]:
    dataset = {"name": name, "digest": digest, "source_type": "local", "source": "{}"}
    return {"dataset": dataset | fields, "tags": [{"key": "mlflow.data.context", "value": context}]}


def ask(wire: Wire) -> None:
    experiment = wire.experiment("inputs")
    run_id = wire.run(experiment, "inputs", 1000)
    path = "runs/log-inputs"
    wire.post("inputs", path, {"run_id": run_id, "datasets": [_input("iris", schema="{}", profile="{}")]})
    wire.post("inputs again", path, {"run_id": run_id, "datasets": [_input("iris", context="test")]})
    wire.post("inputs without tags", path, {"run_id": run_id, "datasets": [{"dataset": _input("wine")["dataset"]}]})
    wire.post("inputs of nothing", path, {"run_id": run_id})
    wire.post("inputs without run", path, {"datasets": [_input("iris")]})
    wire.post("inputs of no run", path, {"run_id": _NONE, "datasets": [_input("iris")]})
    wire.post("inputs of a long name", path, {"run_id": run_id, "datasets": [_input("n" * 501)]})
    wire.post("inputs of a long digest", path, {"run_id": run_id, "datasets": [_input("a", "d" * 37)]})
    wire.post("inputs of a long tag", path, {"run_id": run_id, "datasets": [_input("a", context="c" * 501)]})
    wire.post("inputs of text", path, {"run_id": run_id, "datasets": "iris"})
    wire.post("model inputs", path, {"run_id": run_id, "models": [{"model_id": "m-unknown"}]})
    outputs = "runs/outputs"
    wire.post("outputs", outputs, {"run_id": run_id, "models": [{"model_id": "m-unknown", "step": 3}]})
    wire.post("outputs of nothing", outputs, {"run_id": run_id})
    wire.post("outputs of no run", outputs, {"run_id": _NONE, "models": [{"model_id": "m-unknown", "step": 3}]})
    wire.post("outputs without run", outputs, {"models": [{"model_id": "m-unknown", "step": 3}]})
    wire.get("read inputs", "runs/get", run_id=run_id)
    wire.post("search inputs", "runs/search", {"experiment_ids": [experiment]})
    _search(wire, experiment)
    _incomplete(wire, run_id)


def _incomplete(wire: Wire, run_id: str) -> None:
    """What MLflow stores with empty names."""
    path = "runs/log-inputs"
    wire.post("inputs of a nameless dataset", path, {"run_id": run_id, "datasets": [{"dataset": {"digest": "d"}}]})
    wire.post("inputs of an empty one", path, {"run_id": run_id, "datasets": [{}]})
    wire.post("model inputs without id", path, {"run_id": run_id, "models": [{}]})


def _search(wire: Wire, experiment: str) -> None:
    """Dataset search, which MLflow serves under `/ajax-api` alone."""
    path = "/ajax-api/2.0/mlflow/experiments/search-datasets"
    json_body = {"experiment_ids": [experiment]}
    wire.send("search datasets", "POST", path, json=json_body)
    wire.send("search datasets of missing", "POST", path, json={"experiment_ids": ["987654321"]})
    wire.send("search datasets of nothing", "POST", path, json={})
    wire.send("search datasets of 21", "POST", path, json={"experiment_ids": [str(n) for n in range(21)]})
