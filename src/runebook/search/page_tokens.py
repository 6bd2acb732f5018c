"""Page tokens: where a page ended, by the values of its last row and not by a count.

So rows that come or go meanwhile neither repeat nor hide others. A token belongs to one query.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from collections.abc import Sequence
from typing import Any

import msgspec

from runebook.core.decoders import json_decoder
from runebook.core.errors import InvalidParameterValue
from runebook.search.evaluate import RecordT, order_value, ordered, rank
from runebook.search.lexer import UNSTORABLE
from runebook.search.vocabulary import Noun, OrderKey, is_numeric


class SortValue(msgspec.Struct, frozen=True, array_like=True):
    """A value as it is ordered: by rank, then kind, then value.

    Rank is 0 for a value, 1 for NaN, 2 for none. Kind is -1 and 1 for the infinities, else 0, as databases and JSON
    have neither.
    """

    rank: int
    kind: int = 0
    value: str | int | float = 0


class _Token(msgspec.Struct, array_like=True):
    query: str
    after: list[SortValue]


def query_digest(*parts: object) -> str:
    """What identifies a query: noun, filter, order, experiments, view, and whatever else decides which rows it has."""
    encoded = msgspec.json.encode([repr(part) for part in parts])
    return hashlib.blake2b(encoded, digest_size=9, usedforsecurity=False).hexdigest()


def encode_token(digest: str, after: Sequence[SortValue]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(_Token(digest, list(after)))).decode().rstrip("=")


def decode_token(token: str, digest: str, order: Sequence[OrderKey], noun: Noun) -> list[SortValue]:
    """The values of the row that the page before ended with.

    Raises:
        InvalidParameterValue: this is no token, or one of another query.
    """
    try:
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidParameterValue(
            "Invalid page token, could not base64-decode. Pass on a next_page_token as it was returned."
        ) from error
    try:
        parsed: _Token = json_decoder(_Token).decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        shown = raw[:100]
        raise InvalidParameterValue(
            f"Invalid page token, decoded value={shown!r}. Pass on a next_page_token as it was returned."
        ) from error
    if parsed.query != digest or len(parsed.after) != len(order):
        raise InvalidParameterValue(
            "Invalid page token, it belongs to another search. Keep the filter, the order and the other"
            " parameters from page to page, or start again without a token."
        )
    if not all(_is_sound(value, key, noun) for value, key in zip(parsed.after, order, strict=True)):
        raise InvalidParameterValue("Invalid page token, its values are damaged. Start again without a token.")
    return parsed.after


def _is_sound(found: SortValue, order: OrderKey, noun: Noun) -> bool:
    """Whether a database can compare the value with what it is ordered by."""
    value = found.value
    if found.rank not in (0, 1, 2) or found.kind not in (-1, 0, 1):
        return False
    if order.key.entity != "metric" and (found.rank == 1 or found.kind):
        return False
    if found.rank or found.kind:
        return value == 0
    if not is_numeric(order.key, noun):
        return isinstance(value, str) and not UNSTORABLE.search(value)
    return math.isfinite(value) if isinstance(value, float) else isinstance(value, int) and -(2**63) <= value < 2**63


def sort_value(value: str | int | float | None) -> SortValue:
    """The value as tokens keep it."""
    place = rank(value)
    if place or value is None:
        return SortValue(place)
    if isinstance(value, float) and math.isinf(value):
        return SortValue(0, 1 if value > 0 else -1)
    return SortValue(0, 0, value)


def page_of(
    records: Sequence[RecordT], order: Sequence[OrderKey], noun: Noun, size: int, token: str | None, digest: str
) -> tuple[list[RecordT], str | None]:
    """One page of the records in the given order, and the token of the next page if there is one."""
    rows = ordered(records, order)
    if token:
        after = [_comparable(value) for value in decode_token(token, digest, order, noun)]
        rows = [row for row in rows if _is_after(_place(row, order), after, order)]
    page = rows[:size]
    if len(rows) <= size or not page:
        return page, None
    return page, encode_token(digest, [sort_value(order_value(key, page[-1])) for key in order])


def _place(row: RecordT, order: Sequence[OrderKey]) -> list[tuple[Any, ...]]:
    return [_comparable(sort_value(order_value(key, row))) for key in order]


def _comparable(value: SortValue) -> tuple[Any, ...]:
    return (value.rank, value.kind, value.value)


def _is_after(place: list[tuple[Any, ...]], mark: list[tuple[Any, ...]], order: Sequence[OrderKey]) -> bool:
    for here, there, key in zip(place, mark, order, strict=True):
        if here[0] != there[0]:
            return bool(here[0] > there[0])
        if here != there:
            return bool((here > there) is key.ascending)
    return False
