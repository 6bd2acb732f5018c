"""Writers that know HTTP and no spool: each sends a request until it is answered, then the next."""

from __future__ import annotations

import http.client
import json
import threading
import time
from array import array
from typing import Any

import msgspec
from tests.faults.stored_points import value_of

HANG_SECONDS = 60.0
KEY = "m"
JSON = "application/json"
_API = "/api/2.0/mlflow/runs"


class PlainWriter:
    """Sends points of one run as an MLflow client would; `acknowledged` of them were answered with 200."""

    def __init__(self, port: int, writer: int, *, pause_s: float = 0.005) -> None:
        self.writer = writer
        self.acknowledged = 0
        self.refused: set[str] = set()
        """Why the server could not take something at the time."""
        self.failure: str | None = None
        self._port = port
        self._pause_s = pause_s
        self._connection: http.client.HTTPConnection | None = None
        self._stopping = threading.Event()
        made = self._ask(f"{_API}/create", {"experiment_id": "0", "start_time": 1, "run_name": f"writer {writer}"})
        self.run_id: str = made["run"]["info"]["run_id"]
        self._thread = threading.Thread(target=self._run, name=f"writer {writer}")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask it to stop; `join` waits until its last request is answered."""
        self._stopping.set()

    def join(self) -> None:
        self._thread.join(2 * HANG_SECONDS)
        assert not self._thread.is_alive(), f"writer {self.writer} hangs"
        assert self.failure is None, self.failure

    def send(self, first: int) -> int:
        """Send the points from number `first` on; returns how many."""
        raise NotImplementedError

    def _run(self) -> None:
        try:
            while not self._stopping.wait(self._pause_s):
                self.acknowledged += self.send(self.acknowledged)
        except Exception as error:  # noqa: BLE001  # told by `join`
            self.failure = f"writer {self.writer}: {type(error).__name__}: {error}"
        finally:
            self._close()

    def _ask(self, path: str, fields: Any) -> Any:
        return json.loads(self.post(path, json.dumps(fields).encode(), JSON))

    def post(self, path: str, body: bytes, content_type: str) -> bytes:
        """The answer, after as many attempts as it takes. What is no matter of time is an error."""
        until = time.monotonic() + HANG_SECONDS
        while True:
            try:
                status, answer = self._attempt(path, body, content_type)
            except (OSError, http.client.HTTPException) as error:
                self._close()
                status, answer = 0, repr(error).encode()
            if status == 200:
                return answer
            assert status in (0, 503), (status, answer)
            if status:
                self.refused.add(json.loads(answer)["message"])
            assert time.monotonic() < until, answer
            time.sleep(0.02)

    def _attempt(self, path: str, body: bytes, content_type: str) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=HANG_SECONDS)
        self._connection.request("POST", path, body, {"Content-Type": content_type})
        response = self._connection.getresponse()
        return response.status, response.read()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class MetricWriter(PlainWriter):
    """A point a request, by `log-metric`."""

    def send(self, first: int) -> int:
        point = {"key": KEY, "value": value_of(self.writer, first), "timestamp": first, "step": first}
        self._ask(f"{_API}/log-metric", {"run_id": self.run_id, **point})
        return 1


class BatchWriter(PlainWriter):
    """Fifty points a request, by `log-batch`."""

    def send(self, first: int) -> int:
        metrics = [
            {"key": KEY, "value": value_of(self.writer, number), "timestamp": number, "step": number}
            for number in range(first, first + 50)
        ]
        self._ask(f"{_API}/log-batch", {"run_id": self.run_id, "metrics": metrics})
        return 50


class FrameWriter(PlainWriter):
    """Two hundred points a request, by `frames/log`, which adds each exactly once."""

    def send(self, first: int) -> int:
        count = 200
        numbers = range(first, first + count)
        steps = array("q", numbers).tobytes()
        values = array("d", [value_of(self.writer, number) for number in numbers]).tobytes()
        frame = {
            "writer": f"plain-{self.writer}",
            "first": first + 1,
            "last": first + count,
            "runs": [
                {"run_id": self.run_id, "series": [{"key": KEY, "steps": steps, "times": steps, "values": values}]}
            ],
        }
        body = msgspec.msgpack.encode(frame)
        reply = json.loads(self.post("/api/runebook/v1/frames/log", body, "application/msgpack"))
        assert reply["acknowledged"] == first + count, reply
        assert not reply.get("refused"), reply
        return count


KINDS: tuple[type[PlainWriter], ...] = (MetricWriter, BatchWriter, FrameWriter)
