from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import psutil
import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from runebook.server import protocol
from runebook.server.protocol import BoundedHttpProtocol
from runebook.server.run import MANY_FILES, bind

from .running import RunningServer


@pytest.mark.parametrize("piece", [b"X-A: " + b"a" * 1000 + b"\r\n", b"a" * 1000])
def test_headers_without_an_end_are_refused_in_bounded_memory(server: RunningServer, piece: bytes) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    sent = 0
    with socket.create_connection((server.host, server.port), timeout=30) as wire:
        wire.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: ")
        try:
            while sent < 50_000_000:
                wire.sendall(piece * 50)
                sent += len(piece) * 50
        except OSError:  # the server hung up
            pass

    assert sent < 10_000_000
    assert process.memory_info().rss - before < 20_000_000
    assert server.request("GET", "/health").status == 200


def test_a_connection_takes_many_requests_and_large_bodies(server: RunningServer) -> None:
    connection = server.connect()
    for number in range(20):
        connection.request("PUT", f"/api/2.0/mlflow-artifacts/artifacts/many/{number}", b"x" * 400_000)
        assert connection.getresponse().read() == b""
    connection.close()

    assert len(list((server.artifacts / "many").iterdir())) == 20


@pytest.mark.parametrize(
    "head",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"CONNECT evil.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_bad_request(server: RunningServer, head: bytes) -> None:
    assert server.raw(head).startswith(b"HTTP/1.1 400 ")
    assert "Traceback" not in server.log


class HurriedServer:
    """A server in a thread, that has little patience with heads and takes its time to answer."""

    def __init__(self) -> None:
        self.listening = bind("127.0.0.1", 0)
        config = uvicorn.Config(self._app, interface="asgi3", http=BoundedHttpProtocol, lifespan="off", log_config=None)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self.listening],))

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(1.0)
        await PlainTextResponse("late")(scope, receive, send)

    def __enter__(self) -> HurriedServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self.listening.close()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A connection to a server that waits 0.3 s for a head."""
    monkeypatch.setattr(protocol, "HEAD_PATIENCE_S", 0.3)
    with HurriedServer() as server, socket.create_connection(server.listening.getsockname(), timeout=10) as wire:
        yield wire


def read_to_end(wire: socket.socket) -> bytes:
    answered = b""
    with contextlib.suppress(ConnectionError):
        while piece := wire.recv(65536):
            answered += piece
    return answered


def test_a_connection_that_asks_for_nothing_is_closed(hurried: socket.socket) -> None:
    assert read_to_end(hurried) == b""


def test_a_head_that_comes_byte_by_byte_is_given_up(hurried: socket.socket) -> None:
    began = time.monotonic()
    hurried.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
    with contextlib.suppress(OSError):  # reset or broken pipe, as the system likes
        while time.monotonic() - began < 10:
            hurried.sendall(b"a")
            time.sleep(0.02)
    assert time.monotonic() - began < 5


def test_an_answer_may_take_longer_than_a_head(hurried: socket.socket) -> None:
    hurried.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nHost:")
    time.sleep(0.5)
    hurried.sendall(b" localhost\r\nConnection: close\r\n\r\n")

    assert read_to_end(hurried).count(b"late") == 2


def test_line_breaks_between_requests_do_not_hold_a_connection_open(hurried: socket.socket) -> None:
    hurried.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    while not hurried.recv(65536).endswith(b"late"):
        pass
    hurried.sendall(b"\r\n")

    assert read_to_end(hurried) == b""


def test_a_server_may_open_as_many_files_as_the_system_lets_it(server: RunningServer) -> None:
    allowed, most = psutil.Process(server.process.pid).rlimit(psutil.RLIMIT_NOFILE)

    assert allowed == most or allowed >= MANY_FILES


def test_an_answer_is_one_piece_on_the_wire(server: RunningServer) -> None:
    with socket.create_connection((server.host, server.port), timeout=30) as wire:
        for _ in range(20):
            wire.sendall(b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n")
            piece = wire.recv(65536)

            assert piece.startswith(b"HTTP/1.1 200")
            assert len(piece.partition(b"\r\n\r\n")[2]) > 0
