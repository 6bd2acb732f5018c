"""A proxy between a client and a server that does to requests and answers what bad networks do, by a seed."""

from __future__ import annotations

import http.client
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, TypeVar

LATE_SECONDS = 1.4
"""Longer than the clients of the test wait for an answer."""

_SOCKET_SECONDS = 60.0

WireT = TypeVar("WireT", bound="BadWire")


class Request(NamedTuple):
    """As it came over the line, whole."""

    head: bytes
    body: bytes

    @property
    def raw(self) -> bytes:
        return self.head + self.body


class BadWire:
    """Listens on a port of its own. Every connection to the server carries one request.

    `seen` counts what was done: how many requests went through, and how many met with each kind of fault.
    """

    def __init__(self, server_port: int, seed: int, *, fault_rate: float = 0.5) -> None:
        self.seen: Counter[str] = Counter()
        self._server = ("127.0.0.1", server_port)
        self._rng = random.Random(seed)
        self._fault_rate = fault_rate
        self._lock = threading.Lock()
        self._is_closed = False
        self._ghosts: list[threading.Thread] = []
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listening.getsockname()[1]
        self._faults: tuple[Callable[[socket.socket, Request], None], ...] = (
            self.refuse,
            self.cut_request,
            self.lose_answer,
            self.cut_answer,
            self.delay_answer,
            self.answer_too_late,
            self.send_twice,
            self.send_later,
            self.answer_for_the_server,
        )
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self: WireT) -> WireT:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closed = True
        self._listening.close()
        for ghost in list(self._ghosts):
            ghost.join(_SOCKET_SECONDS)

    # --- what may happen to a request; each closes the client's connection, or leaves it for the next one ---

    def refuse(self, client: socket.socket, request: Request) -> None:
        """The request never leaves."""
        client.close()

    def cut_request(self, client: socket.socket, request: Request) -> None:
        """The server gets a part of it."""
        with self._lock:
            length = self._rng.randrange(1, len(request.raw))
        with socket.create_connection(self._server, timeout=_SOCKET_SECONDS) as server:
            server.sendall(request.raw[:length])
        client.close()

    def lose_answer(self, client: socket.socket, request: Request) -> None:
        """It is done, and nobody is told."""
        self._asked(request)
        client.close()

    def cut_answer(self, client: socket.socket, request: Request) -> None:
        answer = self._asked(request)
        with self._lock:
            length = self._rng.randrange(1, len(answer))
        client.sendall(answer[:length])
        client.close()

    def delay_answer(self, client: socket.socket, request: Request) -> None:
        answer = self._asked(request)
        with self._lock:
            seconds = self._rng.uniform(0, 0.3)
        time.sleep(seconds)
        client.sendall(answer)

    def answer_too_late(self, client: socket.socket, request: Request) -> None:
        """The client has asked again by then."""
        answer = self._asked(request)
        time.sleep(LATE_SECONDS)
        client.sendall(answer)
        client.close()

    def send_twice(self, client: socket.socket, request: Request) -> None:
        """The server gets it twice at once."""
        self._haunt(request, 0.0)
        client.sendall(self._asked(request))

    def send_later(self, client: socket.socket, request: Request) -> None:
        """It stays on the way, and comes when the client has long gone on."""
        with self._lock:
            seconds = self._rng.uniform(0.05, 1.0)
        self._haunt(request, seconds)
        client.close()

    def answer_for_the_server(self, client: socket.socket, request: Request) -> None:
        """A proxy says that there is no server, whether or not the request was done."""
        with self._lock:
            is_done = self._rng.random() < 0.5
        if is_done:
            self._asked(request)
        client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 11\r\n\r\nBad Gateway")

    # --- the wire ---

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return  # closed
            client.settimeout(_SOCKET_SECONDS)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Requests of one connection, until the client or a fault closes it."""
        with client:
            try:
                while client.fileno() >= 0 and (request := _read_request(client)) is not None:
                    self._carry(client, request)
            except (OSError, http.client.HTTPException):  # the client has gone away, or the server has not answered
                client.close()

    def _carry(self, client: socket.socket, request: Request) -> None:
        with self._lock:
            fault = self._rng.choice(self._faults) if self._rng.random() < self._fault_rate else None
            self.seen[fault.__name__ if fault else "carried"] += 1
        if fault is None:
            client.sendall(self._asked(request))
        else:
            fault(client, request)

    def _haunt(self, request: Request, seconds: float) -> None:
        def send() -> None:
            time.sleep(seconds)
            try:
                self._asked(request)
            except (OSError, http.client.HTTPException):
                return  # the test is over

        ghost = threading.Thread(target=send, daemon=True)
        self._ghosts.append(ghost)
        ghost.start()

    def _asked(self, request: Request) -> bytes:
        """The server's answer, whole."""
        with socket.create_connection(self._server, timeout=_SOCKET_SECONDS) as server:
            server.sendall(request.raw)
            response = http.client.HTTPResponse(server, method=request.head.split(b" ", 1)[0].decode())
            response.begin()
            body = response.read()
        fields = [f"{name}: {value}" for name, value in response.getheaders() if name.lower() != "transfer-encoding"]
        if not any(field.lower().startswith("content-length") for field in fields):
            fields.append(f"Content-Length: {len(body)}")
        return "\r\n".join([f"HTTP/1.1 {response.status} {response.reason}", *fields, "", ""]).encode() + body


def _read_request(client: socket.socket) -> Request | None:
    """The next one; None when the client has closed the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        piece = client.recv(65536)
        if not piece:
            return None
        body += piece
    return Request(head + b"\r\n\r\n", body)
