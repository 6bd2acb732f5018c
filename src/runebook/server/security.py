"""Who may talk to this server through a browser: the Host and Origin checks, and the headers that browsers obey.

The Host check defeats DNS rebinding: a page of a stranger's domain whose name suddenly points at this machine.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OPEN_PATHS = frozenset({"/health", "/version"})
"""What probes and load balancers ask for by address."""

MAX_HOST_LENGTH = 300
"""Names have at most 253 characters; verdicts on those that are not longer are remembered."""

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_LOCAL_ORIGIN = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.ASCII)
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(:(?P<port>\d{1,5}))?", re.ASCII)
_PRIVATE_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7", "fe80::/10")
)


class Security:
    """ASGI middleware: refuses foreign Hosts and foreign writing Origins, answers preflights, sets headers.

    Args:
        allowed_hosts: patterns with `*`; one without a port holds for every port.
        allowed_origins: patterns with `*`, such as `https://*.example.com`.
        x_frame_options: the header's value; "NONE" leaves it out.
        static_prefix: what stands before every path.

    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_hosts: Sequence[str] = (),
        allowed_origins: Sequence[str] = (),
        x_frame_options: str = "SAMEORIGIN",
        static_prefix: str = "",
    ) -> None:
        self._app = app
        self._hosts = tuple(host.lower() for host in allowed_hosts)
        self._origins = tuple(origin.lower().rstrip("/") for origin in allowed_origins)
        self._open_paths = OPEN_PATHS | {static_prefix + path for path in OPEN_PATHS}
        self._headers = [(b"x-content-type-options", b"nosniff"), (b"vary", b"Origin")]
        if x_frame_options.upper() != "NONE":
            self._headers.append((b"x-frame-options", x_frame_options.encode("latin-1")))
        self._header_names = frozenset(name for name, _ in self._headers)
        self._verdict = lru_cache(maxsize=1024)(self._allows_host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        origin, hosts = _origin_and_hosts(scope)
        granted = origin is not None and self._allows_origin(origin)

        async def guard(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [item for item in message.get("headers", ()) if item[0] not in self._header_names]
                message["headers"] = kept + self._headers
                if granted and origin is not None:
                    message["headers"] += self._cors_headers(origin)
            await send(message)

        answer = self._refusal(scope, hosts, origin) or self._preflight(scope, origin)
        await (answer or self._app)(scope, receive, guard)

    def _refusal(self, scope: Scope, hosts: list[str], origin: str | None) -> Response | None:
        """Asked for exactly one Host header, of a local or private address or of the list."""
        is_known = len(hosts) == 1 and len(hosts[0]) <= MAX_HOST_LENGTH and self._verdict(hosts[0])
        if not is_known and scope["path"] not in self._open_paths:
            return PlainTextResponse("Invalid Host header - possible DNS rebinding attack detected", status_code=403)
        if origin is None or scope["method"] in _READING:
            return None
        if self._allows_origin(origin) or _is_same_origin(origin, hosts[0] if hosts else ""):
            return None
        return PlainTextResponse("Cross-origin request blocked", status_code=403)

    def _preflight(self, scope: Scope, origin: str | None) -> Response | None:
        if scope["method"] != "OPTIONS" or origin is None:
            return None
        headers = Headers(scope=scope)
        if "access-control-request-method" not in headers:
            return None
        if not self._allows_origin(origin):
            return PlainTextResponse("Cross-origin request blocked", status_code=400)
        wanted = headers.get("access-control-request-headers", "Content-Type")
        return Response(
            status_code=204,
            headers={
                "Access-Control-Allow-Methods": _METHODS,
                "Access-Control-Allow-Headers": wanted,
                "Access-Control-Max-Age": "600",
            },
        )

    def _cors_headers(self, origin: str) -> list[tuple[bytes, bytes]]:
        return [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", b"X-Request-Id, ETag, Content-Disposition, Content-Range"),
        ]

    def _allows_host(self, sent: str) -> bool:
        if "*" in self._hosts:
            return True
        host = sent.strip().lower()
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found["name"].rstrip(".")
        return _is_private(name) or any(_matches_host(pattern, name, host) for pattern in self._hosts)

    def _allows_origin(self, origin: str) -> bool:
        spelled = origin.lower()
        if "*" in self._origins or _LOCAL_ORIGIN.fullmatch(spelled):
            return True
        return any(_matches_origin(pattern, spelled) for pattern in self._origins)


def _origin_and_hosts(scope: Scope) -> tuple[str | None, list[str]]:
    """The first Origin header, and every Host header."""
    origin: str | None = None
    hosts: list[str] = []
    for name, value in scope["headers"]:
        if name == b"host":
            hosts.append(value.decode("latin-1"))
        elif name == b"origin" and origin is None:
            origin = value.decode("latin-1")
    return origin, hosts


def _is_private(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return any(address in network for network in _PRIVATE_NETWORKS if network.version == address.version)


def _matches_host(pattern: str, name: str, host: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(host, pattern)


def _matches_origin(pattern: str, origin: str) -> bool:
    """A `*` stands for names and ports, never for what could end the host (`/`, `@`, `?`)."""
    return re.fullmatch("[^/@?#]*".join(map(re.escape, pattern.split("*"))), origin) is not None


def _is_same_origin(origin: str, host: str) -> bool:
    """A page of this very server, under whatever name the Host check let pass. A proxy may have ended its TLS."""
    scheme, separator, rest = origin.lower().partition("://")
    return separator != "" and scheme in {"http", "https"} and rest == host.strip().lower()
