from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from .running import RunningServer

CREATE = "/api/2.0/mlflow/experiments/create"


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "Bad Request. Content-Type header is missing."),
        ({"Content-Type": "text/plain"}, "Bad Request. Content-Type must be one of ['application/json']."),
        (
            {"Content-Type": "application/x-www-form-urlencoded"},
            "Bad Request. Content-Type must be one of ['application/json'].",
        ),
    ],
)
def test_a_body_must_say_that_it_is_json(
    server: RunningServer, method: str, headers: dict[str, str], message: str
) -> None:
    path = CREATE if method == "POST" else "/api/2.0/mlflow/logged-models/m-1"
    answer = server.request(method, path, b"{}", headers)

    assert (answer.status, answer.error_code, answer.json["message"]) == (400, "INVALID_PARAMETER_VALUE", message)


def test_a_content_type_may_have_parameters_and_any_case(server: RunningServer) -> None:
    for kind in ("application/json; charset=utf-8", "Application/JSON"):
        answer = server.request("POST", CREATE, b"{}", {"Content-Type": kind})
        assert "Missing value for required parameter 'name'" in answer.json["message"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": ',
        b"{'name': 'x'}",
        b"[]",
        b'[{"name": "x"}]',
        b"1",
        b"null",
        b"NaN",
        b'"a text"',
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"name":' * 50_000,
        b'{"name": "x"} trailing',
        b"\0",
    ],
)
def test_what_is_no_json_object_is_refused(server: RunningServer, body: bytes) -> None:
    before = server.dump()

    answer = server.request("POST", CREATE, body, {"Content-Type": "application/json"})

    assert answer.status == 400
    assert answer.error_code in {"INVALID_PARAMETER_VALUE", "BAD_REQUEST"}
    assert server.dump() == before


def test_a_malformed_body_is_told_where(server: RunningServer) -> None:
    answer = server.request("POST", CREATE, b'{"name": oops}', {"Content-Type": "application/json"})

    assert "byte 9" in answer.json["message"]


def test_a_delete_needs_no_body(server: RunningServer) -> None:
    answer = server.request("DELETE", "/api/2.0/mlflow/logged-models/m-none")

    assert (answer.status, answer.error_code) == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("small"), max_body_bytes=1000) as running:
        yield running


@pytest.mark.parametrize("size", [1001, 3000, 500_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(small: RunningServer, size: int, chunked: bool) -> None:
    body = json.dumps({"name": "x" * size}).encode()
    pieces = (body[at : at + 997] for at in range(0, len(body), 997))
    try:
        answer = small.request("POST", CREATE, pieces if chunked else body, {"Content-Type": "application/json"})
    except (BrokenPipeError, ConnectionResetError):
        assert size == 500_000  # far too large: the server need not hear it out
        return

    assert (answer.status, answer.error_code) == (413, "REQUEST_TOO_LARGE")
    assert "1000 bytes" in answer.json["message"]


def test_a_body_of_just_the_limit_is_read(small: RunningServer) -> None:
    padding = 1000 - len('{"name": ""}')

    answer = small.request("POST", CREATE, b'{"name": ""' + b" " * padding + b"}", {"Content-Type": "application/json"})

    assert "'name'" in answer.json["message"]


def test_a_client_that_leaves_in_the_middle_changes_nothing(server: RunningServer) -> None:
    before = server.dump()
    head = b"POST " + CREATE.encode() + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection((server.host, server.port)) as wire:
        wire.sendall(head + b'Content-Length: 100\r\nX-Request-Id: left-early\r\n\r\n{"name": "half"}')

    assert "status=499" in server.wait_for_log("left-early")
    assert server.dump() == before
