"""Records and segments, byte by byte.

A segment is a file of slots of 40 bytes: first its head, then records, numbered through all segments of a spool. A
point of a metric is one record. Anything longer (params, tags, a status) is a record that says how long, and the slots
that follow hold the bytes; they count as records too. So a record's number says where it stands.

A record that was half-written when the machine stopped is known by its checksum (CRC-32, as zlib has it); one that a
reused segment still holds from before, by its number. Numbers are in the byte order of the machine; the head tells.
"""

from __future__ import annotations

import sys
from struct import Struct, error
from typing import Final, NamedTuple
from zlib import crc32

VERSION: Final = 1
SLOT_BYTES: Final = 40

POINT: Final = Struct("=QqqdI")
"""Number, step, time (ms), value, id of the series."""

TEXT: Final = Struct("=QqqdI")
"""Number, length in bytes, checksum of the bytes, 0, kind. So a record is a text when its last field is no series."""

CHECKED: Final = Struct(f"={POINT.size}sI")
"""A record and its checksum."""

SLOT: Final = Struct("=QqqdII")
"""A record with its checksum, taken apart."""

HEAD: Final = Struct("=8sHHIQQ4s")
"""Magic, version, 1 (to tell the byte order), bytes of a slot, number of the first record, 0, nothing."""

MAGIC: Final = b"RBSPOOL\n"
_CHECKED_HEAD: Final = Struct(f"={HEAD.size}sI")

PART: Final = 1
"""The kind of a text that holds a `RunPart` in MessagePack."""

FIRST_SERIES: Final = 16
"""Ids below are kinds of texts."""

MAX_TEXT_BYTES: Final = 64 * 1024 * 1024


class UnreadableSegment(Exception):
    """The file is no segment that this release can read; the message says why."""


class Head(NamedTuple):
    """What a segment says of itself."""

    first: int
    """Number of the record in its first slot."""


def pack_head(first: int) -> bytes:
    head = HEAD.pack(MAGIC, VERSION, 1, SLOT_BYTES, first, 0, b"")
    return _CHECKED_HEAD.pack(head, crc32(head))


def read_head(data: bytes | memoryview) -> Head | None:
    """The head of a segment; None of one whose head was not whole when the machine stopped: it holds nothing yet.

    Raises:
        UnreadableSegment: another release or another kind of machine wrote it.

    """
    try:
        packed, check = _CHECKED_HEAD.unpack_from(data)
    except error:
        return None
    if check != crc32(packed):
        return None
    magic, version, one, slot_bytes, first, _, _ = HEAD.unpack(packed)
    if magic != MAGIC:
        raise UnreadableSegment("it is no segment of a spool")
    if one != 1:
        raise UnreadableSegment(
            f"a machine of another byte order wrote it; ship it there (this one is {sys.byteorder})"
        )
    if version > VERSION or slot_bytes != SLOT_BYTES:
        raise UnreadableSegment(f"it has format {version}, which a newer Runebook wrote: upgrade this one")
    return Head(first)


def slots_of_text(length: int) -> int:
    """How many slots the bytes of a text take, beside its record."""
    return -(-length // SLOT_BYTES)
