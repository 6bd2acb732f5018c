"""Filters and orders evaluated over records in memory, for stores without a query language."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

import msgspec

from runebook.search.numbers import number_in
from runebook.search.patterns import ilike, like
from runebook.search.tree import And, Comparison, Key, Node, Not, Or, SameDataset
from runebook.search.vocabulary import OrderKey


class MetricFacts(msgspec.Struct, frozen=True):
    """What is known of one metric of a record.

    `last` is the value at the greatest step, then time. NaN counts neither for `min` nor for `max` while there are
    numbers. `observed` are the values of which a comparison without an aggregate needs any one; empty means `last`.
    """

    last: float
    min: float
    max: float
    first: float
    count: int
    observed: tuple[float, ...] = ()


class DatasetFacts(msgspec.Struct, frozen=True):
    """One dataset that a run took as input."""

    name: str | None
    digest: str | None
    context: str | None = None


class Record(Protocol):
    """What a filter can ask of one record. None means that it is missing.

    Attributes of the kinds "integer" and "identifier" (`experiment_id`) are ints, all others texts: a status or stage
    is its word.
    """

    def attribute(self, name: str) -> str | int | None: ...

    def metric(
        self, key: str, dataset_name: str | None = None, dataset_digest: str | None = None
    ) -> MetricFacts | None:
        """The facts of a metric; of what was measured on one dataset, where that is named (logged models only)."""
        ...

    def param(self, key: str) -> str | None: ...

    def tag(self, key: str) -> str | None: ...

    def datasets(self) -> Sequence[DatasetFacts]: ...


RecordT = TypeVar("RecordT", bound=Record)

_COMPARE: dict[str, Callable[[float | int, float | int], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def matches(node: Node | None, record: Record) -> bool:
    """Whether the filter holds of the record; no filter holds of every one."""
    if node is None:
        return True
    if isinstance(node, Comparison):
        return _comparison_holds(node, record)
    if isinstance(node, And):
        for part in node.parts:  # noqa: SIM110  # all() would double the frames of a deep tree
            if not matches(part, record):
                return False
        return True
    if isinstance(node, Or):
        for part in node.parts:  # noqa: SIM110
            if matches(part, record):
                return True
        return False
    if isinstance(node, Not):
        return not matches(node.part, record)
    return _any_dataset(node, record)


def metric_value(key: Key, record: Record, order: OrderKey | None = None) -> float | int | None:
    """The one value that a metric key means: the literal metric's where the record has it, else the aggregate's."""
    name, digest = (None, None) if order is None else (order.dataset_name, order.dataset_digest)
    if key.literal is not None:
        facts = record.metric(key.literal, name, digest)
        if facts is not None:
            return facts.last
    facts = record.metric(key.name, name, digest)
    if facts is None:
        return None
    value: float | int = getattr(facts, key.aggregate or "last")
    return value


def _comparison_holds(node: Comparison, record: Record) -> bool:
    key = node.key
    if key.entity == "dataset":
        return _dataset_comparison_holds(node, record)
    if key.entity == "metric":
        return _metric_comparison_holds(node, record)
    if key.entity == "attribute":
        return _value_holds(node, record.attribute(key.name))
    text = record.param(key.name) if key.entity == "param" else record.tag(key.name)
    if text is not None and _is_numeric(node):
        return _number_holds(node, number_in(text))
    return _value_holds(node, text)


def _metric_comparison_holds(node: Comparison, record: Record) -> bool:
    key = node.key
    if node.operator not in ("IS NULL", "IS NOT NULL"):
        facts = record.metric(key.literal or key.name)
        if facts is not None and facts.observed and (key.literal is not None or key.aggregate is None):
            return any(_number_holds(node, value) for value in facts.observed)
    return _number_holds(node, metric_value(key, record))


def _any_dataset(group: SameDataset, record: Record) -> bool:
    return any(_dataset_holds(group.part, dataset) for dataset in record.datasets())


def _dataset_comparison_holds(node: Comparison, record: Record) -> bool:
    """Of a comparison that stands alone: some dataset makes it hold. IS NULL: no dataset has the key."""
    if node.operator == "IS NULL":
        return all(getattr(dataset, node.key.name) is None for dataset in record.datasets())
    return any(_dataset_holds(node, dataset) for dataset in record.datasets())


def _dataset_holds(node: Node, dataset: DatasetFacts) -> bool:
    if isinstance(node, Comparison):
        return _value_holds(node, getattr(dataset, node.key.name))
    assert isinstance(node, (And, Or))
    for part in node.parts:
        if _dataset_holds(part, dataset) is isinstance(node, Or):
            return isinstance(node, Or)
    return isinstance(node, And)


def _is_numeric(node: Comparison) -> bool:
    value = node.value[0] if isinstance(node.value, tuple) else node.value
    return isinstance(value, (int, float))


def _value_holds(node: Comparison, found: str | int | None) -> bool:
    """A comparison with a value that may be missing."""
    if node.operator in ("IS NULL", "IS NOT NULL"):
        return (found is None) is (node.operator == "IS NULL")
    if found is None:
        return False
    if node.operator.endswith("LIKE"):
        test = ilike if node.operator.endswith("ILIKE") else like
        return test(str(found), str(node.value)) is not node.operator.startswith("NOT")
    if isinstance(found, int):
        return _number_holds(node, found)
    if node.operator in ("IN", "NOT IN"):
        assert isinstance(node.value, tuple)
        return (found in node.value) is (node.operator == "IN")
    return (found == node.value) is (node.operator == "=")


def _number_holds(node: Comparison, found: float | int | None) -> bool:
    """A comparison with a number that may be missing or NaN."""
    if node.operator in ("IS NULL", "IS NOT NULL"):
        return (found is None) is (node.operator == "IS NULL")
    if found is None:
        return False
    if isinstance(node.value, tuple):
        return (found in node.value) is (node.operator == "IN")
    assert isinstance(node.value, (int, float))
    return _COMPARE[node.operator](found, node.value)


def order_value(order: OrderKey, record: Record) -> str | int | float | None:
    """What a record is ordered by under one key."""
    key = order.key
    if key.entity == "metric":
        return metric_value(key, record, order)
    if key.entity == "attribute":
        return record.attribute(key.name)
    return record.param(key.name) if key.entity == "param" else record.tag(key.name)


def rank(value: str | int | float | None) -> int:
    """0 for a value that has a place in the order, 1 for NaN, 2 for none: so they stand in both directions."""
    if value is None:
        return 2
    return 1 if isinstance(value, float) and math.isnan(value) else 0


def ordered(records: Iterable[RecordT], order: Sequence[OrderKey]) -> list[RecordT]:
    """The records in a total order: numbers by size, texts by code point, then NaN, then what lacks the value."""
    rows = list(records)
    for key in reversed(order):
        values = {id(row): order_value(key, row) for row in rows}
        present = [row for row in rows if rank(values[id(row)]) == 0]
        present.sort(key=lambda row: values[id(row)], reverse=not key.ascending)  # type: ignore[arg-type,return-value]
        rows = [
            *present,
            *(row for row in rows if rank(values[id(row)]) == 1),
            *(row for row in rows if rank(values[id(row)]) == 2),
        ]
    return rows
