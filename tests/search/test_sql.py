"""The search contract over SQLite, in each of the forms that a statement takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runebook.core.limits import MAX_FILTER_CLAUSES, MAX_ORDER_BY
from runebook.search.evaluate import matches, ordered
from runebook.search.order_by import parse_order_by
from runebook.search.parser import parse_filter
from runebook.search.tree import Node
from runebook.search.vocabulary import RUNS
from runebook.storage.sql import search as sql_search
from runebook.storage.sql.search import Search, search_ids
from runebook.storage.sql.search_tables import RUN_TABLES
from runebook.testing.search_cases import RUNS as CASES
from runebook.testing.search_contract import SearchContract
from runebook.testing.search_records import RunCase, RunCaseRecord

from .sql_backend import SqlBackend, sqlite_backend
from .strategies import ORDER_CLAUSES, RUN_SETS, TREES


class TestSearchOfOneExperiment(SearchContract):
    """Orders by a metric, param or tag start from its table; few rows of a clause start from the clause's."""

    @pytest.fixture
    def backend(self) -> Iterator[SqlBackend]:
        with sqlite_backend() as empty:
            yield empty


class TestSearchWithoutStartingFromAClause(SearchContract):
    """As if every clause selected many rows."""

    @pytest.fixture
    def backend(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlBackend]:
        monkeypatch.setattr(sql_search, "_FEW", -1)
        with sqlite_backend() as empty:
            yield empty


class TestSearchOfSeveralExperiments(SearchContract):
    """Every statement starts from the runs."""

    @pytest.fixture
    def backend(self) -> Iterator[SqlBackend]:
        with sqlite_backend((0, 1)) as empty:
            yield empty


@pytest.fixture
def empty() -> Iterator[SqlBackend]:
    with sqlite_backend() as backend:
        yield backend


HALF = MAX_FILTER_CLAUSES // 2


@pytest.mark.parametrize(
    "text",
    [
        "(run_id = 'a1' OR NOT " * HALF + "run_id = 'b2'" + ")" * HALF,
        "(metrics.loss > 1 OR params.lr = '9' AND NOT " * 80 + "status = 'FAILED'" + ")" * 80,
        "(dataset.name = 'mnist' OR dataset.name = 'b' AND " * 80 + "dataset.name LIKE 'c%'" + ")" * 80,
        " AND ".join(["NOT metrics.loss.min > 5"] * MAX_FILTER_CLAUSES),
        " AND ".join(["dataset.name != 'mnist'"] * MAX_FILTER_CLAUSES),
        "run_id IN (" + "'a1', " * 2000 + ")",
    ],
)
def test_the_largest_filters_are_compiled(text: str, empty: SqlBackend) -> None:
    empty.log(CASES)
    tree = parse_filter(text, RUNS)
    expected = [case.run_id for case in CASES if matches(tree, RunCaseRecord(case))]
    assert sorted(empty.search(text, [])[0]) == expected


def test_the_longest_order_is_compiled_and_paged(empty: SqlBackend) -> None:
    keys = [f"metrics.m{index}" for index in range(MAX_ORDER_BY)]
    empty.log([RunCase(f"r{index}", metrics={key[8:]: [float(index % 3)] for key in keys}) for index in range(6)])
    first, token = empty.search("", keys, 3)
    rest, _ = empty.search("", keys, 3, token)
    assert first + rest == ["r0", "r3", "r1", "r4", "r2", "r5"]


def test_a_page_ordered_by_a_metric_reads_its_index_in_order(empty: SqlBackend) -> None:
    empty.log(CASES)
    empty.search("", ["metrics.loss DESC"], 2)
    ordered_by_metric = [sql for sql in empty.statements if "f.last_value DESC" in sql]
    values = dict.fromkeys([f"p{index}" for index in range(1, 9)], 1)
    plan = [row[3] for row in empty.connection.execute("EXPLAIN QUERY PLAN " + ordered_by_metric[0], values)]
    assert "INDEX metric_summaries_by_last (experiment_id=? AND name_id=? AND last_kind=?)" in plan[0]
    assert not any("USE TEMP B-TREE FOR ORDER BY" in step for step in plan)


@pytest.fixture(scope="module")
def shared() -> Iterator[SqlBackend]:
    with sqlite_backend() as empty:
        yield empty


@given(RUN_SETS, TREES, ORDER_CLAUSES, st.sampled_from([1, 2, 100]), st.sampled_from([-1, 2000]))
@settings(max_examples=300, deadline=None)
def test_sql_finds_what_the_evaluator_finds(
    shared: SqlBackend, runs: tuple[RunCase, ...], tree: Node, clauses: list[str], size: int, few: int
) -> None:
    shared.clear()
    shared.log(runs)
    order = parse_order_by(clauses, RUNS)
    records = [RunCaseRecord(run) for run in runs]
    expected = [record.case.run_id for record in ordered([r for r in records if matches(tree, r)], order)]

    search = Search(RUN_TABLES, tree, order, (0,), None)
    found, token = [], None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql_search, "_FEW", few)
        while True:
            ids, token = search_ids(shared.execute, shared.dialect, search, size, token)
            found += [shared.run_ids[run] for run in ids]
            if token is None:
                break

    assert found == expected
