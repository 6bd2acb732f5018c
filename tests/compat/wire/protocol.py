"""What holds of every endpoint: content types, malformed bodies, names of fields, unknown paths and verbs."""

from __future__ import annotations

import json

from .speaker import Wire

_JSON = {"Content-Type": "application/json"}
_CREATE = "2.0/mlflow/experiments/create"
_SEARCH = "2.0/mlflow/experiments/search"


def ask(wire: Wire) -> None:
    _content_types(wire)
    _bodies(wire)
    _fields(wire)
    _paths(wire)


def _content_types(wire: Wire) -> None:
    body = json.dumps({"max_results": 1, "filter": "name = 'no such name'"})
    for kind in (
        "application/json; charset=utf-8",
        "text/plain",
        "application/x-www-form-urlencoded",
        "APPLICATION/JSON",
    ):
        wire.send(f"content type {kind}", "POST", _SEARCH, body=body, headers={"Content-Type": kind})
    wire.send("content type missing", "POST", _SEARCH, body=body.encode(), headers={})


def _bodies(wire: Wire) -> None:
    bodies = {
        "empty": "",
        "malformed": "{",
        "an empty object": "{}",
        "an array": "[]",
        "a number": "5",
        "null": "null",
        "JSON in a string": json.dumps(json.dumps({"name": f"double {wire.label}"})),
        "not UTF-8": b'{"name": "\xff\xfe"}',
    }
    for label, body in bodies.items():
        wire.send(f"body is {label}", "POST", _CREATE, body=body, headers=_JSON, status_only=True)
    wire.send("empty batch body", "POST", "2.0/mlflow/runs/log-batch", body="", headers=_JSON)


def _fields(wire: Wire) -> None:
    nothing = {"filter": "name = 'no such name'"}
    wire.post("camel case", "experiments/search", {"maxResults": 1, **nothing})
    wire.post("both cases", "experiments/search", {"maxResults": 1, "max_results": 1, **nothing})
    wire.post("number in a text", "experiments/search", {"max_results": "1", **nothing})
    wire.post("whole decimal", "experiments/search", {"max_results": 1.0, **nothing})
    wire.post("unknown field", "experiments/search", {"max_results": 1, "unknown": [1], **nothing})
    wire.post("enum by number", "experiments/search", {"max_results": 1, "view_type": 2, **nothing})
    wire.post("enum by name", "experiments/search", {"max_results": 1, "view_type": "DELETED_ONLY", **nothing})
    wire.get("unknown query", "experiments/get", experiment_id="0", unknown="1")


def _paths(wire: Wire) -> None:
    for path in ("2.0/mlflow/nothing", "2.1/mlflow/experiments/get", "2.0/preview/mlflow/runs/get", "2.0/mlflow/"):
        wire.send(f"unknown path {path}", "GET", path)
    wire.send("wrong verb", "GET", _CREATE)
    wire.send("wrong verb of a read", "POST", "2.0/mlflow/runs/get", body="{}", headers=_JSON)
    wire.send("delete without a path", "DELETE", "2.0/mlflow/experiments/delete", body="{}", headers=_JSON)
    wire.send("health", "GET", "/health")
    info = wire.send("server info", "GET", "3.0/mlflow/server-info", status_only=True)
    wire.note("server info says", {"workspaces": info.get("workspaces_enabled", False), "store": "store_type" in info})
    wire.send("version", "GET", "/version", status_only=True)
