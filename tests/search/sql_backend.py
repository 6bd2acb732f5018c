"""The search contract's backend over the tables of the SQL store, filled by plain inserts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from runebook.search.evaluate import MetricFacts
from runebook.search.numbers import number_in
from runebook.search.order_by import parse_order_by
from runebook.search.parser import parse_filter
from runebook.search.vocabulary import LIFECYCLE_STAGES, RUN_STATUSES, RUNS
from runebook.storage.sql.dialects import SQLITE, Dialect
from runebook.storage.sql.schema import TABLES
from runebook.storage.sql.search import Search, search_ids
from runebook.storage.sql.search_tables import RUN_TABLES
from runebook.storage.sql.search_values import kind_of
from runebook.testing.search_records import RunCase, facts_of

CASES = ("names", "runs", "params", "tags", "metric_summaries", "datasets", "inputs", "input_tags")


@contextmanager
def sqlite_backend(experiments: tuple[int, ...] = (0,)) -> Iterator[SqlBackend]:
    """Empty tables of SQLite in memory."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("PRAGMA case_sensitive_like = ON")
        for table in TABLES:
            for statement in SQLITE.create(table):
                connection.execute(statement)
        yield SqlBackend(connection, experiments=experiments)


class SqlBackend:
    """`experiments` are those that are searched; cases go to the first."""

    def __init__(self, connection: Any, dialect: Dialect = SQLITE, experiments: tuple[int, ...] = (0,)) -> None:
        self.connection = connection
        self.dialect = dialect
        self.experiments = experiments
        self.ids = dict.fromkeys(CASES, 0)
        self.names: dict[str, int] = {}
        self.run_ids: dict[int, str] = {}
        self.statements: list[str] = []

    def clear(self) -> None:
        for table in CASES:
            self.connection.cursor().execute(f"DELETE FROM {table}")
        self.ids, self.names, self.run_ids = dict.fromkeys(CASES, 0), {}, {}

    def execute(self, sql: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        self.statements.append(sql)
        cursor = self.connection.cursor()
        cursor.execute(self.dialect.bound(sql), dict(parameters))
        return list(cursor.fetchall())

    def insert(self, table: str, **values: object) -> None:
        columns = ", ".join(f'"{column}"' for column in values)
        marks = ", ".join([self.dialect.mark] * len(values))
        sql = f"INSERT INTO {table} ({columns}) VALUES ({marks})"
        self.connection.cursor().execute(sql, list(values.values()))

    def next_id(self, table: str) -> int:
        self.ids[table] += 1
        return self.ids[table]

    def name(self, name: str) -> int:
        if name not in self.names:
            self.names[name] = self.next_id("names")
            self.insert("names", id=self.names[name], name=name)
        return self.names[name]

    def log(self, runs: Sequence[RunCase]) -> None:
        for case in runs:
            self.log_one(case, self.experiments[0])

    def log_one(self, case: RunCase, experiment: int) -> None:
        run = self.next_id("runs")
        self.run_ids[run] = case.run_id
        self.insert(
            "runs",
            id=run,
            run_id=case.run_id,
            experiment_id=experiment,
            run_name=case.run_name,
            user_id=case.user_id,
            status=RUN_STATUSES.index(case.status) + 1,
            start_time=case.start_time,
            end_time=case.end_time,
            lifecycle_stage=LIFECYCLE_STAGES.index(case.lifecycle_stage),
            artifact_uri=f"file:///artifacts/{case.run_id}",
            deleted_with_experiment=0,
        )
        owner = {"run": run, "experiment_id": experiment}
        for table, values in (("params", case.params), ("tags", case.tags)):
            for key, text in values.items():
                self.insert(table, **owner, name_id=self.name(key), value=text, number=number_in(text))
        for key, points in case.metrics.items():
            if points:
                summary = summary_columns(facts_of(points), len(points))
                self.insert("metric_summaries", **owner, name_id=self.name(key), **summary)
        self.log_datasets(case, run, experiment)

    def log_datasets(self, case: RunCase, run: int, experiment: int) -> None:
        for facts in case.datasets:
            where = {"experiment": experiment, "name": facts.name, "digest": facts.digest}
            same = "experiment_id = :experiment AND name = :name AND digest = :digest"
            found = self.execute(f"SELECT id FROM datasets WHERE {same}", where)
            dataset = found[0][0] if found else self.next_id("datasets")
            if not found:
                described = {"name": facts.name, "digest": facts.digest, "source_type": "local", "source": "x"}
                self.insert("datasets", id=dataset, experiment_id=experiment, **described)
            entry = self.next_id("inputs")
            self.insert("inputs", id=entry, run=run, dataset_id=dataset)
            if facts.context is not None:
                self.insert("input_tags", input_id=entry, tag_key="mlflow.data.context", tag_value=facts.context)

    def search(
        self, filter_text: str, order_by: Sequence[str], max_results: int = 1000, page_token: str | None = None
    ) -> tuple[list[str], str | None]:
        tree, order = parse_filter(filter_text, RUNS), parse_order_by(order_by, RUNS)
        search = Search(RUN_TABLES, tree, order, self.experiments, None)
        ids, token = search_ids(self.execute, self.dialect, search, max_results, page_token)
        return [self.run_ids[run] for run in ids], token


def summary_columns(facts: MetricFacts, points: int) -> dict[str, object]:
    values: dict[str, object] = {"points": points, "last_step": points - 1, "first_step": 0}
    values |= {"last_time": 0, "first_time": 0}
    for name in ("last", "min", "max", "first"):
        value = getattr(facts, name)
        kind = 2 if value != value else kind_of(value)
        values |= {f"{name}_value": 0.0 if kind else value, f"{name}_kind": kind}
    return values
