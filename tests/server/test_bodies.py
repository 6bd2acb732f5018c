from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from starlette.requests import Request
from starlette.types import Message

from runebook.core.errors import RunebookError
from runebook.server import bodies
from runebook.server.artifacts import MAX_UPLOADS
from runebook.server.bodies import ROOM_FOR_BODIES, read_body

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


def begin(server: RunningServer, head: str, length: int, part: bytes) -> socket.socket:
    """A connection on which a body was announced and only a part of it sent."""
    wire = socket.create_connection((server.host, server.port), timeout=30)
    headers = f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    wire.sendall(f"{head} HTTP/1.1\r\n{headers}".encode() + part)
    return wire


def test_uploads_that_stop_early_keep_no_others_waiting(server: RunningServer) -> None:
    path = "/api/2.0/mlflow-artifacts/artifacts"
    with contextlib.ExitStack() as open_wires:
        for number in range(MAX_UPLOADS + 8):
            open_wires.enter_context(begin(server, f"PUT {path}/stuck/{number}", 1000, b"abc"))
        answer = server.request("PUT", f"{path}/whole", b"hello")

    assert answer.status == 200
    assert (server.artifacts / "whole").read_bytes() == b"hello"
    assert not (server.artifacts / "stuck").exists()


def test_large_bodies_that_stop_early_take_bounded_memory_and_no_place_of_small_ones(tmp_path: Path) -> None:
    part = b'{"name": "' + b"x" * 3_900_000
    with RunningServer(tmp_path, max_body_bytes=4_000_000) as server:
        before = psutil.Process(server.process.pid).memory_info().rss
        with contextlib.ExitStack() as open_wires:
            for _ in range(ROOM_FOR_BODIES):
                open_wires.enter_context(begin(server, f"POST {CREATE}", 4_000_000, part))
            for _ in range(40):
                open_wires.enter_context(begin(server, f"POST {CREATE}", 4_000_000, part[:200_000]))
            assert server.post(CREATE, {"name": "small"}).status == 200
            assert psutil.Process(server.process.pid).memory_info().rss - before < 40_000_000
        large = server.post(CREATE, {"name": "large", "unknown": "x" * 3_900_000})

    assert large.status == 200


class SlowClient:
    """The receiving end of an ASGI request whose body comes in pieces, one every 10 ms."""

    def __init__(self, pieces: int, piece: bytes) -> None:
        self.left = pieces
        self._piece = piece

    async def __call__(self) -> Message:
        await asyncio.sleep(0.01)
        self.left -= 1
        return {"type": "http.request", "body": self._piece, "more_body": self.left > 0}


def body_of(client: SlowClient) -> bytes:
    return asyncio.run(read_body(Request({"type": "http", "headers": []}, client), 1_000_000))


def test_a_body_that_never_ends_is_given_up_although_bytes_trickle_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE_S", 0.2)
    client = SlowClient(1000, b"x")

    with pytest.raises(RunebookError, match="waited") as raised:
        body_of(client)
    assert raised.value.code == "REQUEST_TIMEOUT"
    assert client.left > 900


def test_a_body_may_take_long_when_its_bytes_keep_coming(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE_S", 0.2)

    assert len(body_of(SlowClient(60, b"x" * 1000))) == 60_000
