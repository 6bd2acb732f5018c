from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pymysql
import pytest
from tests.storage.servers import MariadbServer, PostgresqlServer

from runebook.core.errors import NotSupported, TemporarilyUnavailable
from runebook.core.params import Param
from runebook.core.tags import Tag
from runebook.storage.base import TransactionConflict
from runebook.storage.sql import connections
from runebook.storage.sql.connections import MAX_CONNECTIONS, ServerDatabase, SqliteFile
from runebook.storage.sql.session import Session
from runebook.storage.sql.storage import SqlStorage
from runebook.testing.records import add_run, history, log, metric
from runebook.testing.transactions import in_threads

WRITER = """
import sys
from runebook.storage.sql.storage import SqlStorage
from runebook.testing.records import log, metric
from runebook.testing.transactions import retried
storage = SqlStorage.open(sys.argv[1], artifact_root="/artifacts")
for step in range(25):
    retried(lambda: log(storage, sys.argv[2], [metric(sys.argv[3], 1.0, step), metric("shared", 1.0, step)]))
storage.close()
"""


def one(session: Session) -> int:
    row = session.fetch_one("SELECT 1")
    assert row is not None
    return int(row[0])


def test_processes_that_write_one_run_lose_nothing(empty_uri: str) -> None:
    storage = SqlStorage.open(empty_uri, artifact_root="/artifacts")
    run_id = add_run(storage)
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER, empty_uri, run_id, f"m{number}"], stderr=subprocess.PIPE)
        for number in range(4)
    ]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    histories = [[step for _, step, _ in history(storage, run_id, f"m{number}")] for number in range(4)]
    with storage.read() as tx:
        shown = {found.key: found.step for found in tx.runs.get(run_id).data.metrics}
    storage.close()

    assert errors == [b""] * 4
    assert histories == [list(range(25))] * 4
    assert shown == {"shared": 24, "m0": 24, "m1": 24, "m2": 24, "m3": 24}


def test_a_reader_does_not_wait_for_a_writer_and_sees_the_state_before(empty_uri: str) -> None:
    storage = SqlStorage.open(empty_uri, artifact_root="/artifacts")
    run_id = add_run(storage)
    with storage.write() as writer:
        writer.params.add({run_id: [Param(key="p", value="1")]})
        with storage.read() as reader:
            assert reader.runs.get(run_id).data.params == []
    storage.close()


def test_a_read_transaction_sees_one_state_throughout(empty_uri: str) -> None:
    storage = SqlStorage.open(empty_uri, artifact_root="/artifacts")
    run_id = add_run(storage)
    with storage.read() as reader:
        before = reader.runs.get(run_id)
        log(storage, run_id, [metric("m", 1.0)])
        assert reader.runs.get(run_id) == before
        assert reader.metrics.history(run_id, "m").items == []
    assert len(history(storage, run_id, "m")) == 1
    storage.close()


def test_a_read_transaction_of_a_server_cannot_write(empty_server_uri: str) -> None:
    storage = SqlStorage.open(empty_server_uri, artifact_root="/artifacts")
    with pytest.raises((psycopg.Error, pymysql.Error)), storage.read() as tx:
        tx.experiments.create("e", None, "/artifacts", [], 1)
    storage.close()


