"""The servers find what the evaluator finds, as `tests/search` shows of SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pymysql
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.search.sql_backend import SqlBackend
from tests.search.strategies import ORDER_CLAUSES, RUN_SETS, TREES
from tests.storage.servers import MariadbServer, PostgresqlServer

from runebook.search.evaluate import matches, ordered
from runebook.search.order_by import parse_order_by
from runebook.search.tree import Node
from runebook.search.vocabulary import RUNS
from runebook.storage.sql import search as sql_search
from runebook.storage.sql.dialects import MARIADB, POSTGRESQL, Mysql
from runebook.storage.sql.search import Search, search_ids
from runebook.storage.sql.search_tables import RUN_TABLES
from runebook.storage.sql.storage import SqlStorage
from runebook.testing.search_records import RunCase, RunCaseRecord


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def connected(request: pytest.FixtureRequest) -> Iterator[SqlBackend]:
    server: PostgresqlServer | MariadbServer = request.getfixturevalue(request.param)
    uri = server.new_database()
    SqlStorage.open(uri, artifact_root="/artifacts").close()
    if isinstance(server, PostgresqlServer):
        with psycopg.connect(uri, autocommit=True) as connection:
            yield SqlBackend(connection, POSTGRESQL)
        return
    name = uri.partition("?")[0].rpartition("/")[2]
    with pymysql.connect(
        unix_socket=uri.partition("unix_socket=")[2],
        user="root",
        database=name,
        charset="utf8mb4",
        sql_mode=Mysql.sql_mode,
    ) as connection:
        yield SqlBackend(connection, MARIADB)


@given(RUN_SETS, TREES, ORDER_CLAUSES, st.sampled_from([1, 2, 100]), st.sampled_from([-1, 2000]))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_server_finds_what_the_evaluator_finds(
    connected: SqlBackend, runs: tuple[RunCase, ...], tree: Node, clauses: list[str], size: int, few: int
) -> None:
    order = parse_order_by(clauses, RUNS)
    records = [RunCaseRecord(run) for run in runs]
    expected = [record.case.run_id for record in ordered([r for r in records if matches(tree, r)], order)]

    cursor: Any = connected.connection.cursor()
    cursor.execute("BEGIN")
    try:
        connected.clear()
        connected.log(runs)
        found = _all_pages(connected, Search(RUN_TABLES, tree, order, (0,), None), size, few)
    finally:
        cursor.execute("ROLLBACK")

    assert found == expected


def _all_pages(backend: SqlBackend, search: Search, size: int, few: int) -> list[str]:
    found, token = [], None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql_search, "_FEW", few)
        while True:
            ids, token = search_ids(backend.execute, backend.dialect, search, size, token)
            found += [backend.run_ids[run] for run in ids]
            if token is None:
                return found
