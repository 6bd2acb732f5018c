from __future__ import annotations

from tests.storage.servers import PostgresqlServer

from runebook.core.params import Param
from runebook.core.tags import Tag
from runebook.search.order_by import parse_order_by
from runebook.search.parser import parse_filter
from runebook.search.vocabulary import RUNS
from runebook.storage.sql.connections import SqliteMemory
from runebook.storage.sql.creation import ensure_schema
from runebook.storage.sql.dialects import Sqlite
from runebook.storage.sql.search import Search, page_statement
from runebook.storage.sql.search_tables import RUN_TABLES
from runebook.storage.sql.storage import SqlStorage
from runebook.testing.records import add_run, everything, log, log_params, metric, used


class CountingSqlite(Sqlite):
    count = 0

    def bound(self, sql: str) -> str:
        self.count += 1
        return super().bound(sql)


def test_a_page_of_any_size_takes_the_same_number_of_statements() -> None:
    database = SqliteMemory()
    counting = CountingSqlite()
    database.dialect = counting
    ensure_schema(database, "/artifacts")
    storage = SqlStorage(database, "/artifacts")
    for number in range(300):
        run_id = add_run(storage, tags=[Tag(key="t", value="1")])
        log(storage, run_id, [metric("m", float(number)), metric("n", 1.0)])
        log_params(storage, run_id, [Param(key="p", value=str(number))])
        with storage.write() as tx:
            tx.datasets.log_inputs(run_id, [used("iris", context="train")], [])
    counts = []
    for size in (1, 3, 299, 1000):
        counting.count = 0
        with storage.read() as tx:
            query = everything(size)._replace(filter="tags.t = '1'", order_by=["metrics.m DESC"])
            assert len(tx.runs.search(["0"], query).items) == min(size, 300)
        counts.append(counting.count)
    storage.close()

    assert max(counts[:3]) <= 14
    assert counts[0] == counts[1] == counts[2]


def test_postgresql_makes_no_joins_of_the_clauses_of_a_filter(postgresql: PostgresqlServer) -> None:
    storage = SqlStorage.open(postgresql.new_database(), artifact_root="/artifacts")
    tree = parse_filter(" AND ".join(f"metrics.m{number} > 0.1" for number in range(10)), RUNS)
    order = parse_order_by([], RUNS)
    with storage.write() as tx:
        names = tx.references.name_ids(f"m{number}" for number in range(10))
    statement = page_statement(storage.database.dialect, Search(RUN_TABLES, tree, order, (0,), (0,)), names, 10)
    with storage.read() as tx:
        plan = tx.db.fetch_with(f"EXPLAIN {statement.sql}", statement.parameters)
    storage.close()

    lines = [line for (line,) in plan]
    assert any("SubPlan 10" in line for line in lines)
    assert not any("Join" in line or "Nested Loop" in line for line in lines)
