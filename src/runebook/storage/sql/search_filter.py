"""A filter tree -> a condition on the row `r` of a noun.

What may be missing is asked for with EXISTS, so that each clause is true or false and NOT is a plain complement. The
sub-queries name the experiment too: so a database may start from their indexes, which lead with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from runebook.search.tree import And, Comparison, Key, Node, Not, Or, SameDataset, comparisons
from runebook.search.vocabulary import OrderKey
from runebook.storage.sql.dialects import Dialect
from runebook.storage.sql.search_tables import KeyedTable, NounTables
from runebook.storage.sql.search_values import (
    FALSE,
    TRUE,
    Parameters,
    digits_condition,
    integer_condition,
    metric_condition,
    number_condition,
    text_condition,
    word_condition,
)

DatasetRef = tuple[str, str | None]
"""Name and digest of a dataset; without a digest, any of that name."""

_NULL_TESTS = ("IS NULL", "IS NOT NULL")

_MAX_NESTING = 8
"""Levels of AND and OR in one condition. SQLite's parser has a stack of 100, and a level takes several places."""

_MAX_FLATTENED = {"postgresql": 0, "mysql": 6}
"""Sub-queries that a planner may turn into joins. MariaDB tries all orders of many, which takes forever. PostgreSQL
takes conditions on metrics for rarer than they are, and loops over all rows of one for each row of another."""

_DATASET_JOINS = (
    "JOIN datasets d ON d.id = i.dataset_id"
    " LEFT JOIN input_tags t ON t.input_id = i.id AND t.tag_key = 'mlflow.data.context'"
)


def interned_names(tables: NounTables, tree: Node | None, order: Sequence[OrderKey] = ()) -> list[str]:
    """The keys whose ids in `names` the compiler needs."""
    keys = [comparison.key for comparison in comparisons(tree)] + [item.key for item in order]
    found = {
        name
        for key in keys
        if key.entity == "metric" or (key.entity in tables.keyed and tables.keyed[key.entity].is_interned)
        for name in (key.name, key.literal)
        if name is not None
    }
    return sorted(found)


