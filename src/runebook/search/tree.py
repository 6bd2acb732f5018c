"""A filter as a tree: what the parser makes, the evaluator reads and the SQL compiler translates.

Every node is two-valued: it holds of a record or it does not. A comparison whose key the record lacks does not hold,
and `Not` is the plain complement. Trees that the parser made are canonical: an `And` holds no `And`, an `Or` no `Or`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

import msgspec

Entity = Literal["attribute", "metric", "param", "tag", "dataset"]
Aggregate = Literal["last", "min", "max", "first", "count"]
Operator = Literal[
    "=", "!=", "<", "<=", ">", ">=",
    "LIKE", "ILIKE", "NOT LIKE", "NOT ILIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL",
]  # fmt: skip
Value: TypeAlias = "str | int | float | tuple[str, ...] | tuple[int | float, ...] | None"


class Key(msgspec.Struct, frozen=True):
    """What a comparison looks at.

    A metric without an aggregate means its last value (of a logged model: any of its values). `literal` is set where
    the text was ambiguous: `metrics.loss.min` reads the metric named "loss.min" of a record that has one, and
    otherwise the minimum of "loss".
    """

    entity: Entity
    name: str
    aggregate: Aggregate | None = None
    literal: str | None = None


class Comparison(msgspec.Struct, frozen=True):
    """`key operator value`; the value is None for IS [NOT] NULL and a tuple for [NOT] IN.

    Params and tags compare as text with a string, and as numbers with a number.
    """

    key: Key
    operator: Operator
    value: Value = None


class And(msgspec.Struct, frozen=True):
    """All parts hold; two or more."""

    parts: tuple[Node, ...]


class Or(msgspec.Struct, frozen=True):
    """At least one part holds; two or more."""

    parts: tuple[Node, ...]


class Not(msgspec.Struct, frozen=True):
    """The part does not hold."""

    part: Node


class SameDataset(msgspec.Struct, frozen=True):
    """One dataset of the run makes the part hold; the part consists of dataset comparisons, `And` and `Or` alone."""

    part: Node


Node: TypeAlias = "And | Or | Not | SameDataset | Comparison"


def all_of(nodes: Sequence[Node]) -> Node:
    """The conjunction in canonical form; one node stands for itself."""
    return _joined(And, nodes)


def any_of(nodes: Sequence[Node]) -> Node:
    """The disjunction in canonical form; one node stands for itself."""
    return _joined(Or, nodes)


def _joined(kind: type[And] | type[Or], nodes: Sequence[Node]) -> Node:
    if len(nodes) == 1:
        return nodes[0]
    parts: list[Node] = []
    for node in nodes:
        parts.extend(node.parts if isinstance(node, kind) else (node,))
    return kind(tuple(parts))


def comparisons(node: Node | None) -> Iterator[Comparison]:
    """Every comparison of the tree, from left to right."""
    stack = [] if node is None else [node]
    while stack:
        top = stack.pop()
        if isinstance(top, (And, Or)):
            stack.extend(reversed(top.parts))
        elif isinstance(top, (Not, SameDataset)):
            stack.append(top.part)
        else:
            yield top
