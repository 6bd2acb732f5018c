"""Searches: a tree and an order -> the ids of one page of rows, by SQL that costs what the page shows.

Three forms of a statement, told apart by the table that it starts from:

- the noun's own table, for orders by its attributes;
- the table of the first order key, when one experiment is ordered by a metric, param or tag: its index gives the rows
  in order, in phases (the infinities, numbers, NaN, missing), each asked for only while the page is not full;
- the table of one clause that selects few rows, whatever the order. A count of at most `_FEW` index entries tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from runebook.search.page_tokens import SortValue, decode_token, encode_token, query_digest
from runebook.search.tree import And, Comparison, Node, comparisons
from runebook.search.vocabulary import OrderKey
from runebook.storage.sql.dialects import Dialect
from runebook.storage.sql.search_filter import DatasetRef, FilterCompiler, interned_names, metric_key_names
from runebook.storage.sql.search_order import OrderCompiler, SortColumn, after_condition, order_terms, sort_value_of
from runebook.storage.sql.search_tables import NounTables
from runebook.storage.sql.search_values import Parameters

Execute = Callable[[str, Mapping[str, object]], Sequence[Sequence[Any]]]
"""Runs a statement with named parameters and returns all its rows."""

_FEW = 2000
"""Rows that are sorted without regret."""

_DRIVING_JOINS = {"sqlite": "CROSS JOIN", "mysql": "STRAIGHT_JOIN"}
"""A join that keeps the order of its tables, where the planner would not know better."""


class Search(NamedTuple):
    """What is searched for. `experiments` and `stages` are the numbers in the table; None leaves them open.

    `datasets` (logged models only) restrict the metrics that count.
    """

    tables: NounTables
    tree: Node | None
    order: tuple[OrderKey, ...]
    experiments: tuple[int, ...] | None = None
    stages: tuple[int, ...] | None = None
    datasets: tuple[DatasetRef, ...] = ()


class Statement(NamedTuple):
    """SQL whose rows are the id, then the kind and the value of each order key."""

    sql: str
    parameters: dict[str, object]
    columns: list[SortColumn]


class Phase(NamedTuple):
    """The rows whose first order key has one rank, and, where it is a metric, one kind."""

    rank: int
    kind: int = 0


def search_ids(
    execute: Execute, dialect: Dialect, search: Search, max_results: int, page_token: str | None = None
) -> tuple[list[int], str | None]:
    """The ids of one page in order, and the next page's token if there is more.

    Raises:
        InvalidParameterValue: the token is none, or belongs to another search.
    """
    digest = query_digest(search.tables.table, *search[1:])
    marks = decode_token(page_token, digest, search.order, search.tables.noun) if page_token else None
    if search.experiments == () or search.stages == ():
        return [], None
    names = _name_ids(execute, search)
    driver = _driver(execute, dialect, search, names)
    phases = [None] if driver is not None else _phases(search, names)
    found: list[tuple[int, list[SortValue]]] = []
    for phase in phases:
        if marks is not None and phase is not None and phase != _phase_of(marks[0]):
            continue
        statement = page_statement(dialect, search, names, max_results + 1 - len(found), phase, marks, driver)
        rows = execute(statement.sql, statement.parameters)
        found += [(row[0], _sort_values(row, statement.columns)) for row in rows]
        marks = None
        if len(found) > max_results:
            break
    page = found[:max_results]
    token = encode_token(digest, page[-1][1]) if page and len(found) > max_results else None
    return [row_id for row_id, _ in page], token


def page_statement(
    dialect: Dialect,
    search: Search,
    names: Mapping[str, int],
    limit: int,
    phase: Phase | None = None,
    marks: Sequence[SortValue] | None = None,
    driver: Comparison | None = None,
) -> Statement:
    """The statement for the rows of one phase (or of all) after the row of `marks`, starting from `driver`'s table."""
    parameters = Parameters()
    scope = _scope(search, parameters)
    filters = FilterCompiler(dialect, search.tables, names, parameters, search.datasets, scope)
    orders = OrderCompiler(dialect, search.tables, names, filters)
    source, conditions, first = f"{search.tables.table} r", [], None
    if driver is not None:
        table, owner, rows = _rows_of(filters, search, driver, "n")
        source = _driven(dialect, search.tables, table, "n", owner)
        conditions.append(rows)
    elif phase is not None:
        source, rows, first = _phase_source(dialect, filters, search, phase)
        conditions.append(rows)
    columns = orders.columns(search.order, first)
    conditions += scope
    if search.tree is not None:
        conditions.append(filters.condition(search.tree))
    conditions += _on_datasets(filters, search)
    if marks is not None:
        conditions.append(f"({after_condition(dialect, columns, marks, parameters)})")
    joins = [join for column in columns for join in column.joins]
    selected = ", ".join(["r.id", *(column.selected() for column in columns)])
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    before = f"WITH {', '.join(filters.tables_before)} " if filters.tables_before else ""
    sql = (
        f"{before}SELECT {selected} FROM {' '.join([source, *joins])}{where}"
        f" ORDER BY {order_terms(columns)} {dialect.limit(parameters.add(limit))}"
    )
    return Statement(sql, parameters.values, columns)


