"""One kept-alive HTTP connection on asyncio that costs little, so that the load does not measure itself."""

from __future__ import annotations

import asyncio
import re

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Connection(asyncio.Protocol):
    """Sends one request at a time and reads its answer whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @classmethod
    async def to(cls, port: int) -> Connection:
        _, made = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return made

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """The status and body of the answer."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the server closed the connection")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = (
            bytes(self._buffer).partition(b"\r\n\r\n") if len(self._buffer) < 65536 else self._split()
        )
        if not separator or self._answer is None or self._answer.done():
            return
        length = _LENGTH.search(head)
        whole = len(body) >= int(length.group(1)) if length else body.endswith(b"0\r\n\r\n")
        if whole:
            self._buffer.clear()
            self._answer.set_result((int(head[9:12]), body))

    def _split(self) -> tuple[bytes, bytes, bytes]:
        """The same for a long answer, without a copy of its body for every packet."""
        end = self._buffer.find(b"\r\n\r\n")
        length = _LENGTH.search(self._buffer, 0, max(end, 0))
        if end < 0 or (length and len(self._buffer) - end - 4 < int(length.group(1))):
            return b"", b"", b""
        return bytes(self._buffer[:end]), b"\r\n\r\n", bytes(self._buffer[end + 4 :])

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the server closed the connection"))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def request(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} /api/2.0/mlflow/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
