"""Text of an order_by -> keys. Every order is made total, so that pages neither overlap nor skip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runebook.core.errors import InvalidParameterValue
from runebook.core.limits import MAX_FILTER_LENGTH, MAX_ORDER_BY
from runebook.search.complaints import one_of, refusal, shortened
from runebook.search.keys import read_key
from runebook.search.lexer import tokens
from runebook.search.tree import Key
from runebook.search.unparse import key_text
from runebook.search.vocabulary import Noun, OrderKey

_DIRECTIONS = {"ASC": True, "DESC": False}


def parse_order_by(clauses: Iterable[str] | None, noun: Noun) -> tuple[OrderKey, ...]:
    """The order that clauses such as `metrics.loss DESC` ask for, made total; the default order for none.

    Raises:
        InvalidParameterValue: a clause is no key with an optional ASC or DESC, or a key is given twice.
    """
    return total_order([_clause(text, noun) for text in clauses or ()], noun)


def total_order(keys: Sequence[OrderKey], noun: Noun) -> tuple[OrderKey, ...]:
    """The keys with those appended that break ties; the default order for none.

    Raises:
        InvalidParameterValue: too many keys, one twice, or one that the noun is not ordered by.
    """
    if not keys:
        return noun.default_order
    if len(keys) > MAX_ORDER_BY:
        raise InvalidParameterValue(f"Invalid order_by: it has {len(keys)} keys; at most {MAX_ORDER_BY} are taken.")
    seen: set[tuple[Key, str | None, str | None]] = set()
    for order in keys:
        identity = (order.key, order.dataset_name, order.dataset_digest)
        if identity in seen:
            raise InvalidParameterValue(
                f"Invalid order_by: {shortened(key_text(order.key))} is given twice. Remove one of them."
            )
        seen.add(identity)
        if order.key.entity not in noun.orders_by:
            allowed = one_of([f"{entity}s" for entity in noun.orders_by])
            raise InvalidParameterValue(
                f"Invalid order_by: {noun.name} are not ordered by {order.key.entity}s. Order by {allowed}."
            )
    named = {order.key for order in keys}
    return (*keys, *(tie for tie in noun.ties if tie.key not in named))


def _clause(text: str, noun: Noun) -> OrderKey:
    def refused(at: int, message: str) -> Exception:
        return refusal(text, at, message, what="order_by")

    if len(text) > MAX_FILTER_LENGTH:
        raise refused(MAX_FILTER_LENGTH, f"the clause is longer than {MAX_FILTER_LENGTH} characters.")
    found = tokens(text, what="order_by")
    if found[0].kind not in ("path", "string"):
        raise refused(found[0].start, "expected a key such as start_time, with ASC or DESC after it or nothing.")
    key = read_key(found[0], noun, noun.order_aliases, refused)
    ascending = _DIRECTIONS.get(found[1].word())
    if ascending is None and found[1].kind != "end":
        raise refused(
            found[1].start,
            "expected ASC, DESC or the end after the key. Give each key a clause of its own;"
            " quote a key with spaces, as in metrics.`my key`.",
        )
    if ascending is not None and found[2].kind != "end":
        raise refused(
            found[2].start, "expected the end after the direction. Missing values always come last; remove this."
        )
    return OrderKey(key, ascending is not False)
