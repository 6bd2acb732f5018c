from __future__ import annotations

import socket

import psutil
import pytest

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
