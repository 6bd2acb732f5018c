"""uvicorn's HTTP protocol with a limit on the head of a request, which it lacks."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 512 * 1024
"""Bytes that may come in before a request's headers are complete. A read of the socket, which may hold the head and
the beginning of a body, is half as long at most; llhttp itself stops addresses at 64 KiB."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Answers 400 and hangs up when headers do not end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_in_head = True
        self._head_bytes = 0

    def data_received(self, data: bytes) -> None:
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.send_400_response("The headers of the request are too large.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        super().on_headers_complete()
