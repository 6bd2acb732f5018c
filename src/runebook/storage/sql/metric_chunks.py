"""How the points of one series lie in bytes once they are folded."""

from __future__ import annotations

import struct

from runebook.core.columns import ITEM_BYTES, Columns
from runebook.storage.sql.metric_frames import check_version, damaged, zstd

_HEADER = struct.Struct("<BBI")


def encode_chunk(columns: Columns) -> bytes:
    """The payload of a part of one series."""
    body = zstd().compress(b"".join(columns.to_bytes()), 1)
    return _HEADER.pack(1, 1, len(columns)) + body


def decode_chunk(payload: bytes) -> Columns:
    """Raises InternalError: the payload is damaged, or a newer release wrote it."""
    check_version(payload, 1)
    _, coding, count = _HEADER.unpack_from(payload)
    body = payload[_HEADER.size :]
    if coding:
        body = zstd().decompress(body)
    size = count * ITEM_BYTES
    if len(body) != 3 * size:
        raise damaged(f"{len(body)} bytes for {count} points")
    return Columns.from_bytes(body[:size], body[size : 2 * size], body[2 * size :])
