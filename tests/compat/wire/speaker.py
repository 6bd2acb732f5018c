"""Speaks HTTP with a server and notes its answers."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol

import urllib3

_JSON = {"Content-Type": "application/json"}


class Placeholders(Protocol):
    """Names for what differs from server to server; the scenarios bring them."""

    def experiment(self, experiment_id: str, label: str) -> None: ...

    def label(self, some_id: str, kind: str, name: str) -> None: ...

    def stable(self, value: Any) -> Any: ...


class Wire:
    """One server under one prefix (`api` or `ajax-api`), and what it answered to each question."""

    def __init__(self, address: str, prefix: str, label: str, placeholders: Placeholders) -> None:
        self.label = label
        self.answers: dict[str, Any] = {}
        self.placeholders = placeholders
        self._root = f"{address}/{prefix}"
        self._address = address
        self._pool = urllib3.PoolManager(retries=False, timeout=30)

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.clear()

    def post(self, question: str, path: str, body: Any, **more: Any) -> Any:
        return self.send(question, "POST", f"2.0/mlflow/{path}", body=json.dumps(body), headers=_JSON, **more)

    def get(self, question: str, path: str, /, **query: Any) -> Any:
        return self.send(question, "GET", f"2.0/mlflow/{path}", fields=_pairs(query))

    def patch(self, question: str, path: str, body: Any, **more: Any) -> Any:
        return self.send(question, "PATCH", f"2.0/mlflow/{path}", body=json.dumps(body), headers=_JSON, **more)

    def delete(self, question: str, path: str, body: Any = None) -> Any:
        return self.send(question, "DELETE", f"2.0/mlflow/{path}", body=json.dumps(body or {}), headers=_JSON)

    def send(self, question: str, method: str, path: str, *, status_only: bool = False, **request: Any) -> Any:
        """Send, note what came back under the question, and return the JSON of a success, else an empty dict."""
        root = self._address if path.startswith("/") else f"{self._root}/"
        reply = self._pool.request(method, root + path, **request)
        body = _parsed(reply)
        self.note(question, _answer(reply, body, status_only=status_only))
        return body if reply.status == 200 and isinstance(body, dict) else {}

    def note(self, question: str, answer: Any) -> None:
        if question in self.answers:
            raise ValueError(f"asked twice: {question}")
        self.answers[question] = self.placeholders.stable(answer)

    def experiment(self, name: str) -> str:
        """An experiment to work in."""
        path, body = f"{self._root}/2.0/mlflow/experiments/create", json.dumps({"name": f"{self.label}/{name}"})
        experiment_id = str(self._pool.request("POST", path, body=body, headers=_JSON).json()["experiment_id"])
        self.placeholders.experiment(experiment_id, name)
        time.sleep(0.003)  # the next one is created at a later millisecond
        return experiment_id

    def run(self, experiment_id: str, name: str, start_time: int) -> str:
        """A run to work in."""
        body = json.dumps(
            {"experiment_id": experiment_id, "run_name": name, "start_time": start_time, "user_id": "ada"}
        )
        reply = self._pool.request("POST", f"{self._root}/2.0/mlflow/runs/create", body=body, headers=_JSON)
        run_id = str(reply.json()["run"]["info"]["run_id"])
        self.placeholders.label(run_id, "run", name)
        return run_id


def _pairs(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Query parameters, a list's name once for each item."""
    lists = [(name, value if isinstance(value, list) else [value]) for name, value in query.items()]
    return [(name, str(value)) for name, values in lists for value in values]


def _parsed(reply: urllib3.BaseHTTPResponse) -> Any:
    try:
        return json.loads(reply.data)
    except ValueError:
        return None


def _with_opaque_token(body: Any) -> Any:
    """What a page token says is its server's own; that there is one counts."""
    token = body.get("next_page_token") if isinstance(body, dict) else None
    return body | {"next_page_token": "<token>"} if token else body


def _answer(reply: urllib3.BaseHTTPResponse, body: Any, *, status_only: bool) -> dict[str, Any]:
    if reply.status >= 400 and isinstance(body, dict) and "error_code" in body:
        return {"status": reply.status, "error_code": body["error_code"], "message": body.get("message")}
    if status_only:
        return {"status": reply.status}
    if body is not None:
        return {"status": reply.status, "body": _with_opaque_token(body)}
    kind = reply.headers.get("Content-Type", "").split(";")[0]
    text = reply.data.decode("utf-8", "replace") if reply.status < 300 else "(a page)"
    return {"status": reply.status, "type": kind, "text": text} if reply.status < 300 else {"status": reply.status}
