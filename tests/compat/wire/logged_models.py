"""Logged models over plain HTTP."""

from __future__ import annotations

from .speaker import Wire

_NONE = "m-0123456789abcdef0123456789abcdef"


def ask(wire: Wire) -> None:
    experiment = wire.experiment("models")
    run_id = wire.run(experiment, "trainer", 1000)
    pair = [{"key": "k", "value": "v"}]
    full = {"experiment_id": experiment, "name": "full", "model_type": "t", "source_run_id": run_id}
    model = wire.post("model", "logged-models", {**full, "params": pair, "tags": pair})
    model_id = model["model"]["info"]["model_id"]
    wire.post("model of little", "logged-models", {"experiment_id": experiment})
    wire.post("model of nothing", "logged-models", {})
    wire.post("model of no experiment", "logged-models", {"experiment_id": "987654321", "name": "x"})
    wire.post("model of a bad name", "logged-models", {"experiment_id": experiment, "name": "a:b"})
    wire.post(
        "model of no run", "logged-models", {"experiment_id": experiment, "source_run_id": "none"}, status_only=True
    )
    wire.get("read model", f"logged-models/{model_id}")
    wire.get("read no model", f"logged-models/{_NONE}")
    _change(wire, model_id)
    _artifacts(wire, model_id)
    _search(wire, experiment)
    _delete(wire, model_id)


def _change(wire: Wire, model_id: str) -> None:
    own = f"logged-models/{model_id}"
    wire.patch("finalize", own, {"model_id": model_id, "status": "LOGGED_MODEL_READY"})
    wire.patch("finalize without id", own, {"status": "LOGGED_MODEL_READY"}, status_only=True)
    wire.patch("finalize without status", own, {"model_id": model_id})
    wire.patch("finalize by number", own, {"model_id": model_id, "status": 3})
    wire.patch("finalize none", f"logged-models/{_NONE}", {"model_id": _NONE, "status": "LOGGED_MODEL_READY"})
    wire.patch("model tags", f"{own}/tags", {"tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]})
    wire.patch("model tags of nothing", f"{own}/tags", {})
    wire.patch("model tags of none", f"logged-models/{_NONE}/tags", {"tags": [{"key": "a", "value": "1"}]})
    wire.delete("model tag delete", f"{own}/tags/a")
    wire.delete("model tag delete again", f"{own}/tags/a")
    params = [{"key": "p", "value": "1"}]
    wire.post("model params", f"{own}/params", {"model_id": model_id, "params": params})
    wire.post("model params without id", f"{own}/params", {"params": params})
    wire.post("model params changed", f"{own}/params", {"model_id": model_id, "params": [{"key": "p", "value": "2"}]})
    wire.post("model params of nothing", f"{own}/params", {"model_id": model_id})
    wire.get("read changed model", own)


def _artifacts(wire: Wire, model_id: str) -> None:
    own = f"logged-models/{model_id}/artifacts/directories"
    wire.get("model files", own)
    wire.get("model files in a directory", own, artifact_directory_path="deep")
    wire.get("model files hostile", own, artifact_directory_path="../..")
    wire.get("model files of none", f"logged-models/{_NONE}/artifacts/directories")


def _search(wire: Wire, experiment: str) -> None:
    path = "logged-models/search"
    for name in ("one", "two", "three"):
        wire.post(f"make {name}", "logged-models", {"experiment_id": experiment, "name": name}, status_only=True)
    here = {"experiment_ids": [experiment], "filter": "name IN ('one', 'two', 'three')"}
    by_name = {"order_by": [{"field_name": "name"}]}
    wire.post("search models", path, {**here, **by_name})
    wire.post("search models page", path, {**here, **by_name, "max_results": 2}, status_only=True)
    wire.post("search models of nothing", path, {})
    wire.post("search models nonsense", path, {**here, "filter": "nonsense"})
    wire.post("search models of no column", path, {**here, "filter": "nothing = 'x'"})
    wire.post("search models bad order", path, {**here, "order_by": [{"ascending": True}]})
    wire.post("search models by no column", path, {**here, "order_by": [{"field_name": "nothing"}]})
    wire.post("search models bad token", path, {**here, "page_token": "!"})
    wire.post("search models max 0", path, {**here, "max_results": 0})
    wire.post("search models of nameless data", path, {**here, "datasets": [{"dataset_digest": "d"}]})


def _delete(wire: Wire, model_id: str) -> None:
    own = f"logged-models/{model_id}"
    wire.delete("delete model", own)
    wire.delete("delete model again", own)
    wire.delete("delete no model", f"logged-models/{_NONE}")
    wire.get("read deleted model", own)
    wire.get("read deleted model on demand", own, allow_deleted="true")
    wire.patch("finalize deleted", own, {"model_id": model_id, "status": "LOGGED_MODEL_READY"})
