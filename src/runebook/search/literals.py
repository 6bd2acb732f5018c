"""Numbers as they stand in a filter."""

from __future__ import annotations

import re

from runebook.search.lexer import Token

_INTEGER = re.compile(r"[+-]?[0-9]{1,400}")


def number(token: Token) -> float:
    """The double nearest to a number token; one beyond doubles is infinite."""
    return float(token.text)


def integer(token: Token) -> int | float | None:
    """What an integer is compared with: an integer, bare or in quotes, or a bare decimal.

    A decimal that is whole becomes an integer.
    """
    text = token.text if token.kind == "number" else token.parts[0].text
    if _INTEGER.fullmatch(text):
        return int(text)
    if token.kind != "number":
        return None
    value = float(text)
    return int(value) if value.is_integer() else value
