"""Requests that the served OpenAPI document allows, and many that it does not: none may end in a 5xx."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode

from runebook.api import OPERATIONS
from runebook.server.openapi import PATH

from .running import RunningServer

ENDPOINTS = [
    pytest.param(re.sub(r":path}", "}", operation.spec.routes[0]), verb, mode, id=f"{name}-{verb}-{mode.value}")
    for name, operation in OPERATIONS.items()
    for verb in operation.spec.verbs
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    # any text is a value of a field in the path, so a request of these fields alone has no wrong form
    if mode is GenerationMode.POSITIVE or set(operation.__struct_fields__) > set(operation.spec.path_fields)
]


@schemathesis.serializer("application/msgpack")
def as_messagepack(_: schemathesis.SerializationContext, value: Any) -> bytes:
    return msgspec.msgpack.encode(_writable(value))


def _writable(value: Any) -> Any:
    """Integers beyond those of MessagePack as texts."""
    if isinstance(value, dict):
        return {key: _writable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_writable(item) for item in value]
    return str(value) if isinstance(value, int) and abs(value) >= 2**63 else value


@pytest.fixture(scope="module")
def schema(server: RunningServer) -> schemathesis.schemas.BaseSchema:
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}{PATH}")


@pytest.mark.parametrize(("path", "verb", "mode"), ENDPOINTS)
def test_no_request_breaks_the_server(
    schema: schemathesis.schemas.BaseSchema, path: str, verb: str, mode: GenerationMode
) -> None:
    endpoint = schema[path][verb]

    @settings(max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=endpoint.as_strategy(generation_mode=mode))
    def send(case: schemathesis.Case) -> None:
        response = case.call()
        assert response.status_code < 500, (case.as_curl_command(), response.text)
        if response.headers.get("Content-Type", "").startswith("application/json"):
            assert isinstance(response.json(), dict)

    send()
