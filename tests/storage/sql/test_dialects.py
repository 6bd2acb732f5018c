from __future__ import annotations

import re
import sqlite3

import psycopg
import pymysql
import pytest
import sqlglot
from sqlglot import exp

from runebook.core.datasets import ModelInput, ModelOutput
from runebook.core.errors import InvalidParameterValue, TemporarilyUnavailable
from runebook.core.experiments import LifecycleStage, ViewType
from runebook.core.ids import WriterId
from runebook.core.logged_models import LoggedModelStatus
from runebook.core.params import Param
from runebook.core.runs import RunStatus
from runebook.core.tags import Tag
from runebook.storage.base import LoggedModelOrder, LoggedModelQuery, SearchQuery, StoredAnswer, TransactionConflict
from runebook.storage.sql.connections import SqliteMemory
from runebook.storage.sql.creation import ensure_schema
from runebook.storage.sql.dialects import MARIADB, MYSQL, POSTGRESQL, SQLITE, Dialect, Duplicate
from runebook.storage.sql.migrations.runner import STEPS
from runebook.storage.sql.mssql import MSSQL
from runebook.storage.sql.schema import TABLES
from runebook.storage.sql.storage import SqlStorage
from runebook.storage.writers import Lease
from runebook.testing.records import NOW_MS, add_experiment, add_model, add_run, log, metric, used

from .recording import RecordingSqlite

FILTERS = [
    "metrics.loss < 1 AND params.rate = '0.1'",
    "(tags.a LIKE '%x_' OR NOT params.rate > 3) AND attributes.run_name ILIKE 'A%'",
    "params.b IS NULL OR metrics.loss.min >= -1e300 OR run_id IN ('a', 'b')",
    "(dataset.name = 'iris' AND dataset.context = 'train') AND start_time > 5 AND duration < 9",
    "experiment_id LIKE '1%'",
]
ORDERS = [["metrics.loss DESC"], ["params.rate", "tags.a DESC"], ["metrics.loss.max"], ["end_time DESC", "run_name"]]


def said_by(dialect: Dialect) -> list[str]:
    """Every statement of a store that is used in every way, as the dialect says it; without those of transactions."""
    database = SqliteMemory()
    recording = RecordingSqlite(dialect)
    database.dialect = recording
    ensure_schema(database, "/artifacts")
    storage = SqlStorage(database, "/artifacts")
    _write_everything(storage)
    _read_everything(storage)
    storage.close()
    migrations = [statement for step in STEPS for statement in step.statements(dialect)]
    return [*recording.statements, *migrations, dialect.tables]


def _write_everything(storage: SqlStorage) -> None:
    experiment_id = add_experiment(storage, tags=[Tag(key="a", value="1")])
    run_id, model_id = add_run(storage, experiment_id, tags=[Tag(key="a", value="ax1")]), add_model(storage)
    for step in range(20):
        log(storage, run_id, [metric("loss", 0.5, step), metric("n", 1.0, step, model_id=model_id)])
    log(storage, run_id, [metric("loss", 0.25, 30)])
    storage.fold_step(5)
    with storage.write() as tx:
        infos = tx.runs.locked([run_id])
        tx.params.add({run_id: [Param(key="rate", value="0.1"), Param(key="b", value="x")]})
        tx.runs.save(infos.values())
        tx.writers.last_sequences([WriterId("w")])
        tx.writers.advance({WriterId("w"): 1}, NOW_MS)
        tx.leases.renew([Lease(run_id, WriterId("w"), NOW_MS)])
        tx.leases.release([(run_id, WriterId("w"))])
        tx.leases.clear([run_id])
        tx.tags.delete(run_id, "a")
        tx.runs.update(run_id, status=RunStatus.FINISHED, end_time=5, run_name="new")
        tx.datasets.log_inputs(run_id, [used("iris", context="train")], [ModelInput(model_id=model_id)])
        tx.datasets.log_outputs(run_id, [ModelOutput(model_id=model_id)])
        tx.logged_models.log_params(model_id, [Param(key="rate", value="1")], NOW_MS)
        tx.logged_models.set_tags(model_id, [Tag(key="a", value="1")], NOW_MS)
        tx.logged_models.delete_tag(model_id, "a", NOW_MS)
        tx.logged_models.set_status(model_id, LoggedModelStatus.READY, NOW_MS)
        tx.experiments.rename(experiment_id, "renamed", NOW_MS)
        tx.experiments.set_tag(experiment_id, Tag(key="b", value="1"), NOW_MS)
        tx.experiments.delete_tag(experiment_id, "b", NOW_MS)
        tx.idempotency.save("CreateRun", "key", StoredAnswer(b"", b""), NOW_MS)
    with storage.write() as tx:
        tx.leases.of([run_id])
        for stage in (LifecycleStage.DELETED, LifecycleStage.ACTIVE):
            tx.runs.set_stage(run_id, stage, NOW_MS)
            tx.experiments.set_stage(experiment_id, stage, NOW_MS)
        tx.params.add({run_id: [Param(key="rate", value="0.1")]})


