"""uvicorn's HTTP protocol with limits on the head of a request, which it lacks: its size, and the time it takes."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 512 * 1024
"""Bytes that may come in before a request's headers are complete. A read of the socket, which may hold the head and
the beginning of a body, is half as long at most; llhttp itself stops addresses at 64 KiB."""

BODY_ARRIVED = "runebook.body_arrived"
"""Set in the scope once the whole body of a request is here, so that it is read without watching the clock."""

LARGE_BYTES = 64 * 1024
"""A piece of an answer that is longer goes out at once, so that its sender notices when the client does not keep up."""

HEAD_PATIENCE_S = 60.0
"""How long a connection may take from its start, or from a request's first byte, to the end of the headers."""


class _Joined:
    """A transport that sends what is written in one turn of the loop at once: a head and its body are one packet."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)
        if len(data) > LARGE_BYTES:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, []
            self._transport.write(b"".join(held))


class BoundedHttpProtocol(HttpToolsProtocol):
    """Answers 400 and hangs up when headers grow without an end, and hangs up when they do not come."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_in_head = True
        self._head_bytes = 0
        self._has_asked = False  # by then there is a `cycle`, the request that is answered
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self.transport = cast("asyncio.Transport", _Joined(transport, self.loop))
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_awaiting_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.send_400_response("The headers of the request are too large.")
                return
        super().data_received(data)
        if self._has_asked and self.cycle.response_complete:
            self._await_head()  # whatever came ended the wait of a connection that is kept alive

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True
        self._head_bytes = 0
        self._await_head()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._stop_awaiting_head()
        super().on_headers_complete()
        self._has_asked = True

    def on_message_complete(self) -> None:
        self.scope[BODY_ARRIVED] = True  # type: ignore[literal-required]  # a scope may hold what servers add
        super().on_message_complete()

    def _await_head(self) -> None:
        if self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(HEAD_PATIENCE_S, self._give_up_head)

    def _stop_awaiting_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up_head(self) -> None:
        """Hang up, unless the answer to an earlier request is under way: then look again later."""
        self._head_timer = None
        if self._has_asked and not self.cycle.response_complete:
            self._await_head()
        else:
            self.transport.close()
