"""From an error to its HTTP answer. Nothing below the edge knows these numbers."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runebook.core.errors import InternalError, RunebookError
from runebook.server.request_log import CLIENT_LEFT, request_id

_log = logging.getLogger("runebook.server")

STATUS_BY_CODE: dict[str, int] = {
    "INVALID_PARAMETER_VALUE": 400,
    "BAD_REQUEST": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "INVALID_STATE": 400,  # MLflow answers 500, although it is the caller who asks for what cannot be
    "NOT_IMPLEMENTED": 400,  # MLflow answers 501; its clients go by the words, and nothing failed here
    "CUSTOMER_UNAUTHORIZED": 401,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "NOT_FOUND": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "REQUEST_TIMEOUT": 408,
    "ALREADY_EXISTS": 409,
    "RESOURCE_CONFLICT": 409,
    "ABORTED": 409,
    "REQUEST_TOO_LARGE": 413,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL_ERROR": 500,
    "TEMPORARILY_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}

RETRY_AFTER_S = 1
"""When to come back for what was only temporarily unavailable; told with every 503."""

_CLASS_BY_CODE: dict[str, tuple[str, str]] = {
    "INVALID_PARAMETER_VALUE": ("KAM00", "INVALID_PARAMETER_VALUE"),
    "RESOURCE_DOES_NOT_EXIST": ("KAM00", "RESOURCE_NOT_FOUND"),
    "RESOURCE_ALREADY_EXISTS": ("KAM00", "RESOURCE_ALREADY_EXISTS"),
    "INVALID_STATE": ("XXM00", "CLIENT_INTERNAL_ERROR"),
    "INTERNAL_ERROR": ("XXM00", "CLIENT_INTERNAL_ERROR"),
}
"""MLflow's `sqlstate` and `error_class`, where it has them."""


def error_response(error: RunebookError, headers: Mapping[str, str] | None = None) -> Response:
    """The error as MLflow's clients read it."""
    body = {"error_code": error.code, "message": error.message}
    if error.code in _CLASS_BY_CODE:
        body["sqlstate"], body["error_class"] = _CLASS_BY_CODE[error.code]
    status = STATUS_BY_CODE.get(error.code, 500)
    if status == 503:
        headers = {"Retry-After": str(RETRY_AFTER_S), **(headers or {})}
    return Response(msgspec.json.encode(body), status_code=status, media_type="application/json", headers=headers)


class ErrorBoundary:
    """ASGI middleware: whatever the app raises becomes an answer, and a defect becomes a line in the log too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ClientDisconnect:
            scope[CLIENT_LEFT] = True
        except Exception as error:
            if started:
                raise  # the answer is under way: cutting it off is the only way left to say that it is wrong
            await _answer(error, scope)(scope, receive, send)


def _answer(error: Exception, scope: Scope) -> Response:
    if isinstance(error, RunebookError):
        status = STATUS_BY_CODE.get(error.code, 500)
        if status >= 500:  # a traceback where there is a defect or a cause to look for
            trace = error if status == 500 or error.__cause__ is not None else None
            _log.error("%s: %s", error.code, error.message, exc_info=trace)
        return error_response(error)
    _log.error("A defect answered a request with 500", exc_info=error)
    return error_response(
        InternalError(f"The server failed to answer this; its log tells why under the request id {request_id(scope)}.")
    )