class FilterCompiler:
    """Compiles for one statement, whose parameters it adds to.

    `names` gives the ids of interned keys; one that is not there was never logged. `datasets` restricts the metrics of
    logged models to what was measured on them. `scope` is the condition on `r` that every row of the search meets.
    Where a tree is nested deeply, its lower parts become `tables_before`: named queries for a WITH clause, in order.
    """

    def __init__(
        self,
        dialect: Dialect,
        tables: NounTables,
        names: Mapping[str, int],
        parameters: Parameters,
        datasets: Iterable[DatasetRef] = (),
        scope: Sequence[str] = (),
    ) -> None:
        self.dialect = dialect
        self.tables = tables
        self.names = names
        self.parameters = parameters
        self.datasets = list(datasets)
        self.scope = list(scope)
        self.tables_before: list[str] = []
        self.subqueries = 0

    def condition(self, node: Node, *, negated: bool = False, level: int = 0) -> str:
        """SQL that selects the rows of which the node holds (or does not)."""
        while isinstance(node, Not):
            node, negated = node.part, not negated
        if isinstance(node, (And, Or)):
            if level == _MAX_NESTING:
                return self._apart(node, negated=negated)
            joiner = " AND " if isinstance(node, And) is not negated else " OR "
            parts = []
            for part in node.parts:
                parts.append(self.condition(part, negated=negated, level=level + 1))  # noqa: PERF401  # one frame a level
            return f"({joiner.join(parts)})"
        if isinstance(node, SameDataset):
            return _not(self._any_dataset(node.part), negated=negated)
        return self._comparison(node, negated=negated)

    def _apart(self, node: Node, *, negated: bool) -> str:
        """The condition by way of a sub-query of its own."""
        conditions = [*self.scope, self.condition(node, negated=negated)]
        query = f"SELECT r.id FROM {self.tables.table} r WHERE {' AND '.join(conditions)}"
        return f"r.id IN (SELECT id FROM {self._table_before(query)})"

    def _table_before(self, query: str) -> str:
        name = f"deep{len(self.tables_before) + 1}"
        self.tables_before.append(f"{name} AS ({query})")
        return name

    def _exists(self, source: str, where: str) -> str:
        """Whether there are such rows. A comparison with TRUE keeps planners from making a join of it."""
        self.subqueries += 1
        found = f"EXISTS (SELECT 1 FROM {source} WHERE {where})"
        is_fenced = self.subqueries > _MAX_FLATTENED.get(self.dialect.name, self.subqueries)
        return f"({found} = TRUE)" if is_fenced else found

    def _comparison(self, node: Comparison, *, negated: bool) -> str:
        entity = node.key.entity
        if entity == "attribute":
            return self._attribute(node, negated=negated)
        if entity == "metric":
            return _not(self._metric(node), negated=negated)
        if entity == "dataset":
            return _not(self._dataset(node), negated=negated)
        return _not(self._keyed(node), negated=negated)

    # ---- attributes

    def _attribute(self, node: Comparison, *, negated: bool) -> str:
        column = self.tables.attributes[node.key.name]
        if node.operator in _NULL_TESTS:
            is_null = (node.operator == "IS NULL") is not negated
            return (
                f"{column.sql} {'IS NULL' if is_null else 'IS NOT NULL'}" if column.nullable else _constant(not is_null)
            )
        condition = self._attribute_condition(node, column.sql, column.words)
        if not negated:
            return f"({condition})"
        return f"({column.sql} IS NULL OR NOT ({condition}))" if column.nullable else f"NOT ({condition})"

    def _attribute_condition(self, node: Comparison, column: str, words: dict[int, str] | None) -> str:
        if words is not None:
            return word_condition(column, words, node)
        kind = self.tables.noun.attributes[node.key.name].kind
        if kind == "text":
            return text_condition(self.dialect, self.parameters, column, node)
        if node.operator.endswith("LIKE"):
            return digits_condition(self.dialect, self.parameters, column, node)
        return integer_condition(self.parameters, column, node)

    # ---- params and tags

    def _keyed(self, node: Comparison) -> str:
        table = self.tables.keyed[node.key.entity]
        inner = self.keyed_rows(node, "k")
        if inner is None:
            return _constant(node.operator == "IS NULL")
        negation = "NOT " if node.operator == "IS NULL" else ""
        return negation + self._exists(f"{table.name} k", f"k.{table.owner} = r.id AND {inner}")

    def keyed_rows(self, node: Comparison, alias: str, *, scoped: bool = True) -> str | None:
        """The condition on the rows of a param or tag that make the comparison hold; None when its key is unknown.

        Not of the owner: that is the caller's to join. `scoped` binds the experiment to that of `r`.
        """
        table = self.tables.keyed[node.key.entity]
        key = self.key_condition(table, node.key.name, alias, scoped=scoped)
        if key is None:
            return None
        if node.operator in _NULL_TESTS:
            return key
        first = node.value[0] if isinstance(node.value, tuple) else node.value
        if isinstance(first, str):
            indexed = table.is_interned
            value = f"{alias}.{table.value}"
            condition = text_condition(self.dialect, self.parameters, value, node, indexed=indexed)
        else:
            condition = number_condition(self.parameters, f"{alias}.{table.number}", node)
        return f"{key} AND {condition}"

    def key_condition(self, table: KeyedTable, name: str, alias: str, *, scoped: bool = True) -> str | None:
        """The condition on the rows of one key."""
        if not table.is_interned:
            return f"{alias}.{table.key} = {self.parameters.add(name)}"
        if name not in self.names:
            return None
        key = f"{alias}.{table.key} = {self.parameters.add(self.names[name])}"
        return f"{alias}.experiment_id = r.experiment_id AND {key}" if scoped else key

    # ---- metrics

    def _metric(self, node: Comparison) -> str:
        """The literal metric where the record has it, else the one that the key's first part names."""
        key = node.key
        plain = self._metric_exists(node, key.name, key.aggregate)
        if key.literal is None or key.literal not in self.names:
            return plain
        has_literal = self._metric_exists(Comparison(key, "IS NOT NULL"), key.literal, None)
        if node.operator == "IS NOT NULL":
            return f"({has_literal} OR {plain})"
        if node.operator == "IS NULL":
            return f"(NOT {has_literal} AND {plain})"
        return f"({self._metric_exists(node, key.literal, None)} OR (NOT {has_literal} AND {plain}))"

    def _metric_exists(self, node: Comparison, name: str, aggregate: str | None) -> str:
        is_null = node.operator == "IS NULL"
        if name not in self.names:
            return _constant(is_null)
        if self.tables.summaries is not None:
            rows = self.summary_rows(node, name, aggregate, "k")
            found = self._exists(f"{self.tables.summaries} k", f"k.run = r.id AND {rows}")
        else:
            found = self._point_exists(node, name, aggregate)
        return f"NOT {found}" if is_null else found

    def summary_rows(
        self, node: Comparison, name: str, aggregate: str | None, alias: str, *, scoped: bool = True
    ) -> str:
        """The condition on the summaries that make the comparison hold, but for the owner."""
        key = f"{alias}.name_id = {self.parameters.add(self.names[name])}"
        if scoped:
            key = f"{alias}.experiment_id = r.experiment_id AND {key}"
        if node.operator in _NULL_TESTS:
            return key
        if aggregate == "count":
            return f"{key} AND {integer_condition(self.parameters, f'{alias}.points', _whole(node))}"
        column = f"{alias}.{aggregate or 'last'}"
        return f"{key} AND {metric_condition(self.dialect, self.parameters, f'{column}_value', f'{column}_kind', node)}"

    def _point_exists(self, node: Comparison, name: str, aggregate: str | None) -> str:
        points = self.tables.points
        condition = ""
        if node.operator not in _NULL_TESTS:
            condition = f" AND {metric_condition(self.dialect, self.parameters, 'k.value', 'k.kind', node)}"
        if aggregate is not None and condition:
            chosen = self.chosen_point(name, aggregate, self.datasets)
            return self._exists(f"{points} k", f"k.id = {chosen}{condition}")
        rows = self.point_rows(name, "k", self.datasets)
        return self._exists(f"{points} k", f"{rows}{condition}")

    def point_rows(self, name: str | None, alias: str, datasets: Sequence[DatasetRef]) -> str:
        """The condition on the points of a logged model: of one metric or any, on one of the datasets if there are."""
        parts = [f"{alias}.model = r.id"]
        if name is not None:
            parts.append(f"{alias}.name_id = {self.parameters.add(self.names[name])}")
        alternatives = []
        for dataset_name, digest in datasets:
            same = f"{alias}.dataset_name = {self.parameters.add(dataset_name)}"
            same += f" AND {alias}.dataset_digest = {self.parameters.add(digest)}" if digest is not None else ""
            alternatives.append(f"({same})")
        if alternatives:
            parts.append(f"({' OR '.join(alternatives)})")
        return " AND ".join(parts)

    def chosen_point(self, name: str, aggregate: str, datasets: Sequence[DatasetRef]) -> str:
        """The id of the point that is the last, first, least or greatest of a metric, as a sub-query."""
        rows = self.point_rows(name, "c", datasets)
        by = {
            "last": "c.step DESC, c.time DESC, c.kind DESC, c.value DESC",
            "first": "c.step, c.time, c.kind, c.value",
            "min": "c.kind, c.value",
            "max": "CASE WHEN c.kind = 2 THEN 1 ELSE 0 END, c.kind DESC, c.value DESC",
        }[aggregate]
        limit = self.dialect.limit("1")
        return f"(SELECT c.id FROM {self.tables.points} c WHERE {rows} ORDER BY {by} {limit})"

    # ---- datasets

    def _dataset(self, node: Comparison) -> str:
        if node.operator == "IS NULL":
            return f"NOT {self._any_dataset(Comparison(node.key, 'IS NOT NULL'))}"
        return self._any_dataset(node)

    def _any_dataset(self, part: Node) -> str:
        rows = self._dataset_condition(part, 0)
        return self._exists(f"inputs i {_DATASET_JOINS}", f"i.run = r.id AND {rows}")

    def _dataset_condition(self, node: Node, level: int) -> str:
        if isinstance(node, Comparison):
            column = "t.tag_value" if node.key.name == "context" else f"d.{node.key.name}"
            if node.operator in _NULL_TESTS:
                return f"{column} {node.operator}"
            return text_condition(self.dialect, self.parameters, column, node)
        assert isinstance(node, (And, Or))
        if level == _MAX_NESTING:
            rows = " AND ".join([*self.scope, self._dataset_condition(node, 0)])
            source = f"inputs i {_DATASET_JOINS} JOIN {self.tables.table} r ON r.id = i.run"
            return f"i.id IN (SELECT id FROM {self._table_before(f'SELECT i.id FROM {source} WHERE {rows}')})"
        parts = []
        for part in node.parts:
            parts.append(self._dataset_condition(part, level + 1))  # noqa: PERF401  # one frame a level
        return f"({(' AND ' if isinstance(node, And) else ' OR ').join(parts)})"


def _not(condition: str, *, negated: bool) -> str:
    return f"NOT {condition}" if negated else condition


def _constant(value: bool) -> str:  # noqa: FBT001
    return f"({TRUE if value else FALSE})"


def _whole(node: Comparison) -> Comparison:
    """The comparison of a count, whose numbers were read as those of a metric."""
    if isinstance(node.value, tuple):
        values = tuple(int(v) if isinstance(v, float) and v.is_integer() else v for v in node.value)
        return Comparison(node.key, node.operator, values)  # type: ignore[arg-type]
    value = node.value
    return Comparison(node.key, node.operator, int(value) if isinstance(value, float) and value.is_integer() else value)


def metric_key_names(key: Key, names: Mapping[str, int]) -> tuple[str | None, str | None]:
    """The literal and the plain metric of a key, as far as they were ever logged."""
    literal = key.literal if key.literal in names else None
    return literal, key.name if key.name in names else None
