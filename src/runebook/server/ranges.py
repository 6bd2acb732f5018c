"""The conditions and ranges of a download (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import re
from typing import NamedTuple

from starlette.datastructures import Headers

_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII | re.IGNORECASE)
_MAX_DIGITS = 19


class ByteRange(NamedTuple):
    """From `start` up to but without `end`."""

    start: int
    end: int


class Unsatisfiable(NamedTuple):
    """The range holds none of the file's bytes."""


def wanted_range(headers: Headers, size: int, etag: str) -> ByteRange | Unsatisfiable | None:
    """The one range that is asked for; None means the whole file.

    A header that is malformed, names several ranges, or holds for another version of the file counts as absent.
    """
    found = _RANGE.fullmatch(headers.get("range", ""))
    if found is None or headers.get("if-range", etag) != etag:
        return None
    first, last = found[1], found[2]
    if max(len(first), len(last)) > _MAX_DIGITS or (not first and not last):
        return None
    if not first:
        length = min(int(last), size)
        return ByteRange(size - length, size) if length else Unsatisfiable()
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        return Unsatisfiable()
    return ByteRange(int(first), min(int(last) + 1, size) if last else size)


def is_unchanged(headers: Headers, etag: str) -> bool:
    """Whether the caller has this version already."""
    sent = headers.get("if-none-match", "")
    return sent.strip() == "*" or etag in {part.strip().removeprefix("W/") for part in sent.split(",")}
