"""Runs, params and tags over plain HTTP."""

from __future__ import annotations

import json

from .speaker import Wire

_NONE = "0123456789abcdef0123456789abcdef"


def ask(wire: Wire) -> None:
    experiment = wire.experiment("runs")
    _create(wire, experiment)
    run_id = wire.run(experiment, "main", 1000)
    _read(wire, run_id)
    _values(wire, run_id)
    _batch(wire, wire.run(experiment, "batch", 2000))
    _lifecycle(wire, wire.run(experiment, "lifecycle", 3000))
    _search(wire, experiment)


def _create(wire: Wire, experiment: str) -> None:
    path = "runs/create"
    full = {"experiment_id": experiment, "user_id": "ada", "run_name": "full", "start_time": 5}
    wire.post("run", path, {**full, "tags": [{"key": "a", "value": "1"}]})
    wire.post("run of little", path, {"experiment_id": experiment})
    wire.post("run of nothing", path, {})
    wire.post("run of none", path, {"experiment_id": "987654321"})
    wire.post("run of text", path, {"experiment_id": "abc"})
    wire.post("run of a number", path, {"experiment_id": 0}, status_only=True)
    wire.post("run with time in a text", path, {**full, "start_time": "7"})
    wire.post("run with a negative time", path, {**full, "start_time": -1}, status_only=True)
    wire.post("run with a bad tag", path, {**full, "tags": [{"key": "/a", "value": "1"}]})
    wire.post("run with a keyless tag", path, {**full, "tags": [{"value": "1"}]}, status_only=True)
    two_names = {**full, "tags": [{"key": "mlflow.runName", "value": "other"}]}
    wire.post("run of two names", path, two_names)


def _read(wire: Wire, run_id: str) -> None:
    wire.get("read run", "runs/get", run_id=run_id)
    wire.get("read run by uuid", "runs/get", run_uuid=run_id)
    wire.get("read run by both", "runs/get", run_id=run_id, run_uuid=run_id)
    wire.get("read no run", "runs/get", run_id=_NONE)
    wire.get("read nothing", "runs/get")
    wire.get("read hostile", "runs/get", run_id="../../etc")


def _values(wire: Wire, run_id: str) -> None:
    for name, path in (("param", "runs/log-parameter"), ("tag", "runs/set-tag")):
        wire.post(f"{name}", path, {"run_id": run_id, "key": "a", "value": "1"})
        wire.post(f"{name} by uuid", path, {"run_uuid": run_id, "key": "uuid", "value": "1"})
        wire.post(f"{name} without value", path, {"run_id": run_id, "key": "empty"})
        wire.post(f"{name} without key", path, {"run_id": run_id, "value": "1"})
        wire.post(f"{name} of an empty key", path, {"run_id": run_id, "key": "", "value": "1"})
        wire.post(f"{name} without run", path, {"key": "a", "value": "1"})
        wire.post(f"{name} of no run", path, {"run_id": _NONE, "key": "a", "value": "1"})
        wire.post(f"{name} of a number", path, {"run_id": run_id, "key": "n", "value": 1})
        wire.post(f"{name} of a bad key", path, {"run_id": run_id, "key": "a//b", "value": "1"})
        wire.post(f"{name} of a comma key", path, {"run_id": run_id, "key": "a,b", "value": "1"})
        wire.post(f"{name} of 250", path, {"run_id": run_id, "key": "k" * 250, "value": "1"})
        wire.post(f"{name} of 251", path, {"run_id": run_id, "key": "k" * 251, "value": "1"})
        wire.post(f"{name} of emoji key", path, {"run_id": run_id, "key": "🔥", "value": "1"})
        wire.post(f"{name} changed", path, {"run_id": run_id, "key": "a", "value": "2"})
    wire.get("read values", "runs/get", run_id=run_id)
    wire.post("tag delete", "runs/delete-tag", {"run_id": run_id, "key": "a"})
    wire.post("tag delete again", "runs/delete-tag", {"run_id": run_id, "key": "a"})
    wire.post("tag delete by uuid", "runs/delete-tag", {"run_uuid": run_id, "key": "a"})
    wire.post("tag delete of nothing", "runs/delete-tag", {"run_id": run_id})
    wire.post("log model of nothing", "runs/log-model", {"run_id": run_id})
    wire.post("log model malformed", "runs/log-model", {"run_id": run_id, "model_json": "{"})
    wire.post("log model incomplete", "runs/log-model", {"run_id": run_id, "model_json": "{}"})
    model = {"artifact_path": "m", "flavors": {}, "utc_time_created": "2020-01-01", "run_id": run_id}
    wire.post("log model", "runs/log-model", {"run_id": run_id, "model_json": json.dumps(model)})
    wire.get("read model history", "runs/get", run_id=run_id)


