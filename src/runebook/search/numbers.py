"""Which texts count as numbers when a param or a tag is compared with one."""

from __future__ import annotations

import math
import re

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_MAX_DIGITS = 400


def number_in(text: str) -> float | None:
    """The number that the whole text spells in decimal notation, or None.

    Neither spaces nor `nan`, `inf` and numbers beyond a double count. Stores keep this beside the text of a param or
    tag, so that every backend compares the same numbers.
    """
    if len(text) > _MAX_DIGITS or _DECIMAL.fullmatch(text) is None:
        return None
    value = float(text)
    return value if math.isfinite(value) else None
