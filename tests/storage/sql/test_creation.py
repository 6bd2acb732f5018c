from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from runebook.core.errors import InvalidState
from runebook.storage.sql.creation import ensure_schema
from runebook.storage.sql.migrations.runner import STEPS, plan, run_steps, upgrade
from runebook.storage.sql.migrations.step import Step
from runebook.storage.sql.schema import SCHEMA_VERSION, TABLES
from runebook.storage.sql.storage import SqlStorage
from runebook.storage.sql.uris import database

from .introspection import described

OPENER = """
import sys
from runebook.storage.sql.storage import SqlStorage
sys.stdin.readline()
storage = SqlStorage.open(sys.argv[1], artifact_root="/artifacts")
with storage.write() as tx:
    print(tx.experiments.create(sys.argv[2], None, "/artifacts", [], 1))
storage.close()
"""


def set_version(uri: str, version: int) -> None:
    db = database(uri)
    with db.writing() as session:
        session.execute("UPDATE schema_version SET version = :version", version=version)
    db.close()


def test_the_fresh_schema_equals_the_migrated_one(empty_uri: str) -> None:
    db = database(empty_uri)
    db.prepare()
    steps = run_steps(db, from_nothing=True)
    migrated = described(db)
    with db.writing() as session:
        for table in TABLES:
            session.run(f'DROP TABLE "{table.name}"')
    ensure_schema(db, "/artifacts")
    fresh = described(db)
    db.close()

    assert [step.version for step in steps] == list(range(1, SCHEMA_VERSION + 1))
    assert len(fresh) > len(TABLES)
    assert migrated == fresh


def test_steps_are_numbered_without_gaps_up_to_the_schema_of_this_release() -> None:
    assert [step.version for step in STEPS] == list(range(1, SCHEMA_VERSION + 1))


def test_many_processes_may_open_an_empty_database_at_once(empty_uri: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPENER, empty_uri, f"e{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(5)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in processes]

    assert [error for _, error in answers] == [""] * 5
    assert len({experiment_id for experiment_id, _ in answers}) == 5
    storage = SqlStorage.open(empty_uri, artifact_root="/artifacts")
    with storage.read() as tx:
        assert tx.experiments.get("0").name == "Default"
    storage.close()


def test_a_creation_that_was_cut_off_is_completed(empty_uri: str) -> None:
    db = database(empty_uri)
    db.prepare()
    if db.dialect.transactional_ddl:
        with pytest.raises(ZeroDivisionError):
            _create_some_tables(empty_uri, fail=True)
    else:
        _create_some_tables(empty_uri, fail=False)
    ensure_schema(db, "/artifacts")
    complete = described(db)
    db.close()
    storage = SqlStorage.open(empty_uri, artifact_root="/artifacts")
    with storage.read() as tx:
        assert tx.experiments.get("0").name == "Default"
    storage.close()

    assert {table.name for table in TABLES} <= {str(part) for row in complete for part in row}


def _create_some_tables(uri: str, *, fail: bool) -> None:
    db = database(uri)
    tables = sorted(TABLES, key=lambda table: table.name != "schema_version")
    try:
        with db.writing() as session:
            for table in tables[:7]:
                session.run(*session.dialect.create(table))
            if fail:
                _ = 1 / 0
    finally:
        db.close()


def test_a_store_of_a_newer_release_is_refused(empty_uri: str) -> None:
    SqlStorage.open(empty_uri, artifact_root="/artifacts").close()
    set_version(empty_uri, SCHEMA_VERSION + 1)

    for work in (lambda: SqlStorage.open(empty_uri, artifact_root="/a"), lambda: plan(empty_uri)):
        with pytest.raises(InvalidState, match="a newer release wrote it"):
            work()


def test_a_store_of_an_older_release_says_how_to_upgrade(sqlite_uri: str) -> None:
    SqlStorage.open(sqlite_uri, artifact_root="/artifacts").close()
    set_version(sqlite_uri, 0)

    with pytest.raises(InvalidState, match="runebook db upgrade"):
        SqlStorage.open(sqlite_uri, artifact_root="/artifacts")


def test_an_upgrade_runs_the_missing_steps_once_and_the_plan_tells_them_before(empty_uri: str) -> None:
    storage = SqlStorage.open(empty_uri, artifact_root="/artifacts")
    assert plan(empty_uri) == upgrade(empty_uri) == []
    notes = Step(SCHEMA_VERSION + 1, "notes", "Add notes.", lambda _: ["CREATE TABLE notes (id BIGINT PRIMARY KEY)"])
    more = Step(SCHEMA_VERSION + 2, "more", "Add more.", lambda _: ["CREATE TABLE more (id BIGINT PRIMARY KEY)"])
    done = run_steps(storage.database, (*STEPS, notes))
    done += run_steps(storage.database, (*STEPS, notes, more))
    with storage.database.reading() as session:
        versions = session.fetch("SELECT version, name FROM schema_version ORDER BY version")
        assert session.fetch("SELECT * FROM notes") == session.fetch("SELECT * FROM more") == []
    storage.close()

    assert [step.name for step in done] == ["notes", "more"]
    assert done[0].statements == ("CREATE TABLE notes (id BIGINT PRIMARY KEY)",)
    assert versions == [(SCHEMA_VERSION, "created"), (SCHEMA_VERSION + 1, "notes"), (SCHEMA_VERSION + 2, "more")]


def test_an_upgrade_leaves_an_empty_database_empty(sqlite_uri: str) -> None:
    assert plan(sqlite_uri) == upgrade(sqlite_uri) == []


def test_a_step_that_fails_leaves_no_trace(sqlite_uri: str) -> None:
    storage = SqlStorage.open(sqlite_uri, artifact_root="/artifacts")
    before = described(storage.database)
    broken = Step(SCHEMA_VERSION + 1, "broken", "Break.", lambda _: ["CREATE TABLE half (id BIGINT)", "NONSENSE"])
    with pytest.raises(sqlite3.OperationalError):
        run_steps(storage.database, (*STEPS, broken))

    assert described(storage.database) == before
    storage.close()


@pytest.mark.parametrize(("marker", "whose"), [("alembic_version", "MLflow"), ("other", "another program")])
def test_a_database_with_foreign_tables_of_our_names_is_refused(tmp_path: Path, marker: str, whose: str) -> None:
    with sqlite3.connect(tmp_path / "foreign.db") as connection:
        connection.execute("CREATE TABLE experiments (experiment_id INTEGER)")
        connection.execute(f"CREATE TABLE {marker} (version_num TEXT)")
    connection.close()

    with pytest.raises(InvalidState, match=f"tables of {whose}, such as 'experiments'"):
        SqlStorage.open(f"sqlite:///{tmp_path}/foreign.db", artifact_root="/artifacts")


def test_a_database_with_unrelated_tables_is_shared(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shared.db") as connection:
        connection.execute("CREATE TABLE birds (name TEXT)")
    connection.close()

    storage = SqlStorage.open(f"sqlite:///{tmp_path}/shared.db", artifact_root="/artifacts")
    with storage.read() as tx:
        assert tx.experiments.get("0").name == "Default"
    storage.close()
