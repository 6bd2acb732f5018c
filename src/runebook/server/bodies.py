"""Request bodies, read in bounded memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
from starlette.requests import ClientDisconnect, Request

from runebook.core.errors import InvalidParameterValue, RunebookError, TooLarge, error_from_code

PATIENCE_S = 120
"""How long the server waits for the next bytes of a body before it gives the client up."""

DRAIN_FACTOR = 4
"""Of a body that is too large, this many times the limit is read and dropped before the answer."""

_READ_TO_END = "runebook.body_read_to_end"


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The whole body.

    Raises:
        TooLarge: it is longer than the limit.
        ClientDisconnect: the client left in the middle of it.

    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in body_chunks(request):
        size += len(chunk)
        if size > limit_bytes:
            chunks.clear()
            await drain(request, limit_bytes * DRAIN_FACTOR)
            raise TooLarge(f"The request body is larger than {limit_bytes} bytes. Send it in smaller parts.")
        chunks.append(chunk)
    return b"".join(chunks)


async def body_chunks(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes in.

    Raises:
        ClientDisconnect: the client left in the middle of it.
        RunebookError: REQUEST_TIMEOUT, the client keeps the server waiting.

    """
    while not request.scope.get(_READ_TO_END):
        try:
            with anyio.fail_after(PATIENCE_S):
                message = await request.receive()
        except TimeoutError:
            raise _too_slow() from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        if not message.get("more_body", False):
            request.scope[_READ_TO_END] = True
        if chunk := message.get("body", b""):
            yield chunk


async def drain(request: Request, limit_bytes: int) -> None:
    """Read what is left of a body that is refused, up to a limit, so that the client gets to read why."""
    left = limit_bytes
    async for chunk in body_chunks(request):
        left -= len(chunk)
        if left < 0:
            return


def check_json_type(request: Request) -> None:
    """A body is read as JSON only when its sender says that it is: a browser's forms cannot say so unasked.

    Raises:
        InvalidParameterValue: in MLflow's words.

    """
    sent = request.headers.get("content-type")
    if sent is None:
        raise InvalidParameterValue("Bad Request. Content-Type header is missing.")
    if sent.partition(";")[0].strip().lower() != "application/json":
        raise InvalidParameterValue("Bad Request. Content-Type must be one of ['application/json'].")


def _too_slow() -> RunebookError:
    return error_from_code("REQUEST_TIMEOUT", f"The server waited {PATIENCE_S} s for more of the request body.")