def _read_everything(storage: SqlStorage) -> None:
    with storage.read() as tx:
        tx.idempotency.find("CreateRun", "key")
        tx.leases.expired(NOW_MS, 10)
        tx.experiments.get_by_name("renamed")
        tx.datasets.summaries(["0", "1"], 10)
        searches = [SearchQuery("name LIKE 'a%' AND tags.a = '1'", ["name"], ViewType.ALL, 5, None)]
        for search in searches:
            tx.experiments.search(search)
        for text in ["", *FILTERS]:
            for order in [[], *ORDERS]:
                page = tx.runs.search(["1"], SearchQuery(text, order, ViewType.ACTIVE_ONLY, 1, None))
                tx.runs.search(["0", "1"], SearchQuery(text, order, ViewType.ALL, 1, page.next_token and None))
        for run in tx.runs.search(["1"], SearchQuery("", [], ViewType.ALL, 5, None)).items:
            tx.metrics.history(run.info.run_id, "loss", max_results=3)
            tx.metrics.steps(run.info.run_id, "loss", 0, 5)
            tx.tags.get(run.info.run_id, "a")
        by_metric = LoggedModelOrder("metrics.n", ascending=False, dataset_name="d", dataset_digest=None)
        text = "metrics.n > 0 AND params.rate = '1' AND name LIKE 'n%'"
        for model in tx.logged_models.search(["0"], LoggedModelQuery(text, [by_metric], [("d", "x")], 5, None)).items:
            tx.logged_models.get(model.info.model_id)


@pytest.mark.parametrize(("dialect", "grammar"), [(MSSQL, "tsql"), (MYSQL, "mysql")], ids=["mssql", "mysql"])
def test_every_statement_is_in_the_grammar_of_a_database_that_is_not_run_here(dialect: Dialect, grammar: str) -> None:
    statements = said_by(dialect)
    unread = []
    unparsed = re.compile("IDENTITY_INSERT|^RENAME TABLE")
    for statement in statements:
        text = re.sub(r"(?<!:):[a-z_]\w*|%s", "?", statement)
        text = text.replace('"', "`") if grammar == "mysql" else text  # ANSI_QUOTES is on
        try:
            parsed = sqlglot.parse(text, read=grammar)
        except sqlglot.ParseError as error:
            unread.append((text, str(error)))
            continue
        if any(isinstance(tree, exp.Command) for tree in parsed) and not unparsed.search(text):
            unread.append((text, "not understood"))

    assert len(statements) > 150
    assert unread == []


def test_sql_server_is_spoken_to_in_its_own_words() -> None:
    said = "\n".join(said_by(MSSQL))

    for word in ("LIMIT", "ON CONFLICT", "AUTOINCREMENT", "FOR UPDATE", "substr(", "lower("):
        assert word not in said
    for word in ("MERGE INTO", "OUTPUT INSERTED.id", "WITH (UPDLOCK, ROWLOCK)", "FETCH NEXT", "TRANSLATE(", "LEFT("):
        assert word in said


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL, MYSQL, MARIADB, MSSQL], ids=lambda dialect: dialect.name)
def test_names_of_indexes_are_short_and_different(dialect: Dialect) -> None:
    names = [f"{table.name}_{index.name}" for table in TABLES for index in table.indexes]

    assert len(set(names)) == len(names)
    assert max(map(len, names)) < 60
    assert all(dialect.create(table) for table in TABLES)


def test_named_parameters_become_those_of_the_driver() -> None:
    sql = "SELECT a::text, ':no', '%' FROM t WHERE a = :one AND b LIKE :two_2"

    assert POSTGRESQL.bound(sql) == "SELECT a::text, ':no', '%%' FROM t WHERE a = %(one)s AND b LIKE %(two_2)s"
    assert SQLITE.bound(sql) == sql


class WithState(psycopg.Error):
    def __init__(self, sqlstate: str) -> None:
        super().__init__("of the server")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("dialect", "error", "meaning"),
    [
        (SQLITE, sqlite3.OperationalError("database is locked"), TransactionConflict),
        (SQLITE, sqlite3.OperationalError("database table is locked: runs"), TransactionConflict),
        (SQLITE, sqlite3.OperationalError("database or disk is full"), TemporarilyUnavailable),
        (SQLITE, sqlite3.OperationalError("attempt to write a readonly database"), TemporarilyUnavailable),
        (SQLITE, sqlite3.IntegrityError("UNIQUE constraint failed: runs.run_id"), Duplicate),
        (SQLITE, sqlite3.OperationalError("no such column: x"), None),
        (SQLITE, UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), InvalidParameterValue),
        (POSTGRESQL, WithState("40001"), TransactionConflict),
        (POSTGRESQL, WithState("40P01"), TransactionConflict),
        (POSTGRESQL, WithState("55P03"), TransactionConflict),
        (POSTGRESQL, WithState("57P01"), TemporarilyUnavailable),
        (POSTGRESQL, WithState("53300"), TemporarilyUnavailable),
        (POSTGRESQL, WithState("08006"), TemporarilyUnavailable),
        (POSTGRESQL, WithState("23505"), Duplicate),
        (POSTGRESQL, WithState("42703"), None),
        (POSTGRESQL, psycopg.OperationalError("connection to server lost"), TemporarilyUnavailable),
        (
            POSTGRESQL,
            psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"),
            InvalidParameterValue,
        ),
        (MARIADB, pymysql.OperationalError(1213, "Deadlock found"), TransactionConflict),
        (MARIADB, pymysql.OperationalError(1205, "Lock wait timeout exceeded"), TransactionConflict),
        (MARIADB, pymysql.OperationalError(2006, "gone away"), TemporarilyUnavailable),
        (MARIADB, pymysql.OperationalError(2013, "lost"), TemporarilyUnavailable),
        (MARIADB, pymysql.InterfaceError(0, ""), TemporarilyUnavailable),
        (MARIADB, pymysql.IntegrityError(1062, "Duplicate entry"), Duplicate),
        (MARIADB, pymysql.ProgrammingError(1064, "syntax"), None),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_what_an_error_of_a_driver_means(dialect: Dialect, error: Exception, meaning: type[Exception] | None) -> None:
    found = dialect.meaning(error)

    assert (None if found is None else type(found)) is meaning
