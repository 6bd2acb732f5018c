"""From a request to the operation that it asks for, and from its reply to the answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import Response

from runebook.api import OPERATIONS, codec, compression
from runebook.api.operation import Operation
from runebook.server.bodies import BodyRoom, BodyType, arrived_body, body_type
from runebook.server.committing import Committing
from runebook.server.routing import Handler, Router, query_pairs
from runebook.services.dispatch import Services
from runebook.services.group_commit import GROUPED

READ_AT_ONCE_BYTES = 256 * 1024
"""Bodies up to this size are decoded where they come in: a thread would cost more than it frees."""


DECODING_THREADS = 2
"""Larger ones are decoded in threads of their own, so many at once, whatever the operations under way."""


class OperationRoutes:
    """The handlers of all operations: read the request, have it done, write the reply.

    Writes that are committed in groups wait for their group; all else runs in a thread.

    Args:
        services: does the operations.
        committing: does those that are committed in groups.
        threads: how many run at once. Three quarters of them may read, and three quarters write, so that neither
            waits for the other when a store is locked or searches are slow.
        max_body_bytes: the largest body of an operation that is read, and the largest that is unpacked.

    """

    def __init__(self, services: Services, committing: Committing, *, threads: int, max_body_bytes: int) -> None:
        self._services = services
        self._committing = committing
        self._threads = CapacityLimiter(threads)
        self._decoders = CapacityLimiter(DECODING_THREADS)
        self._readers = CapacityLimiter(threads * 3 // 4)
        self._writers = CapacityLimiter(threads * 3 // 4)
        self._max_body_bytes = max_body_bytes
        self._room = BodyRoom(max_body_bytes)
        self._unpacking_room = BodyRoom(max_body_bytes)

    def add_to(self, router: Router) -> None:
        """Serve every operation under each of its paths and verbs."""
        for operation in OPERATIONS.values():
            with_body = self._serve_grouped if operation in GROUPED else self._serve_body
            handlers: dict[str, Handler] = {
                verb: partial(self._serve_query if verb == "GET" else with_body, operation)
                for verb in operation.spec.verbs
            }
            for path in operation.spec.routes:
                router.add(_open_ended(path), handlers)

    async def _serve_query(self, operation: type[Operation], request: Request) -> Response:
        pairs = query_pairs(request)
        return await self._answer(operation, lambda: codec.decode_query(operation, pairs, request.path_params))

    async def _serve_body(self, operation: type[Operation], request: Request) -> Response:
        async with self._room.body(request, self._max_body_bytes) as body:
            if request.method != "DELETE" or body:
                body_type(request, operation)
            return await self._answer(operation, lambda: codec.decode_request(operation, body, request.path_params))

    async def _answer(self, operation: type[Operation], decode: Callable[[], Operation]) -> Response:
        def work() -> bytes:
            return codec.encode_reply(self._services.call(decode()))

        async with self._writers if operation.spec.writes else self._readers:
            reply = await anyio.to_thread.run_sync(work, limiter=self._threads)
        return _Answer(reply)

    async def _serve_grouped(self, operation: type[Operation], request: Request) -> Response:
        arrived = await arrived_body(request, self._max_body_bytes)
        if arrived is not None:
            return await self._unpack(operation, request, arrived)
        async with self._room.body(request, self._max_body_bytes) as body:
            return await self._unpack(operation, request, body)

    async def _unpack(self, operation: type[Operation], request: Request, body: bytes) -> Response:
        kind = body_type(request, operation)
        if not kind.packed:
            return await self._commit(operation, kind, body)
        size = compression.decompressed_bytes(body, self._max_body_bytes)
        async with self._unpacking_room.space(size):
            unpack = partial(compression.decompress, body, self._max_body_bytes)
            return await self._commit(operation, kind, await self._near(size, unpack))

    async def _commit(self, operation: type[Operation], kind: BodyType, body: bytes) -> Response:
        decode = partial(codec.decode_binary_request if kind.binary else codec.decode_request, operation, body)
        reply = await self._committing.call(await self._near(len(body), decode), len(body))
        return _Answer(codec.encode_reply(reply))

    async def _near(self, size: int, read: Callable[[], Any]) -> Any:
        """Run it here when there is little to read, else in a thread."""
        if size <= READ_AT_ONCE_BYTES:
            return read()
        return await anyio.to_thread.run_sync(read, limiter=self._decoders)


class _Answer(Response):
    """A reply as JSON, without what Starlette does for others."""

    def __init__(self, body: bytes) -> None:
        self.status_code = 200
        self.background = None
        self.body = body
        self.raw_headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]


def _open_ended(path: str) -> str:
    """A name below an id, such as a tag's key, may hold slashes, and MLflow's clients send them as they are."""
    is_name = path.count("{") > 1 and path.endswith("}")
    return f"{path[:-1]}:path}}" if is_name and not path.endswith(":path}") else path