def _sort_values(row: Sequence[Any], columns: Sequence[SortColumn]) -> list[SortValue]:
    return [sort_value_of(row[1 + 2 * i], row[2 + 2 * i], column) for i, column in enumerate(columns)]


def _name_ids(execute: Execute, search: Search) -> dict[str, int]:
    wanted = interned_names(search.tables, search.tree, search.order)
    if not wanted:
        return {}
    parameters = Parameters()
    sql = f"SELECT name, id FROM names WHERE name IN ({parameters.several(list(wanted))})"
    return {row[0]: row[1] for row in execute(sql, parameters.values)}


def _scope(search: Search, parameters: Parameters) -> list[str]:
    """The experiments and stages that are searched."""
    conditions = []
    if search.experiments is not None:
        conditions.append(_among(search.tables.experiment, search.experiments, parameters))
    if search.stages is not None:
        conditions.append(_among("r.lifecycle_stage", search.stages, parameters))
    return conditions


def _among(column: str, values: Sequence[int], parameters: Parameters) -> str:
    if len(values) == 1:
        return f"{column} = {parameters.add(values[0])}"
    return f"{column} IN ({parameters.several(list(values))})"


def _on_datasets(filters: FilterCompiler, search: Search) -> list[str]:
    """Datasets without a clause on a metric ask for any metric on them."""
    if not search.datasets or any(comparison.key.entity == "metric" for comparison in comparisons(search.tree)):
        return []
    rows = filters.point_rows(None, "k", search.datasets)
    return [f"EXISTS (SELECT 1 FROM {search.tables.points} k WHERE {rows})"]


def _driven(dialect: Dialect, tables: NounTables, table: str, alias: str, owner: str) -> str:
    join = _DRIVING_JOINS.get(dialect.name, "JOIN")
    return f"{table} {alias} {join} {tables.table} r ON r.id = {alias}.{owner}"


# ---- starting from the first order key


def _phases(search: Search, names: Mapping[str, int]) -> list[Phase | None]:
    """The phases of the first order key, in order; [None] where they bring nothing."""
    first = search.order[0]
    if search.experiments is None or len(search.experiments) != 1:
        return [None]
    if first.key.entity in ("param", "tag"):
        table = search.tables.keyed[first.key.entity]
        is_known = table.is_interned and first.key.name in names
        return [Phase(0), Phase(2)] if is_known else [None]
    if first.key.entity != "metric" or _indexed_metric(search, first, names) is None:
        return [None]
    kinds = (-1, 0, 1) if first.ascending else (1, 0, -1)
    return [*(Phase(0, kind) for kind in kinds), Phase(1), Phase(2)]


def _indexed_metric(search: Search, order: OrderKey, names: Mapping[str, int]) -> str | None:
    """The metric whose last value is the first order key, where there is one and it is indexed."""
    literal, plain = metric_key_names(order.key, names)
    if search.tables.summaries is None or (literal is not None and plain is not None):
        return None
    return literal if literal is not None else plain if order.key.aggregate in (None, "last") else None


