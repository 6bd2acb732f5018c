"""A proxy before a real server that does to frames what networks do: it loses, cuts, delays and repeats them."""

from __future__ import annotations

import http.client
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Sent(NamedTuple):
    """A request as it came."""

    verb: str
    path: str
    headers: dict[str, str]
    body: bytes


class BadWire(ThreadingHTTPServer):
    """Whether and how a frame goes wrong is drawn from `seed`; other requests pass.

    Args:
        port: of the server behind it.
        goods: how many frames in ten pass.

    """

    daemon_threads = True

    def __init__(self, port: int, seed: int, goods: int = 3) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = port
        self.goods = goods
        self.done: Counter[str] = Counter()
        self.late: list[threading.Thread] = []
        self._random = random.Random(seed)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fate(self, sent: Sent) -> str:
        """What becomes of a request."""
        if not sent.path.endswith("frames/log"):
            return "passed"
        drawn = "passed" if self._random.randrange(10) < self.goods else self._random.choice(list(FATES))
        self.done[drawn] += 1
        return drawn

    def __enter__(self) -> BadWire:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        for thread in self.late:
            thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: BadWire

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        sent = Sent(self.command, self.path, dict(self.headers), body)
        fate = self.server.fate(sent)
        answer = FATES[fate](self.server, sent) if fate in FATES else forward(self.server, sent)
        if answer is None:
            self.close_connection = True
            return
        status, headers, data = answer
        self.send_response(status)
        for name in ("Content-Type", "Retry-After"):
            if name in headers:
                self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _answer  # noqa: N815  # named by http.server

    def log_message(self, *_: object) -> None:
        """Says nothing."""


Answer = tuple[int, http.client.HTTPMessage, bytes]


def forward(wire: BadWire, sent: Sent) -> Answer | None:
    """None when the server is away."""
    connection = http.client.HTTPConnection("127.0.0.1", wire.upstream, timeout=30)
    try:
        connection.request(sent.verb, sent.path, sent.body, {**sent.headers, "Connection": "close"})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    except OSError:
        return None
    finally:
        connection.close()


def _lose(_: BadWire, __: Sent) -> None:
    """The request never arrives."""


def _lose_answer(wire: BadWire, sent: Sent) -> None:
    forward(wire, sent)


def _repeat(wire: BadWire, sent: Sent) -> Answer | None:
    """It arrives twice, and the second answer comes back."""
    forward(wire, sent)
    return forward(wire, sent)


def _race(wire: BadWire, sent: Sent) -> Answer | None:
    """It arrives twice at once."""
    twin = threading.Thread(target=forward, args=(wire, sent))
    twin.start()
    answer = forward(wire, sent)
    twin.join()
    return answer


def _delay(wire: BadWire, sent: Sent) -> None:
    """It arrives when the client has given up on it, and maybe sent it and others again."""
    late = threading.Timer(0.3, forward, args=(wire, sent))
    wire.late.append(late)
    late.start()


def _cut(wire: BadWire, sent: Sent) -> None:
    """A half of it arrives."""
    with socket.create_connection(("127.0.0.1", wire.upstream), timeout=30) as connection:
        lines = [f"{sent.verb} {sent.path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.headers.items())]
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + sent.body[: len(sent.body) // 2])


def _refuse(_: BadWire, __: Sent) -> Answer:
    return 503, http.client.HTTPMessage(), b"upstream is away"


FATES: dict[str, Callable[[BadWire, Sent], Answer | None]] = {
    "lost": _lose,
    "answer lost": _lose_answer,
    "repeated": _repeat,
    "raced": _race,
    "delayed": _delay,
    "cut": _cut,
    "refused": _refuse,
}
