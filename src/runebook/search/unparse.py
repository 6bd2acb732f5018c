"""Tree -> text: the filter in its plainest spelling, which parses to the same tree."""

from __future__ import annotations

import math
import re

from runebook.search.tree import And, Comparison, Key, Node, Not, Or, SameDataset
from runebook.search.vocabulary import AGGREGATES

_PLAIN_KEY = re.compile(r"\w[\w\-/:@]*(?:\.\w[\w\-/:@]*)*")


def filter_text(node: Node) -> str:
    """The text of a tree that the parser made."""
    if isinstance(node, Comparison):
        return _comparison(node)
    if isinstance(node, SameDataset):
        return f"({filter_text(node.part)})"
    if isinstance(node, Not):
        return f"NOT {_grouped(node.part, (And, Or))}"
    if isinstance(node, And):
        return " AND ".join([_grouped(part, (Or,)) for part in node.parts])
    return " OR ".join([filter_text(part) for part in node.parts])


def key_text(key: Key) -> str:
    """The key as it stands in a filter."""
    if key.entity == "attribute":
        return key.name
    if key.literal is not None:
        return f"{key.entity}s.{key.literal}"
    if key.aggregate is not None:
        return f"{key.entity}s.{_quoted_key(key.name)}.{key.aggregate}"
    is_plain = _PLAIN_KEY.fullmatch(key.name) is not None
    if key.entity == "metric" and key.name.rpartition(".")[2] in AGGREGATES:
        is_plain = False
    return f"{key.entity}s.{key.name if is_plain else _quoted_key(key.name)}"


def _grouped(node: Node, kinds: tuple[type, ...]) -> str:
    text = filter_text(node)
    return f"({text})" if isinstance(node, kinds) else text


def _comparison(node: Comparison) -> str:
    left = f"{key_text(node.key)} {node.operator}"
    if node.value is None:
        return left
    if isinstance(node.value, tuple):
        return f"{left} ({', '.join(_literal(value) for value in node.value)})"
    return f"{left} {_literal(node.value)}"


def _literal(value: str | int | float) -> str:
    if isinstance(value, str):
        doubled = re.sub(r"(\\*)('|$)", _before_quote, value)
        return f"'{doubled}'"
    if isinstance(value, float) and math.isinf(value):
        return "1e999" if value > 0 else "-1e999"
    return repr(value)


def _before_quote(found: re.Match[str]) -> str:
    return found.group(1) * 2 + found.group(2) * 2


def _quoted_key(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