def _batch(wire: Wire, run_id: str) -> None:
    path = "runs/log-batch"
    metric = {"key": "m", "value": 1.5, "timestamp": 10, "step": 0}
    pair = {"key": "p", "value": "1"}
    wire.post("batch", path, {"run_id": run_id, "metrics": [metric], "params": [pair], "tags": [pair]})
    wire.post("batch of nothing", path, {"run_id": run_id})
    wire.post("batch without run", path, {"metrics": [metric]})
    wire.post("batch of no run", path, {"run_id": _NONE, "metrics": [metric]})
    wire.post("batch of a bad run id", path, {"run_id": "-a/b", "metrics": [metric]})
    wire.post("batch of 1001 metrics", path, {"run_id": run_id, "metrics": [metric] * 1001})
    wire.post(
        "batch of 101 params", path, {"run_id": run_id, "params": [{"key": f"p{n}", "value": "1"} for n in range(101)]}
    )
    wire.post("batch of 101 tags", path, {"run_id": run_id, "tags": [pair] * 101})
    wire.post("batch of 1001 in all", path, {"run_id": run_id, "metrics": [metric] * 950, "tags": [pair] * 51})
    wire.post("batch of a doubled param", path, {"run_id": run_id, "params": [pair, pair]})
    wire.post(
        "batch of a changed param",
        path,
        {"run_id": run_id, "params": [{"key": "p", "value": "2"}], "tags": [{"key": "new", "value": "1"}]},
    )
    for field in ("key", "value", "timestamp"):
        partial = {name: value for name, value in metric.items() if name != field}
        wire.post(f"batch of a metric without {field}", path, {"run_id": run_id, "metrics": [metric, partial]})
    wire.post(
        "batch of a stepless metric", path, {"run_id": run_id, "metrics": [{**metric, "key": "stepless", "step": None}]}
    )
    wire.post("batch of a keyless param", path, {"run_id": run_id, "params": [{"value": "1"}]})
    wire.post("batch of a keyless tag", path, {"run_id": run_id, "tags": [{"value": "1"}]})
    wire.post("batch of text metrics", path, {"run_id": run_id, "metrics": "m"})
    wire.post("batch of a text value", path, {"run_id": run_id, "metrics": [{**metric, "value": "high"}]})
    wire.post("batch of a bad key", path, {"run_id": run_id, "metrics": [{**metric, "key": "a/../b"}]})
    wire.get("read batch", "runs/get", run_id=run_id)


def _lifecycle(wire: Wire, run_id: str) -> None:
    path = "runs/update"
    wire.post("update", path, {"run_id": run_id, "status": "FINISHED", "end_time": 4000, "run_name": "updated"})
    wire.post("update by number", path, {"run_id": run_id, "status": 1})
    wire.post("update of nothing", path, {"run_id": run_id})
    wire.post("update without run", path, {"status": "FINISHED"})
    wire.post("update to an empty name", path, {"run_id": run_id, "run_name": ""})
    wire.post("update of no run", path, {"run_id": _NONE, "status": "FINISHED"})
    wire.post("delete run", "runs/delete", {"run_id": run_id})
    wire.post("delete run again", "runs/delete", {"run_id": run_id})
    wire.post("delete run by uuid", "runs/delete", {"run_uuid": run_id})
    wire.post("delete no run", "runs/delete", {"run_id": _NONE})
    wire.post("update deleted", path, {"run_id": run_id, "status": "FAILED"})
    wire.post("param of deleted", "runs/log-parameter", {"run_id": run_id, "key": "a", "value": "1"})
    wire.get("read deleted", "runs/get", run_id=run_id)
    wire.post("restore run", "runs/restore", {"run_id": run_id})
    wire.post("restore no run", "runs/restore", {"run_id": _NONE})
    wire.post("restore nothing", "runs/restore", {})


def _search(wire: Wire, experiment: str) -> None:
    path, here = "runs/search", {"experiment_ids": [experiment], "filter": "attributes.start_time >= 1000"}
    wire.post("search runs", path, {**here, "max_results": 2, "order_by": ["start_time ASC"]})
    wire.post("search runs deleted", path, {**here, "run_view_type": "DELETED_ONLY"})
    wire.post("search runs of none", path, {})
    wire.post("search runs of missing", path, {"experiment_ids": ["987654321"]})
    wire.post("search runs of text", path, {"experiment_ids": ["abc"]})
    wire.post("search runs max 0", path, {**here, "max_results": 0})
    wire.post("search runs max 50001", path, {**here, "max_results": 50001})
    wire.post("search runs nonsense", path, {**here, "filter": "nonsense"})
    wire.post("search runs bad order", path, {**here, "order_by": ["nonsense"]})
    wire.post("search runs doubled order", path, {**here, "order_by": ["metrics.a", "metrics.a"]})
    wire.post("search runs bad token", path, {**here, "page_token": "!"})