def test_another_process_that_holds_the_write_lock_too_long_is_a_conflict(
    sqlite_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WAIT_SECONDS", 0.2)
    one_opener, other = (SqlStorage.open(sqlite_uri, artifact_root="/artifacts") for _ in range(2))
    with one_opener.write(), pytest.raises(TransactionConflict, match="locked"):
        add_run(other)
    add_run(other)
    one_opener.close()
    other.close()


def test_threads_share_at_most_eight_connections(empty_server_uri: str) -> None:
    storage = SqlStorage.open(empty_server_uri, artifact_root="/artifacts")
    database = storage.database
    assert isinstance(database, ServerDatabase)
    at_once = threading.Barrier(MAX_CONNECTIONS)
    query = {
        "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()",
        "mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE()",
    }[database.dialect.name]
    counts: list[int] = []

    def work(_: int) -> None:
        with database.reading() as session:
            at_once.wait(20)  # as many as may hold a connection do so, and no more
            row = session.fetch_one(query)
            assert row is not None
            counts.append(row[0])

    in_threads(3 * MAX_CONNECTIONS, work)
    storage.close()

    assert len(counts) == 3 * MAX_CONNECTIONS
    assert max(counts) == MAX_CONNECTIONS


def test_a_stale_connection_is_replaced(empty_server_uri: str) -> None:
    storage = SqlStorage.open(empty_server_uri, artifact_root="/artifacts")
    run_id = add_run(storage)
    _end_connections_of_others(empty_server_uri)
    log(storage, run_id, [metric("m", 1.0)])
    _end_connections_of_others(empty_server_uri)
    assert len(history(storage, run_id, "m")) == 1
    storage.close()


def test_a_connection_lost_in_a_transaction_is_an_outage_and_leaves_no_trace(empty_server_uri: str) -> None:
    storage = SqlStorage.open(empty_server_uri, artifact_root="/artifacts")
    run_id = add_run(storage)

    def work() -> None:
        with storage.write() as tx:
            tx.params.add({run_id: [Param(key="p", value="1")]})
            _end_connections_of_others(empty_server_uri)
            tx.params.add({run_id: [Param(key="q", value="1")]})

    with pytest.raises(TemporarilyUnavailable):
        work()
    with storage.read() as tx:
        assert tx.runs.get(run_id).data.params == []
    storage.close()


def _end_connections_of_others(uri: str) -> None:
    if uri.startswith("postgresql"):
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        return
    with pymysql.connect(unix_socket=uri.partition("unix_socket=")[2], user="root", autocommit=True) as connection:
        cursor = connection.cursor()
        name = uri.partition("?")[0].rpartition("/")[2]
        cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", [name])
        for (process,) in cursor.fetchall():
            cursor.execute(f"KILL {process}")


def test_nothing_of_a_session_outlives_a_transaction(postgresql: PostgresqlServer) -> None:
    """A pooler in transaction mode hands the next transaction another backend."""
    storage = SqlStorage.open(postgresql.new_database(), artifact_root="/artifacts")
    settings = "SELECT CAST(name AS text) FROM pg_settings WHERE source = 'session'"
    with storage.database.reading() as session:
        before = session.fetch(settings)
    run_id = add_run(storage)
    for step in range(12):
        log(storage, run_id, [metric("m", 1.0, step), metric("n", 1.0, step)])
        assert len(history(storage, run_id, "m")) == step + 1
    with storage.database.reading() as session:
        assert session.fetch("SELECT CAST(name AS text) FROM pg_prepared_statements") == []
        assert session.fetch("SELECT CAST(name AS text) FROM pg_cursors WHERE is_holdable") == []
        assert session.fetch("SELECT pid FROM pg_locks WHERE locktype = 'advisory'") == []
        assert session.fetch(settings) == before
    storage.close()


def test_a_database_that_is_not_utf8_is_refused(postgresql: PostgresqlServer) -> None:
    uri = postgresql.new_database()
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    name = uri.partition("?")[0].rpartition("/")[2]
    with pytest.raises(NotSupported, match="not UTF8"):
        SqlStorage.open(uri.replace(f"/{name}?", "/latin?"), artifact_root="/artifacts")


def test_the_session_settings_of_mariadb_keep_values_whole(mariadb: MariadbServer) -> None:
    storage = SqlStorage.open(mariadb.new_database(), artifact_root="/artifacts")
    with storage.database.reading() as session:
        row = session.fetch_one("SELECT @@sql_mode")
    storage.close()

    assert row is not None
    assert {"STRICT_TRANS_TABLES", "ANSI_QUOTES", "NO_AUTO_VALUE_ON_ZERO"} <= set(row[0].split(","))


def test_a_file_of_sqlite_is_durable_and_lets_readers_pass(sqlite_uri: str) -> None:
    storage = SqlStorage.open(sqlite_uri, artifact_root="/artifacts")
    with storage.database.writing() as session:
        assert session.fetch("PRAGMA synchronous") == [(2,)]
        assert session.fetch("PRAGMA journal_mode") == [("wal",)]
    storage.close()


def test_a_closed_store_says_so(empty_uri: str) -> None:
    storage = SqlStorage.open(empty_uri, artifact_root="/artifacts")
    storage.close()
    for transaction in (storage.read, storage.write):
        with pytest.raises(TemporarilyUnavailable, match="closed"), transaction():
            pass


def test_a_reader_that_failed_gives_its_connection_back(tmp_path: Path) -> None:
    database = SqliteFile(str(tmp_path / "a.db"))
    for _ in range(2 * MAX_CONNECTIONS):
        with pytest.raises(ZeroDivisionError), database.reading():
            _ = 1 / 0
    with database.reading() as session:
        assert one(session) == 1
    database.close()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_store_whose_file_is_gone_says_so_instead_of_writing_to_nowhere(tmp_path: Path, replaced: bool) -> None:
    path = tmp_path / "store.db"
    storage = SqlStorage.open(f"sqlite:///{path}", artifact_root=str(tmp_path))
    run_id = add_run(storage)
    kept = path.rename(tmp_path / "kept.db")
    if replaced:
        path.write_bytes(b"")

    with pytest.raises(TemporarilyUnavailable, match="removed or replaced"), storage.write() as tx:
        tx.tags.set({run_id: [Tag(key="a", value="b")]})

    kept.replace(path)
    with storage.write() as tx:
        tx.tags.set({run_id: [Tag(key="a", value="b")]})
    storage.close()
