"""One request to an ASGI app in this process."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from starlette.types import ASGIApp, Message


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def call(
    app: ASGIApp, method: str, path: str, headers: dict[str, str] | None = None, *, query: str = "", body: bytes = b""
) -> Reply:
    sent: list[Message] = []
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "scheme": "http",
        "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"localhost")]
        + [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()],
    }
    if headers and "Host" in headers:
        scope["headers"] = scope["headers"][1:]

    unread = [body]

    async def receive() -> Message:
        if not unread:
            await asyncio.Event().wait()  # the client stays and says no more
        return {"type": "http.request", "body": unread.pop(), "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    start = sent[0]
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return Reply(start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, content)
