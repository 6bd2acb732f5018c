from __future__ import annotations

import json
import re
from typing import Any

import pytest

from runebook.api import OPERATIONS
from runebook.server.openapi import PATH, openapi_document

from .running import RunningServer


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document("/prefix")


def test_every_operation_is_documented_once_with_its_sentence(document: dict[str, Any]) -> None:
    found = {
        described["operationId"]: (path, verb.upper(), described["description"])
        for path, verbs in document["paths"].items()
        for verb, described in verbs.items()
    }

    for name, operation in OPERATIONS.items():
        path, verb, description = found.pop(name)
        assert path == re.sub(r":path}", "}", operation.spec.routes[0])
        assert (verb, description) == (operation.spec.verbs[0], operation.spec.doc)
    assert set(found) == {"SearchExperimentsByGet"}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    schemas = document["components"]["schemas"]

    references = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert references <= schemas.keys()
    assert all(re.fullmatch(r"\w+", name) for name in schemas)


def test_fields_are_parameters_of_a_get_and_the_body_of_a_post(document: dict[str, Any]) -> None:
    get = document["paths"]["/api/2.0/mlflow/logged-models/{model_id}"]["get"]
    post = document["paths"]["/api/2.0/mlflow/runs/log-metric"]["post"]

    assert [(each["name"], each["in"], each["required"]) for each in get["parameters"]] == [
        ("model_id", "path", True),
        ("allow_deleted", "query", False),
    ]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["run_id", "key", "value", "timestamp"]
    assert schema["properties"]["timestamp"] == {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
    assert {"enum": ["NaN", "Infinity", "-Infinity"]} in schema["properties"]["value"]["anyOf"]


def test_what_takes_binary_bodies_says_so(document: dict[str, Any]) -> None:
    binary = {
        described["operationId"]
        for verbs in document["paths"].values()
        for described in verbs.values()
        if "application/msgpack" in described.get("requestBody", {}).get("content", {})
    }
    body = document["paths"]["/api/runebook/v1/frames/log"]["post"]["requestBody"]

    assert binary == {name for name, operation in OPERATIONS.items() if operation.spec.binary} == {"LogFrame"}
    assert "zstd" in body["description"]


def test_every_answer_has_its_schema_and_the_errors(document: dict[str, Any]) -> None:
    for verbs in document["paths"].values():
        for described in verbs.values():
            assert set(described["responses"]) == {"200", "default"}
            assert described["responses"]["default"]["content"]["application/json"]["schema"] == {
                "$ref": "#/components/schemas/Error"
            }


def test_the_served_document_is_this_one(server: RunningServer) -> None:
    answer = server.request("GET", PATH)

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json == json.loads(json.dumps(openapi_document()))
    assert answer.json["openapi"] == "3.1.0"


def test_the_prefix_is_where_the_operations_are(document: dict[str, Any]) -> None:
    assert document["servers"] == [{"url": "/prefix"}]
