"""From a path and a verb to the operation that serves it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runebook.api import OPERATIONS, codec
from runebook.api.operation import Operation
from runebook.core.errors import BadRequest, EndpointNotFound, MethodNotAllowed
from runebook.server.bodies import BodyRoom, check_json_type
from runebook.server.errors import error_response

Handler = Callable[[Request], Awaitable[Response]]

_FIELD = re.compile(r"{(\w+)(:path)?}")


class _Template(NamedTuple):
    """A path with fields, and the handlers of its verbs."""

    pattern: re.Pattern[str]
    handlers: dict[str, Handler]


class Router:
    """ASGI app: the table of all paths. Fields are cut from the path before it is decoded, so `%2F` is no slash."""

    def __init__(self, static_prefix: str = "", *, open_paths: frozenset[str] = frozenset()) -> None:
        """Everything stands behind the prefix; the open paths answer without it too."""
        self._prefix = static_prefix
        self._open_paths = open_paths
        self._exact: dict[str, dict[str, Handler]] = {}
        self._templates: dict[str, _Template] = {}

    def add(self, path: str, handlers: Mapping[str, Handler]) -> None:
        """Serve a path; `{name}` in it stands for one part, `{name:path}` at its end for all that follows."""
        if "{" not in path:
            table = self._exact.setdefault(path, {})
        else:
            table = self._templates.setdefault(path, _Template(_compile(path), {})).handlers
        taken = table.keys() & handlers.keys()
        if taken:
            raise ValueError(f"{path} is served twice with {sorted(taken)}")
        table.update(handlers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw_path = _raw_path(scope)
        handlers, path_values = self._find(self._without_prefix(raw_path))
        if handlers is None:
            raise EndpointNotFound(f"This server has nothing at {raw_path!r}.")
        method = scope["method"]
        handler = handlers.get(method) or (handlers.get("GET") if method == "HEAD" else None)
        if handler is None:
            await _wrong_verb(method, raw_path, handlers)(scope, receive, send)
            return
        scope["path_params"] = path_values
        response = await handler(Request(scope, receive))
        await response(scope, receive, send)

    def _without_prefix(self, raw_path: str) -> str:
        """The path as the table knows it; "" for one that does not stand behind the prefix."""
        if raw_path in self._open_paths or not self._prefix:
            return raw_path
        if raw_path == self._prefix:
            return "/"
        return raw_path.removeprefix(self._prefix) if raw_path.startswith(self._prefix + "/") else ""

    def _find(self, raw_path: str) -> tuple[dict[str, Handler] | None, dict[str, str]]:
        exact = self._exact.get(raw_path)
        if exact is not None:
            return exact, {}
        for template in self._templates.values():
            found = template.pattern.fullmatch(raw_path)
            if found:
                return template.handlers, {name: _decode(value) for name, value in found.groupdict().items()}
        return None, {}


class OperationRoutes:
    """The handlers of all operations: read the request, run the service in a thread, write the reply.

    Args:
        call: runs an operation; blocks.
        threads: how many run at once. Three quarters of them may read, and three quarters write, so that neither
            waits for the other when a store is locked or searches are slow.
        max_body_bytes: the largest JSON body that is read.

    """

    def __init__(self, call: Callable[[Operation], Any], *, threads: int, max_body_bytes: int) -> None:
        self._call = call
        self._threads = CapacityLimiter(threads)
        self._readers = CapacityLimiter(threads * 3 // 4)
        self._writers = CapacityLimiter(threads * 3 // 4)
        self._max_body_bytes = max_body_bytes
        self._room = BodyRoom(max_body_bytes)

    def add_to(self, router: Router) -> None:
        """Serve every operation under each of its paths and verbs."""
        for operation in OPERATIONS.values():
            handlers: dict[str, Handler] = {
                verb: partial(self._serve_query if verb == "GET" else self._serve_body, operation)
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
                check_json_type(request)
            return await self._answer(operation, lambda: codec.decode_request(operation, body, request.path_params))

    async def _answer(self, operation: type[Operation], decode: Callable[[], Operation]) -> Response:
        def work() -> bytes:
            return codec.encode_reply(self._call(decode()))

        async with self._writers if operation.spec.writes else self._readers:
            reply = await anyio.to_thread.run_sync(work, limiter=self._threads)
        return Response(reply, media_type="application/json")


def query_pairs(request: Request) -> list[tuple[str, str]]:
    """The query string's names and values.

    Raises:
        BadRequest: it is not UTF-8.

    """
    try:
        text = request.scope["query_string"].decode("ascii")
        return parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="strict")
    except ValueError:
        raise BadRequest("The query string is not valid UTF-8 in percent-encoding.") from None


def _open_ended(path: str) -> str:
    """A name below an id, such as a tag's key, may hold slashes, and MLflow's clients send them as they are."""
    is_name = path.count("{") > 1 and path.endswith("}")
    return f"{path[:-1]}:path}}" if is_name and not path.endswith(":path}") else path


def _raw_path(scope: Scope) -> str:
    """The path as it was sent; a server that hands over the decoded path only gets it encoded again."""
    sent: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    return sent.partition(b"?")[0].decode("latin-1")


def _compile(path: str) -> re.Pattern[str]:
    literals = _FIELD.split(path)
    pattern = re.escape(literals[0])
    for name, takes_all, literal in zip(literals[1::3], literals[2::3], literals[3::3], strict=True):
        pattern += f"(?P<{name}>{'.*' if takes_all else '[^/]+'}){re.escape(literal)}"
    return re.compile(pattern, re.DOTALL)


def _decode(value: str) -> str:
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise BadRequest(f"The path is not valid UTF-8 in percent-encoding: {value!r}.") from None


def _wrong_verb(method: str, path: str, handlers: Mapping[str, Handler]) -> Response:
    verbs = sorted(handlers.keys() | ({"HEAD"} if "GET" in handlers else set()))
    allowed = ", ".join(verbs)
    return error_response(
        MethodNotAllowed(f"{method} is not allowed at {path!r}; use {allowed}."), headers={"Allow": allowed}
    )
