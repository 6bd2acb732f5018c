"""Every field of every operation, wrong in every way: refused with its name, and nothing is half-written."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from runebook.api import OPERATIONS
from runebook.api.operation import Operation

from .bad_values import Case, cases
from .running import Answer, RunningServer

MAX_QUERY = 60_000
"""Characters that an address may have; a longer one is refused before anything reads it."""

CALLED = {
    "run_id": "run",
    "run_ids": "run",
    "experiment_id": "experiment",
    "experiment_ids": "experiment",
    "experiment_name": "experiment",
    "new_name": "name",
    "path": "path",
    "artifact_directory_path": "path",
    "page_token": "page token",
    "metric_key": "key",
    "model_id": "logged model",
}
"""What messages that say more than the field's name call it."""

TAKEN = {
    ("LogInputs", "datasets", "item tags item key hostile key"),  # tags of inputs are no files in MLflow's store either
    ("LogBatch", "metrics", "item run_id"),  # what replies say of a point; a request names its run once
    ("LogFrame", "runs", "item datasets item tags item key hostile key"),
    ("LogFrame", "runs", "item series item model_id"),  # told as refused in the reply, as that of any unknown model
    ("ListArtifacts", "page_token", "NUL"),  # listings have one page
    ("ListLoggedModelArtifacts", "page_token", "NUL"),
}
"""Operations, fields and beginnings of what is wrong, where it is not."""


def _has_fields(operation: type[Operation]) -> bool:
    return set(operation.__struct_fields__) > set(operation.spec.path_fields)


@pytest.fixture(scope="module")
def right(server: RunningServer, run_id: str) -> dict[str, Any]:
    """Values of fields by their names, or by operation and name, that name what is there."""
    base = "/api/2.0/mlflow"
    server.post(f"{base}/runs/log-batch", {"run_id": run_id, "tags": [{"key": "k", "value": "v"}]})
    server.post(f"{base}/experiments/set-experiment-tag", {"experiment_id": "0", "key": "k", "value": "v"})
    model = server.post(f"{base}/logged-models", {"experiment_id": "0"}).json["model"]["info"]["model_id"]
    server.post(f"{base}/logged-models/{model}/tags", {"tags": [{"key": "k", "value": "v"}]}, "PATCH")
    return {
        "run_id": run_id,
        "run_ids": [run_id],
        "GetMetricHistoryBulk.run_id": [run_id],
        "CreateRun.run_id": "1" * 32,
        "RunPart.run_id": run_id,
        "experiment_id": "0",
        "experiment_ids": ["0"],
        "experiment_name": "Default",
        "model_id": model,
        "ModelInput.model_id": model,
        "ModelOutput.model_id": model,
        "model_json": json.dumps({"artifact_path": "m", "flavors": {}, "utc_time_created": "t", "run_id": run_id}),
        "tag_key": "k",
        "folder": "0/models",
        "key": "k",
        "filter": "",
        "order_by": ["name"],
        "SearchRuns.order_by": ["start_time"],
        "SearchLoggedModels.order_by": [{"field_name": "creation_timestamp"}],
    }


@pytest.fixture(scope="module")
def wire(server: RunningServer) -> Iterator[http.client.HTTPConnection]:
    connection = server.connect()
    yield connection
    connection.close()


@pytest.mark.parametrize("name", [name for name, operation in OPERATIONS.items() if _has_fields(operation)])
def test_what_is_wrong_is_refused_by_name_and_changes_nothing(
    server: RunningServer, wire: http.client.HTTPConnection, right: dict[str, Any], name: str
) -> None:
    operation = OPERATIONS[name]
    complaints = []
    tried = 0
    before = server.dump()
    for case in cases(operation, right):
        if any((name, case.field) == (taken, field) and case.wrong.startswith(wrong) for taken, field, wrong in TAKEN):
            continue
        for verb in operation.spec.verbs:
            if verb == "GET" and not _fits_a_query(case):
                continue
            tried += 1
            answer = _send(wire, operation, verb, case, right)
            problem = _problem(case, answer)
            if problem is None and server.dump() != before:
                problem = "was refused and yet changed the store"
            if problem is not None:
                complaints.append(f"{verb} {case.label} ({_shown(case)}) {problem}")
                before = server.dump()

    assert tried > 0
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("value", ["x" * 5000, "a%00b", "%ff", "..%2f..%2fx", "%252e%252e", "%F0%9F%98%80", "%0a"])
@pytest.mark.parametrize("name", [name for name, operation in OPERATIONS.items() if operation.spec.path_fields])
def test_a_wrong_value_in_the_address_is_refused_and_changes_nothing(
    server: RunningServer, right: dict[str, Any], name: str, value: str
) -> None:
    spec = OPERATIONS[name].spec
    body = {"status": "LOGGED_MODEL_READY", "params": [], "tags": [{"key": "k", "value": "v2"}]}
    before = server.dump()

    for wrong in spec.path_fields:
        path = spec.routes[0]
        for field in spec.path_fields:
            told = value if field == wrong else right[field]
            path = path.replace(f"{{{field}}}", told).replace(f"{{{field}:path}}", told)
        for verb in spec.verbs:
            answer = server.post(path, body, verb) if verb != "GET" else server.request(verb, path)
            assert 400 <= answer.status < 500, answer
            assert answer.json["message"]

    assert server.dump() == before


def _fits_a_query(case: Case) -> bool:
    """A query holds texts, so only texts and lists of texts can be wrong in it."""
    value = case.fields.get(case.field)
    texts = value if isinstance(value, list) else [value]
    if case.wrong == "no text" or any(isinstance(text, str) and len(text) > MAX_QUERY for text in texts):
        return False
    return value is None or (bool(texts) and all(isinstance(text, str) for text in texts) and case.wrong != "no list")


def _send(
    wire: http.client.HTTPConnection, operation: type[Operation], verb: str, case: Case, right: dict[str, Any]
) -> Answer:
    path = operation.spec.routes[0]
    for field in operation.spec.path_fields:
        path = path.replace(f"{{{field}}}", right[field]).replace(f"{{{field}:path}}", right[field])
    if verb == "GET":
        known = {name: value for name, value in case.fields.items() if value is not None}
        wire.request(verb, f"{path}?{urlencode(known, doseq=True)}")
    else:
        fields = {name: value for name, value in case.fields.items() if name not in operation.spec.path_fields}
        wire.request(verb, path, json.dumps(fields), {"Content-Type": "application/json"})
    response = wire.getresponse()
    return Answer(response.status, response.headers, response.read())


def _problem(case: Case, answer: Answer) -> str | None:
    if not 400 <= answer.status < 500:
        return f"got {answer.status}: {answer.body[:200]!r}"
    message = answer.json["message"].lower()
    if "not valid json" in message:  # a bare NaN or Infinity: the place is told instead
        return None if "byte" in message or "line" in message else f"does not say where: {message[:200]}"
    parts = [case.field, *case.wrong.split()]
    if any(part.lower() in message or CALLED.get(part, part).lower() in message for part in parts if len(part) > 2):
        return None
    return f"does not name the field: {message[:200]}"


def _shown(case: Case) -> str:
    shown = repr(case.fields.get(case.field, "absent"))
    return shown if len(shown) < 80 else shown[:77] + "..."
