"""How points of one series lie in bytes once they are folded: a chunk, compressed column by column.

A payload is a header (version, the codings of steps, times and values, number of points, checksum of all else) and the
three columns. A column is first turned into integers that are alike, as its coding says:

    0       PLAIN     the numbers as they are
    1 to 3  DELTA     differences of neighbours, taken once to three times, of doubles by their bits; before them the
                      first number of each time, after that zigzag (0, -1, 1, -2, ... become 0, 1, 2, 3, ...)
    8       SEQUENCE  first number and step of an even sequence, and nothing else
    9       FLOAT32   doubles that are floats, as such
    16 + k  DECIMAL   doubles of at most k digits behind the point, times 10 ** k, zigzag

and then lies in byte planes (the first byte of every number, then the second byte of every number, ...), each for
itself: one byte if it repeats throughout, or as it is, or compressed. The coding is chosen per chunk and column by
trying all on a part of it. `docs/decisions/0011-how-points-lie-on-disk.md` has the figures.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from zlib import crc32

from runebook.core.columns import ITEM_BYTES, Columns
from runebook.storage.sql.metric_codings import (
    INTEGER_CODINGS,
    VALUE_CODINGS,
    Damaged,
    Reader,
    decode_column,
    encode_column,
)
from runebook.storage.sql.metric_frames import check_version, damaged, zstd

CHUNK_POINTS = 16_384
VERSION = 2
_HEADER = struct.Struct("<BBBBI")
_CHECKSUM = struct.Struct("<I")
_VERSION_1_HEADER = struct.Struct("<BBI")
_VERSION_1_PLAIN = 0


def encode_chunk(columns: Columns) -> bytes:
    """The payload of a part of one series."""
    kinds = (INTEGER_CODINGS, INTEGER_CODINGS, VALUE_CODINGS)
    coded = [encode_column(column, kind) for column, kind in zip(columns.to_bytes(), kinds, strict=True)]
    body = b"".join(data for _, data in coded)
    header = _HEADER.pack(VERSION, *(coding for coding, _ in coded), len(columns))
    return header + _CHECKSUM.pack(crc32(body, crc32(header))) + body


def decode_chunk(payload: bytes) -> Columns:
    """The points of a chunk.

    Raises:
        InternalError: the payload is damaged, or a newer release wrote it.

    """
    if payload[:1] == b"\x01":
        return _decode_version_1(payload)
    check_version(payload, VERSION)
    if len(payload) < _HEADER.size + _CHECKSUM.size:
        raise damaged("a header is cut off")
    _, *codings, points = _HEADER.unpack_from(payload)
    (checksum,) = _CHECKSUM.unpack_from(payload, _HEADER.size)
    body = payload[_HEADER.size + _CHECKSUM.size :]
    if crc32(body, crc32(payload[: _HEADER.size])) != checksum:
        raise damaged("a checksum does not fit")
    reader = Reader(body)
    try:
        steps, times, values = _columns(reader, codings, points)
    except Damaged as error:
        raise damaged(str(error)) from error
    if reader.left:
        raise damaged(f"{reader.left} bytes too many for {points} points")
    return Columns(steps, times, values)


def _columns(reader: Reader, codings: Sequence[int], points: int) -> tuple[array[int], array[int], array[float]]:
    steps, times, values = (
        decode_column(reader, coding, points, kind) for coding, kind in zip(codings, "qqd", strict=True)
    )
    return steps, times, values


def _decode_version_1(payload: bytes) -> Columns:
    """What the first release wrote: the columns one after the other, compressed as a whole when large."""
    if len(payload) < _VERSION_1_HEADER.size:
        raise damaged("a header is cut off")
    _, coding, points = _VERSION_1_HEADER.unpack_from(payload)
    body = payload[_VERSION_1_HEADER.size :]
    if coding != _VERSION_1_PLAIN:
        body = zstd().decompress(body)
    size = points * ITEM_BYTES
    if len(body) != 3 * size:
        raise damaged(f"{len(body)} bytes for {points} points")
    return Columns.from_bytes(body[:size], body[size : 2 * size], body[2 * size :])
