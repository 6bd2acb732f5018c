"""The one place where an artifact path from outside becomes a path that may be used.

The name is used as it was given, never decoded: decoding only serves to look for what a proxy, a browser or
another server might make of it.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from runebook.core.errors import InvalidParameterValue

MAX_PATH_BYTES = 2048
MAX_NAME_BYTES = 255
"""What file systems allow a single name."""

UNFINISHED_PREFIX = ".runebook-unfinished-"
"""Names that a store gives to files it is still writing; no artifact may have one."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://|file:", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")


def normalize(path: str) -> str:
    """The path without empty and `.` parts; "" is the root.

    Raises:
        InvalidParameterValue: the path is absolute, a URI, leads upwards in any decoding, or is no possible name.

    """
    _check_spelling(path)
    for spelling in _decodings(path):
        if _escapes(spelling):
            raise _invalid(path, "it must be relative and stay below its root")
    parts = [part for part in path.split("/") if part not in {"", "."}]
    for part in parts:
        if len(part.encode()) > MAX_NAME_BYTES:
            raise _invalid(path, f"a name in it is longer than {MAX_NAME_BYTES} bytes")
        if part.startswith(UNFINISHED_PREFIX):
            raise _invalid(path, f"names that start with '{UNFINISHED_PREFIX}' are reserved")
    return "/".join(parts)


def normalize_file(path: str) -> str:
    """As `normalize`, for a file: it has a name, so the root and a path that ends with `/` are none."""
    name = normalize(path)
    if not name or path.endswith(("/", "/.")):
        raise _invalid(path, "it must name a file, not a folder")
    return name


def join(prefix: str, path: str) -> str:
    """The path below a prefix, both normalized: the result never leaves the prefix."""
    return "/".join(part for part in (normalize(prefix), normalize(path)) if part)


def _check_spelling(path: str) -> None:
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        raise _invalid(path, "it is not valid Unicode") from None
    if size > MAX_PATH_BYTES:
        raise _invalid(path[:100] + "...", f"it is longer than {MAX_PATH_BYTES} bytes")
    if "#" in path:
        raise _invalid(path, "it holds a '#'")


def _decodings(path: str) -> list[str]:
    """The path and what percent-decoding makes of it, until nothing changes. Each step shortens it, so this ends."""
    spellings = [path]
    while (decoded := unquote(spellings[-1], errors="surrogateescape")) != spellings[-1]:
        spellings.append(decoded)
    return spellings


def _escapes(spelling: str) -> bool:
    return (
        spelling.startswith("/")
        or "\\" in spelling
        or _CONTROL.search(spelling) is not None
        or _SCHEME.match(spelling) is not None
        or _DRIVE.match(spelling) is not None
        or any(_is_upwards(part) for part in spelling.split("/"))
    )


def _is_upwards(part: str) -> bool:
    """Whether a part means the parent to anybody; some strip params (`..;x`) and trailing spaces first."""
    return part.partition(";")[0].strip() == ".."


def _invalid(path: str, reason: str) -> InvalidParameterValue:
    return InvalidParameterValue(f"Invalid path {path!r}: {reason}.")
