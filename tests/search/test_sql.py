"""The search contract over SQLite, in each of the forms that a statement takes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runebook.search.evaluate import matches, ordered
from runebook.search.order_by import parse_order_by
from runebook.search.tree import Node
from runebook.search.vocabulary import RUNS
from runebook.storage.sql import search as sql_search
from runebook.storage.sql.search import Search, search_ids
from runebook.storage.sql.search_tables import RUN_TABLES
from runebook.testing.search_contract import SearchContract
from runebook.testing.search_records import RunCase, RunCaseRecord

from .sql_backend import SqlBackend, sqlite_connection
from .strategies import ORDER_CLAUSES, RUN_SETS, TREES


class TestSearchOfOneExperiment(SearchContract):
    """Orders by a metric, param or tag start from its table; few rows of a clause start from the clause's."""

    @pytest.fixture
    def backend(self) -> SqlBackend:
        return SqlBackend(sqlite_connection())


class TestSearchWithoutStartingFromAClause(SearchContract):
    """As if every clause selected many rows."""

    @pytest.fixture
    def backend(self, monkeypatch: pytest.MonkeyPatch) -> SqlBackend:
        monkeypatch.setattr(sql_search, "_FEW", -1)
        return SqlBackend(sqlite_connection())


class TestSearchOfSeveralExperiments(SearchContract):
    """Every statement starts from the runs."""

    @pytest.fixture
    def backend(self) -> SqlBackend:
        return SqlBackend(sqlite_connection(), experiments=(0, 1))


@pytest.fixture(scope="module")
def shared() -> SqlBackend:
    return SqlBackend(sqlite_connection())


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