def _phase_of(mark: SortValue) -> Phase:
    return Phase(mark.rank, mark.kind)


def _phase_source(
    dialect: Dialect, filters: FilterCompiler, search: Search, phase: Phase
) -> tuple[str, str, SortColumn]:
    """Where the statement of a phase starts, its condition, and the column of the first key."""
    order, tables, parameters = search.order[0], search.tables, filters.parameters
    assert search.experiments is not None
    if order.key.entity == "metric":
        assert tables.summaries is not None
        table, owner = tables.summaries, "run"
        name = _indexed_metric(search, order, filters.names)
        assert name is not None
    else:
        table, owner, name = tables.keyed[order.key.entity].name, tables.keyed[order.key.entity].owner, order.key.name
    key = f"name_id = {parameters.add(filters.names[name])}"
    if phase.rank == 2:
        rows = f"NOT EXISTS (SELECT 1 FROM {table} k WHERE k.{owner} = r.id AND k.{key})"
        return f"{tables.table} r", rows, SortColumn("NULL", order.ascending, fixed_rank=2)
    rows = f"f.experiment_id = {parameters.add(search.experiments[0])} AND f.{key}"
    source = _driven(dialect, tables, table, "f", owner)
    if order.key.entity == "metric":
        rows += f" AND f.last_kind = {2 if phase.rank == 1 else phase.kind}"
        return source, rows, SortColumn("f.last_value", order.ascending, fixed_rank=phase.rank, fixed_kind=phase.kind)
    value = f"f.{tables.keyed[order.key.entity].value}"
    return source, rows, SortColumn(value, order.ascending, start=dialect.text_start(value), fixed_rank=0)


# ---- starting from a clause that selects few rows


def _driver(execute: Execute, dialect: Dialect, search: Search, names: Mapping[str, int]) -> Comparison | None:
    """The clause that selects the fewest rows, if they are few."""
    if dialect.name == "mssql" or search.experiments is None:
        return None
    best, fewest = None, _FEW + 1
    for clause in _drivable(search, names)[:4]:
        parameters = Parameters()
        filters = FilterCompiler(dialect, search.tables, names, parameters)
        table, _, rows = _rows_of(filters, search, clause, "n")
        limited = f"SELECT 1 AS one FROM {table} n WHERE {rows} {dialect.limit(parameters.add(fewest))}"
        count = execute(f"SELECT COUNT(*) FROM ({limited}) found", parameters.values)[0][0]
        if count < fewest:
            best, fewest = clause, count
        if fewest == 0:
            break
    return best


def _drivable(search: Search, names: Mapping[str, int]) -> list[Comparison]:
    """Clauses that must hold, and whose rows an index finds."""
    parts = search.tree.parts if isinstance(search.tree, And) else (search.tree,)
    clauses = [part for part in parts if isinstance(part, Comparison)]
    return [clause for clause in clauses if _is_drivable(search, clause, names)]


def _is_drivable(search: Search, clause: Comparison, names: Mapping[str, int]) -> bool:
    key = clause.key
    if clause.operator in ("!=", "NOT IN", "IS NULL") or clause.operator.endswith("LIKE") or key.name not in names:
        return False
    if key.entity == "metric":
        is_last = key.aggregate in (None, "last") and (key.literal is None or key.literal not in names)
        return is_last and search.tables.summaries is not None
    return key.entity in ("param", "tag") and search.tables.keyed[key.entity].is_interned


def _rows_of(filters: FilterCompiler, search: Search, clause: Comparison, alias: str) -> tuple[str, str, str]:
    """The table of a clause, the column of its owner, and the condition on its rows."""
    tables = search.tables
    assert search.experiments is not None
    scope = _among(f"{alias}.experiment_id", search.experiments, filters.parameters)
    if clause.key.entity == "metric":
        assert tables.summaries is not None
        rows = filters.summary_rows(clause, clause.key.name, clause.key.aggregate, alias, scoped=False)
        return tables.summaries, "run", f"{scope} AND {rows}"
    table = tables.keyed[clause.key.entity]
    keyed = filters.keyed_rows(clause, alias, scoped=False)
    return table.name, table.owner, f"{scope} AND {keyed}"
