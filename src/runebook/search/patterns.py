"""LIKE and ILIKE: `%` stands for any run of characters, `_` for one; nothing escapes them.

ILIKE takes the 26 ASCII letters for their other case and every other character for itself, because that is what all
databases can be made to agree on.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_PATTERN_LENGTH = 4000
"""Characters in a pattern; databases bound theirs too."""

_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def ascii_lower(text: str) -> str:
    """The text with A-Z in lower case; nothing else changes."""
    return text.translate(_ASCII_LOWER)


def like(text: str, pattern: str) -> bool:
    """Whether the pattern matches the whole text. Linear in the text, whatever the pattern."""
    segments = _segments(pattern)
    first, last = segments[0], segments[-1]
    if len(segments) == 1:
        return first.fullmatch(text) is not None
    opening = first.match(text)
    if opening is None:
        return False
    at = opening.end()
    for segment in segments[1:-1]:
        found = segment.search(text, at)
        if found is None:
            return False
        at = found.end()
    width = len(pattern) - pattern.rfind("%") - 1
    return len(text) - width >= at and last.fullmatch(text, len(text) - width) is not None


def ilike(text: str, pattern: str) -> bool:
    return like(ascii_lower(text), ascii_lower(pattern))


@lru_cache(maxsize=512)
def _segments(pattern: str) -> list[re.Pattern[str]]:
    """The pieces between the `%`, each of a fixed width."""
    return [
        re.compile("".join("." if char == "_" else re.escape(char) for char in piece), re.DOTALL)
        for piece in pattern.split("%")
    ]
