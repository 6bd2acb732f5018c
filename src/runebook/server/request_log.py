"""One line of log for each request, and the id that ties it to the answer."""

from __future__ import annotations

import json
import logging
import random
import re
import sys
import time
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CLIENT_LEFT = "runebook.client_left"
"""Set in the scope when the client went away before its answer."""

_REQUEST_ID = "runebook.request_id"
_SANE_ID = re.compile(rb"[A-Za-z0-9._\-]{1,128}")
_PLAIN = re.compile(r"[\w./:@%+,\-\[\]*]+", re.ASCII)
_LEFT_STATUS = 499

_current_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_log = logging.getLogger("runebook.server.requests")


def request_id(scope: Scope) -> str:
    """The id of a request: the caller's `X-Request-Id` when it is a plain word, or one made here."""
    made: str = scope.get(_REQUEST_ID) or "none"
    return made


class RequestLog:
    """ASGI middleware: gives the request its id, returns it as `X-Request-Id`, and logs how it went."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        scope[_REQUEST_ID] = name = _sent_id(scope) or f"{random.getrandbits(128):032x}"  # no secret
        token = _current_id.set(name)
        status = 500
        sent_bytes = 0

        async def note(message: Message) -> None:
            nonlocal status, sent_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", name.encode())]
            elif message["type"] == "http.response.body":
                sent_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            if scope.get(CLIENT_LEFT):
                status = _LEFT_STATUS
            if _log.isEnabledFor(logging.INFO):
                _log.handle(_record(_fields(scope, status, sent_bytes, started)))
            _current_id.reset(token)


def configure(log_format: str, level: str) -> None:
    """Send the log of the server, and of what serves it, to stderr; lines of nobody else."""
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line shows them, and they cost
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else KeyValueLines())
    for name, lowest in (("runebook", level.upper()), ("uvicorn", "WARNING"), ("asyncio", "ERROR")):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(lowest)
        logger.propagate = False


class KeyValueLines(logging.Formatter):
    """`time=... level=INFO event=request ...`; values that are no plain word are quoted as in JSON."""

    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{key}={_quoted(value)}" for key, value in _line(self, record).items())


class JsonLines(logging.Formatter):
    """One JSON object a line, with the same fields."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_line(self, record), default=str)


def _line(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, Any]:
    milliseconds = int(record.created * 1000)
    line: dict[str, Any] = {
        "time": f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z",
        "level": record.levelname,
        "event": record.getMessage(),
    }
    fields: dict[str, Any] = getattr(record, "fields", {})
    if "request_id" not in fields and _current_id.get() is not None:
        line["request_id"] = _current_id.get()
    line.update(fields)
    if record.exc_info:
        line["traceback"] = formatter.formatException(record.exc_info)
    return line


@lru_cache(maxsize=16)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _quoted(value: Any) -> str:
    text = str(value)
    if type(value) in (int, float):
        return text
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


def _sent_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SANE_ID.fullmatch(value):
            return str(value, "ascii")
    return None


def _record(fields: dict[str, Any]) -> logging.LogRecord:
    """A line about a request, made without a look for the place in the code that it comes from."""
    record = logging.LogRecord(_log.name, logging.INFO, __file__, 0, "request", None, None)
    record.fields = fields
    return record


def _fields(scope: Scope, status: int, sent_bytes: int, started: float) -> dict[str, Any]:
    client = scope.get("client")
    return {
        "request_id": request_id(scope),
        "method": scope["method"],
        "path": scope.get("raw_path", b"").decode("latin-1") or scope["path"],
        "status": status,
        "duration_ms": round((time.perf_counter() - started) * 1000, 1),
        "bytes": sent_bytes,
        "client": client[0] if client else "-",
    }
