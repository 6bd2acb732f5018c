"""A server on loopback that answers by a plan: what a network and a proxy do to a client on a bad day."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs

DROP = -1
"""Read the request, then close the connection without an answer."""


class Seen(NamedTuple):
    verb: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class FlakyServer(ThreadingHTTPServer):
    """Answers each request with the next of `plan` (status, body, headers), and with 200 `{}` after the last."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        super().__init__(address, _Handler)
        self.plan: list[tuple[int, Any, dict[str, str]]] = []
        self.info: dict[str, Any] | None = {"store_type": "SqlStore", "runebook_version": "0.1.0"}
        """What server-info says, beside the plan; None for a server that does not know it."""
        self.runs: dict[str, dict[str, Any]] = {}
        """The data of runs that it has, told beside the plan."""
        self.seen: list[Seen] = []
        self.connections = 0

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def then(self, status: int, body: Any = None, **headers: str) -> FlakyServer:
        self.plan.append((status, {} if body is None else body, headers))
        return self

    def seen_at(self, end: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path.partition("?")[0].endswith(end)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FlakyServer

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.endswith("server-info"):
            self._send(200 if self.server.info else 404, self.server.info or {}, {})
            return
        if "runs/get?" in self.path and self.server.runs:
            self._send_run(parse_qs(self.path.partition("?")[2])["run_id"][0])
            return
        self.server.seen.append(Seen(self.command, self.path, dict(self.headers), body))
        status, reply, headers = self.server.plan.pop(0) if self.server.plan else (200, {}, {})
        if status == DROP:
            self.close_connection = True
            return
        self._send(status, reply, headers)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _answer  # noqa: N815  # named by http.server

    def _send_run(self, run_id: str) -> None:
        if run_id not in self.server.runs:
            self._send(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"Run {run_id} not found"}, {})
            return
        info = {
            "run_id": run_id,
            "run_uuid": run_id,
            "run_name": "r",
            "experiment_id": "0",
            "user_id": "",
            "status": "RUNNING",
            "start_time": 1,
            "artifact_uri": "x",
            "lifecycle_stage": "active",
        }
        self._send(200, {"run": {"info": info, "data": self.server.runs[run_id]}}, {})

    def _send(self, status: int, reply: Any, headers: dict[str, str]) -> None:
        data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def flaky_server() -> Iterator[FlakyServer]:
    server = FlakyServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
