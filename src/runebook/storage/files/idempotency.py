"""First answers to requests that named a key: lines of one file in the root, the oldest first."""

from __future__ import annotations

import msgspec

from runebook.core.decoders import json_decoder
from runebook.storage.base import StoredAnswer, TransactionConflict
from runebook.storage.files.layout import ANSWERS
from runebook.storage.files.view import View

KEPT_MS = 7 * 24 * 3600 * 1000


class _Line(msgspec.Struct, frozen=True, array_like=True):
    time: int
    operation: str
    key: str
    request_digest: bytes
    reply: bytes


class IdempotencyFiles:
    """The IdempotencyStore of files."""

    def __init__(self, view: View) -> None:
        self._view = view

    def find(self, operation: str, key: str) -> StoredAnswer | None:
        for line in self._lines():
            if (line.operation, line.key) == (operation, key):
                return StoredAnswer(line.request_digest, line.reply)
        return None

    def save(self, operation: str, key: str, answer: StoredAnswer, now_ms: int) -> None:
        lines = self._lines()
        kept = [line for line in lines if now_ms - line.time <= KEPT_MS]
        if any((line.operation, line.key) == (operation, key) for line in kept):
            raise TransactionConflict(f"{operation} has an answer for the key {key!r} by now")
        new = _Line(now_ms, operation, key, answer.request_digest, answer.reply)
        if len(kept) < len(lines):
            self._view.files.write(ANSWERS, _encoded([*kept, new]))
        else:
            self._view.files.append(ANSWERS, _encoded([new]))

    def _lines(self) -> list[_Line]:
        data = self._view.files.read(ANSWERS) or b""
        return [json_decoder(_Line).decode(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


def _encoded(lines: list[_Line]) -> bytes:
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
