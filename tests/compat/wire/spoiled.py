"""Good requests spoiled in one field: missing, null, empty, or of a wrong type.

Noted is the status and the code alone. Where MLflow drops the field or what follows it and goes on, Runebook refuses.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from .speaker import Wire

_SPOILT = {
    "null": None,
    "an empty text": "",
    "a number": 5.5,
    "a text": "text",
    "a boolean": True,
    "a list": [[1]],
    "an object": {"a": 1},
    "beyond 64 bits": 2**63,
}


def ask(wire: Wire) -> None:
    experiment = wire.experiment("spoiled")
    run_id = wire.run(experiment, "spoiled", 1000)
    model = wire.post(
        "make a model to spoil", "logged-models", {"experiment_id": experiment, "name": "m"}, status_only=True
    )
    model_id = model["model"]["info"]["model_id"]
    for path, good in _requests(experiment, run_id):
        for field in good:
            _spoil(wire, "POST", path, good, field)
    good = {"model_id": model_id, "status": "LOGGED_MODEL_READY"}
    for field in good:
        _spoil(wire, "PATCH", f"logged-models/{model_id}", good, field)
    wire.get("a run that was written to by spoiled requests", "runs/get", run_id="0" * 32)


def _requests(experiment: str, run_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Requests that change nothing that matters when they succeed."""
    run = {"run_id": run_id}
    pair = {"key": "spoiled", "value": "v"}
    metric = {"key": "m", "value": 1.0, "timestamp": 1, "step": 1}
    yield (
        "experiments/search",
        {"max_results": 1, "filter": "name = 'x'", "order_by": ["name"], "page_token": "eyJvZmZzZXQiOiA5fQ=="},
    )
    yield "experiments/update", {"experiment_id": "987654321", "new_name": "x"}
    yield "experiments/set-experiment-tag", {"experiment_id": experiment, **pair}
    yield "runs/create", {"experiment_id": experiment, "user_id": "u", "run_name": "n", "start_time": 1, "tags": [pair]}
    yield "runs/update", {**run, "status": "RUNNING", "end_time": 5, "run_name": "n"}
    yield (
        "runs/search",
        {"experiment_ids": [experiment], "filter": "run_name = 'x'", "run_view_type": "ALL", "max_results": 1},
    )
    yield "runs/log-metric", {**run, **metric, "dataset_name": "d", "dataset_digest": "d"}
    yield "runs/log-parameter", {**run, **pair}
    yield "runs/set-tag", {**run, **pair}
    yield "runs/log-batch", {**run, "metrics": [metric], "params": [pair], "tags": [pair]}
    yield "runs/log-inputs", {**run, "datasets": [{"dataset": {"name": "n", "digest": "d"}}]}
    yield "runs/outputs", {**run, "models": [{"model_id": "m-x", "step": 1}]}


def _spoil(wire: Wire, verb: str, path: str, good: dict[str, Any], field: str) -> None:
    send = wire.patch if verb == "PATCH" else wire.post
    name = path.split("/m-")[0]
    missing = {key: value for key, value in good.items() if key != field}
    _status(wire, f"spoiled {name} {field} missing", send, path, missing)
    for label, value in _SPOILT.items():
        body = copy.deepcopy(good)
        body[field] = value
        _status(wire, f"spoiled {name} {field} {label}", send, path, body)


def _status(wire: Wire, question: str, send: Any, path: str, body: dict[str, Any]) -> None:
    send(question, path, body)
    answer = wire.answers[question]
    wire.answers[question] = {key: answer[key] for key in ("status", "error_code") if key in answer}
