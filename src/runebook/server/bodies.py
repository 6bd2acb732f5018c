"""Request bodies, read in bounded memory."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import anyio
from starlette.requests import ClientDisconnect, Request

from runebook.api import compression
from runebook.api.operation import Operation
from runebook.core.errors import InvalidParameterValue, RunebookError, TemporarilyUnavailable, TooLarge, error_from_code
from runebook.server.protocol import BODY_ARRIVED

PATIENCE_S = 120
"""How long the server waits for a body in all, beside the time that its bytes take at the slowest speed."""

SLOWEST_BYTES_PER_S = 4096
"""A client that goes on sending more slowly than this is given up."""

SMALL_BYTES = 1024 * 1024
"""Bodies up to this size are read whatever else is under way."""

ROOM_FOR_BODIES = 4
"""Larger ones take turns in room for so many of the largest."""

DRAIN_FACTOR = 4
"""Of a body that is too large, this many times the limit is read and dropped before the answer."""

JSON = "application/json"
MESSAGEPACK = "application/msgpack"

_READ_TO_END = "runebook.body_read_to_end"


class BodyRoom:
    """Memory for large bodies that are read or worked on at the same time; more of them wait, unread.

    Args:
        largest_bytes: the longest body that anybody may ask for.

    """

    def __init__(self, largest_bytes: int) -> None:
        self._free_bytes = ROOM_FOR_BODIES * largest_bytes
        self._changed = anyio.Condition()

    @asynccontextmanager
    async def body(self, request: Request, limit_bytes: int) -> AsyncIterator[bytes]:
        """The whole body, as `read_body`; the block is the time that it is in memory.

        Raises:
            TemporarilyUnavailable: there was no room for all the time that the server waits.

        """
        async with self.space(_announced_bytes(request, limit_bytes)):
            yield await read_body(request, limit_bytes)

    @asynccontextmanager
    async def space(self, size: int) -> AsyncIterator[None]:
        """Room for so many bytes; little is had at once. Raises TemporarilyUnavailable, as `body`."""
        if size <= SMALL_BYTES:
            yield
            return
        await self._take(size)
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                async with self._changed:
                    self._free_bytes += size
                    self._changed.notify_all()

    async def _take(self, size: int) -> None:
        try:
            with anyio.fail_after(PATIENCE_S):
                async with self._changed:
                    while self._free_bytes < size:
                        await self._changed.wait()
                    self._free_bytes -= size
        except TimeoutError:
            raise TemporarilyUnavailable(
                "The server is busy with other large requests. Try again, or send smaller ones."
            ) from None


async def arrived_body(request: Request, limit_bytes: int) -> bytes | None:
    """The body when all of it is here already, as that of most requests is: a fast way past `BodyRoom`.

    Raises:
        TooLarge, ClientDisconnect: as `read_body`.

    """
    if not request.scope.get(BODY_ARRIVED):
        return None
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    request.scope[_READ_TO_END] = True
    body: bytes = message.get("body", b"")
    if len(body) > limit_bytes:
        raise _too_large(limit_bytes)
    return body


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
            raise _too_large(limit_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


async def body_chunks(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes in.

    Raises:
        ClientDisconnect: the client left in the middle of it.
        RunebookError: REQUEST_TIMEOUT, the client keeps the server waiting, or sends too slowly to ever end.

    """
    patience_s = float(PATIENCE_S)
    while not request.scope.get(_READ_TO_END):
        asked = time.monotonic()
        try:
            with anyio.fail_after(patience_s):
                message = await request.receive()
        except TimeoutError:
            request.scope[_READ_TO_END] = True  # nobody waits for the rest
            raise _too_slow() from None
        patience_s -= time.monotonic() - asked
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        if not message.get("more_body", False):
            request.scope[_READ_TO_END] = True
        if chunk := message.get("body", b""):
            patience_s = min(PATIENCE_S, patience_s + len(chunk) / SLOWEST_BYTES_PER_S)
            yield chunk


async def drain(request: Request, limit_bytes: int) -> None:
    """Read what is left of a body that is refused, up to a limit, so that the client gets to read why."""
    left = limit_bytes
    async for chunk in body_chunks(request):
        left -= len(chunk)
        if left < 0:
            return


class BodyType(NamedTuple):
    """How a body is written."""

    binary: bool
    """As MessagePack, not as JSON."""

    packed: bool
    """And compressed with zstd."""


def body_type(request: Request, operation: type[Operation]) -> BodyType:
    """A body is read as what its sender says that it is: a browser's forms cannot say JSON unasked.

    Raises:
        InvalidParameterValue: the operation takes no such bodies; in MLflow's words.

    """
    sent = request.headers.get("content-type")
    if sent is None:
        raise InvalidParameterValue("Bad Request. Content-Type header is missing.")
    types = [JSON, MESSAGEPACK] if operation.spec.binary else [JSON]
    kind = sent.partition(";")[0].strip().lower()
    if kind not in types:
        raise InvalidParameterValue(f"Bad Request. Content-Type must be one of {types}.")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    encodings = ["identity", compression.ENCODING] if operation.spec.binary else ["identity"]
    if encoding not in encodings:
        raise InvalidParameterValue(f"Bad Request. Content-Encoding must be one of {encodings}.")
    return BodyType(kind == MESSAGEPACK, encoding != "identity")


def _announced_bytes(request: Request, limit_bytes: int) -> int:
    """How long the body will be, at most. HTTP's parser has seen to it that a length is a number."""
    length = request.headers.get("content-length")
    if length is None and "transfer-encoding" not in request.headers:
        return 0
    return limit_bytes if length is None else min(int(length), limit_bytes)


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"The request body is larger than {limit_bytes} bytes. Send it in smaller parts.")


def _too_slow() -> RunebookError:
    return error_from_code("REQUEST_TIMEOUT", f"The server waited {PATIENCE_S} s for the request body.")
