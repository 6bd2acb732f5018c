"""An order -> joins, columns, ORDER BY and the condition that a page goes on from.

Each key is a value that may be missing and, for metrics, a kind (-1, 0, 1 for -inf, numbers, inf; 2 for NaN). Numbers
come first, then NaN, then what is missing, in both directions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from runebook.core.errors import InvalidParameterValue
from runebook.search.page_tokens import SortValue
from runebook.search.vocabulary import OrderKey
from runebook.storage.sql.dialects import Dialect
from runebook.storage.sql.search_filter import FilterCompiler, metric_key_names
from runebook.storage.sql.search_tables import NounTables
from runebook.storage.sql.search_values import FALSE, Parameters

_MAX_JOINS = 50
"""Databases join about 60 tables."""


class SortColumn(NamedTuple):
    """One key of an order in SQL.

    `kind` is there for metrics, `start` for long texts whose index holds their start. A key that `may_be_missing` has
    a NULL value where it is. A `fixed_rank` says that the statement only selects rows of this rank (and of the
    `fixed_kind`), so that the value alone orders them.
    """

    value: str
    ascending: bool
    kind: str | None = None
    start: str | None = None
    may_be_missing: bool = False
    fixed_rank: int | None = None
    fixed_kind: int | None = None
    joins: tuple[str, ...] = ()

    def selected(self) -> str:
        """Two columns: the kind and the value."""
        if self.fixed_rank:
            return f"{2 if self.fixed_rank == 1 else 'NULL'}, {'0' if self.fixed_rank == 1 else 'NULL'}"
        return f"{self.kind or ('NULL' if self.fixed_kind is None else self.fixed_kind)}, {self.value}"

    def terms(self) -> list[str]:
        """What stands in ORDER BY."""
        direction = "" if self.ascending else " DESC"
        if self.fixed_rank:
            return []
        terms = []
        if self.fixed_rank is None and self.kind is not None:
            terms.append(f"CASE WHEN {self.kind} IS NULL THEN 2 WHEN {self.kind} = 2 THEN 1 ELSE 0 END")
        elif self.fixed_rank is None and self.may_be_missing:
            terms.append(f"CASE WHEN {self.value} IS NULL THEN 2 ELSE 0 END")
        columns = [column for column in (self.kind, self.start, self.value) if column is not None]
        return terms + [column + direction for column in columns]


def sort_value_of(kind: int | None, value: Any, column: SortColumn) -> SortValue:
    """What a token keeps of the two columns of a row."""
    if value is None:
        return SortValue(2)
    if kind == 2:
        return SortValue(1)
    if kind in (-1, 1):
        return SortValue(0, kind)
    is_metric = column.kind is not None or column.fixed_kind is not None
    return SortValue(0, 0, float(value) if is_metric and not isinstance(value, int) else value)


class OrderCompiler:
    """Compiles the keys of an order for one statement."""

    def __init__(self, dialect: Dialect, tables: NounTables, names: Mapping[str, int], filters: FilterCompiler) -> None:
        self.dialect = dialect
        self.tables = tables
        self.names = names
        self.filters = filters

    def columns(self, order: Sequence[OrderKey], first: SortColumn | None = None) -> list[SortColumn]:
        """The columns of all keys; `first` stands for the first key where the statement starts from its table."""
        found = [] if first is None else [first]
        found += [self.column(key, f"o{index}") for index, key in enumerate(order[len(found) :], start=len(found) + 1)]
        if sum(len(column.joins) for column in found) > _MAX_JOINS:
            raise InvalidParameterValue(f"Invalid order_by: it needs more than {_MAX_JOINS} joins. Use fewer keys.")
        return found

    def column(self, order: OrderKey, alias: str) -> SortColumn:
        key = order.key
        if key.entity == "attribute":
            return self._attribute(order)
        if key.entity == "metric":
            return self._metric(order, alias)
        table = self.tables.keyed[key.entity]
        rows = self.filters.key_condition(table, key.name, alias)
        if rows is None:
            return SortColumn("NULL", order.ascending, may_be_missing=True, fixed_rank=2)
        join = f"LEFT JOIN {table.name} {alias} ON {alias}.{table.owner} = r.id AND {rows}"
        return SortColumn(f"{alias}.{table.value}", order.ascending, may_be_missing=True, joins=(join,))

    def _attribute(self, order: OrderKey) -> SortColumn:
        column = self.tables.attributes[order.key.name]
        if column.words is None:
            return SortColumn(column.sql, order.ascending, may_be_missing=column.nullable)
        cases = " ".join(f"WHEN {number} THEN '{word}'" for number, word in column.words.items())
        return SortColumn(f"CASE {column.sql} {cases} END", order.ascending)

    def _metric(self, order: OrderKey, alias: str) -> SortColumn:
        key = order.key
        literal, plain = metric_key_names(key, self.names)
        parts = []
        if literal is not None:
            parts.append(self._metric_join(order, literal, None, f"{alias}l"))
        if plain is not None:
            parts.append(self._metric_join(order, plain, key.aggregate, alias))
        if not parts:
            return SortColumn("NULL", order.ascending, may_be_missing=True, fixed_rank=2)
        if len(parts) == 1:
            return parts[0]
        one, other = parts
        kind = f"CASE WHEN {one.kind} IS NULL THEN {other.kind} ELSE {one.kind} END"
        value = f"CASE WHEN {one.kind} IS NULL THEN {other.value} ELSE {one.value} END"
        return SortColumn(value, order.ascending, kind, may_be_missing=True, joins=one.joins + other.joins)

    def _metric_join(self, order: OrderKey, name: str, aggregate: str | None, alias: str) -> SortColumn:
        if self.tables.summaries is None:
            named = order.dataset_name
            datasets = [] if named is None else [(named, order.dataset_digest)]
            chosen = self.filters.chosen_point(name, aggregate or "last", datasets)
            join = f"LEFT JOIN {self.tables.points} {alias} ON {alias}.id = {chosen}"
            return SortColumn(f"{alias}.value", order.ascending, f"{alias}.kind", may_be_missing=True, joins=(join,))
        name_id = self.filters.parameters.add(self.names[name])
        rows = f"{alias}.run = r.id AND {alias}.name_id = {name_id}"
        join = f"LEFT JOIN {self.tables.summaries} {alias} ON {rows}"
        value, kind = summary_columns(alias, aggregate)
        return SortColumn(value, order.ascending, kind, may_be_missing=True, joins=(join,))


def summary_columns(alias: str, aggregate: str | None) -> tuple[str, str]:
    """The value and the kind of an aggregate in a summary."""
    if aggregate == "count":
        return f"{alias}.points", f"CASE WHEN {alias}.points IS NULL THEN NULL ELSE 0 END"
    column = f"{alias}.{aggregate or 'last'}"
    return f"{column}_value", f"{column}_kind"


def order_terms(columns: Sequence[SortColumn]) -> str:
    return ", ".join([term for column in columns for term in column.terms()])


def after_condition(
    dialect: Dialect, columns: Sequence[SortColumn], marks: Sequence[SortValue], parameters: Parameters
) -> str:
    """The rows that stand after the one with the given values."""
    alternatives: list[str] = []
    same_so_far: list[str] = []
    for column, mark in zip(columns, marks, strict=True):
        edge = "" if mark.rank or column.fixed_rank else parameters.add(mark.value)
        beyond, same = _after(column, mark, edge), _same(column, mark, edge)
        if beyond is not None:
            alternatives.append(" AND ".join([*same_so_far, beyond]))
        if same is not None:
            same_so_far.append(same)
    condition = f"({' OR '.join(alternatives)})" if alternatives else FALSE
    bound = _bound(dialect, columns[0], marks[0], parameters)
    return condition if bound is None else f"{bound} AND {condition}"


def _bound(dialect: Dialect, column: SortColumn, mark: SortValue, parameters: Parameters) -> str | None:
    """A range of the first column that an index can start from."""
    if mark.rank or column.kind is not None or (column.may_be_missing and column.fixed_rank is None):
        return None
    sign = ">=" if column.ascending else "<="
    edge = parameters.add(mark.value)
    if column.start is not None:
        return f"{column.start} {sign} {dialect.text_start(edge)}"
    return f"{column.value} {sign} {edge}"


def _after(column: SortColumn, mark: SortValue, edge: str) -> str | None:
    """The rows after the mark by this key alone; None when there are none. `edge` is the mark's value."""
    if column.fixed_rank or mark.rank == 2:
        return None
    missing = column.kind or column.value
    alternatives = []
    if mark.rank == 0:
        sign = ">" if column.ascending else "<"
        value = f"{column.value} {sign} {edge}"
        if column.kind is None:
            alternatives.append(value)
        else:
            alternatives.append(f"{column.kind} {sign} {mark.kind} OR ({column.kind} = {mark.kind} AND {value})")
            if not column.ascending:
                alternatives.append(f"{column.kind} = 2")
    if column.may_be_missing and column.fixed_rank is None:
        alternatives.append(f"{missing} IS NULL")
    return f"({' OR '.join(alternatives)})" if alternatives else None


def _same(column: SortColumn, mark: SortValue, edge: str) -> str | None:
    """The rows that are equal to the mark by this key; None when all are."""
    if column.fixed_rank:
        return None
    if mark.rank == 2:
        return f"{column.kind or column.value} IS NULL"
    if mark.rank == 1:
        return f"{column.kind} = 2"
    same = f"{column.value} = {edge}"
    return same if column.kind is None else f"({column.kind} = {mark.kind} AND {same})"
