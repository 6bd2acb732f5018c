"""A real server in a process of its own, and the wire to it without a client that would tidy up what is sent."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

_SCRIPT = """
import json, sys
from runebook.core.errors import RunebookError
from runebook.server.run import serve
from runebook.server.settings import ServerSettings
if __name__ == "__main__":
    try:
        serve(ServerSettings(**json.loads(sys.argv[1])))
    except RunebookError as error:
        sys.exit(f"refused: {error.message}")
"""


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error_code(self) -> str:
        return str(self.json["error_code"])


class RunningServer:
    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.database = folder / "runebook.db"
        self.artifacts = folder / "artifacts"
        self.log_path = folder / "server.log"
        told = {
            "backend_store_uri": f"sqlite:///{self.database}",
            "artifacts_destination": str(self.artifacts),
            "port": 0,
            **settings,
        }
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _SCRIPT, json.dumps(told)], stdout=subprocess.PIPE, stderr=log, cwd=folder
            )
        assert self.process.stdout is not None
        self.announcement = self.process.stdout.readline().decode()
        self.host = "127.0.0.1"
        if not self.announcement:
            self.process.wait(30)
            return
        self.port = int(self.announcement.split("://")[1].split(":")[1].split("/")[0])

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def wait_for_log(self, text: str) -> str:
        """The first line with the text; lines are written after the answer is."""
        deadline = time.monotonic() + 10
        while not (lines := [line for line in self.log.splitlines() if text in line]):
            assert time.monotonic() < deadline, f"nothing logged with {text!r}"
            time.sleep(0.01)
        return lines[0]

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=30)

    def request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        connection = self.connect()
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def post(self, path: str, fields: Any, method: str = "POST") -> Answer:
        return self.request(method, path, json.dumps(fields), {"Content-Type": "application/json"})

    def raw(self, sent: bytes) -> bytes:
        """All that the server answers to these bytes until it closes the connection."""
        with socket.create_connection((self.host, self.port), timeout=30) as wire:
            wire.sendall(sent)
            answered = b""
            while piece := wire.recv(65536):
                answered += piece
            return answered

    def raw_request(self, method: str, path: bytes, body: bytes = b"", *headers: str) -> Answer:
        """A request whose path goes over the wire as it is."""
        lines = ["Host: localhost", "Connection: close", f"Content-Length: {len(body)}", *headers]
        head = method.encode() + b" " + path + b" HTTP/1.1\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n"
        answered = self.raw(head + body)
        first, _, rest = answered.partition(b"\r\n")
        fields, _, content = rest.partition(b"\r\n\r\n")
        message = http.client.HTTPMessage()
        for line in fields.decode("latin-1").split("\r\n"):
            name, _, value = line.partition(":")
            message[name] = value.strip()
        return Answer(int(first.split()[1]), message, content)

    def dump(self) -> list[str]:
        """Everything that the store holds."""
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        try:
            return list(connection.iterdump())
        finally:
            connection.close()

    def stored_files(self) -> list[str]:
        found = self.artifacts.rglob("*") if self.artifacts.exists() else []
        return sorted(path.relative_to(self.artifacts).as_posix() for path in found)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
