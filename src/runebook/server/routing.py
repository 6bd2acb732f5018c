"""From a path and a verb to what serves it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runebook.core.errors import BadRequest, EndpointNotFound, MethodNotAllowed
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
