"""Stores of earlier versions, brought up to this one."""

from __future__ import annotations

import math
import struct

import pytest
from backports import zstd

from runebook.core.errors import InvalidState
from runebook.storage.sql.connections import Database
from runebook.storage.sql.dialects import Rows
from runebook.storage.sql.migrations.runner import STEPS, plan, run_steps, upgrade
from runebook.storage.sql.storage import SqlStorage
from runebook.storage.sql.uris import database
from runebook.testing.records import history, log, metric

from .introspection import described

RUN = "a" * 32
FRAMES_1 = Rows("metric_frames", (), ("run", "writer", "sequence", "points", "folded_time", "payload"))
CHUNKS = Rows(
    "metric_chunks",
    ("run", "name_id", "number"),
    ("first_step", "last_step", "first_time", "last_time", "points", "payload"),
)


def payload_1(columns: str, points: list[tuple[float, ...]], *, compressed: bool = False) -> bytes:
    """As the first version wrote it."""
    body = b"".join(
        struct.pack(f"<{len(points)}{kind}", *column)
        for kind, column in zip(columns, zip(*points, strict=True), strict=True)
    )
    return struct.pack("<BBI", 1, int(compressed), len(points)) + (zstd.compress(body) if compressed else body)


def store_of_version_1(uri: str) -> Database:
    """A run with one series of five points: two of them folded, one with its writer's mark; three not yet."""
    db = database(uri)
    db.prepare()
    run_steps(db, STEPS[:1], from_nothing=True)
    with db.writing() as session:
        experiments = Rows("experiments", ("id",), ("name", "artifact_location", "lifecycle_stage", "creation_time"))
        experiments = experiments._replace(others=(*experiments.others, "last_update_time"))
        session.insert_with_id_zero(experiments, (0, "Default", "/artifacts/0", 0, 1, 1))
        columns = ("id", "experiment_id", "run_name", "user_id", "status", "start_time", "lifecycle_stage")
        runs = Rows("runs", ("run_id",), (*columns, "artifact_uri", "deleted_with_experiment"))
        session.insert(runs, [(RUN, 7, 0, "old", "ada", 1, 1, 0, "/artifacts/0/x", 0)])
        session.insert(Rows("names", ("id",), ("name",)), [(3, "loss"), (4, "other")])
        session.insert(
            FRAMES_1,
            [
                (7, "w", 1, 1, 1_700_000_000_000, None),
                (7, "w", 2, 2, 0, payload_1("qqqd", [(3, 3, 30, 7.0), (4, 1, 5, math.inf)])),
                (7, None, 0, 2, 0, payload_1("qqqd", [(3, 4, 40, math.nan), (3, 5, 50, 0.5)], compressed=True)),
            ],
        )
        session.insert(CHUNKS, [(7, 3, 0, 0, 2, 10, 20, 2, payload_1("qqd", [(0, 10, 9.0), (2, 20, 8.0)]))])
    return db


EXPECTED = [(10, 0, 9.0), (20, 2, 8.0), (30, 3, 7.0), (40, 4, math.nan), (50, 5, 0.5)]


def check_upgraded(uri: str) -> None:
    storage = SqlStorage.open(uri, artifact_root="/artifacts")
    assert repr(history(storage, RUN, "loss")) == repr(EXPECTED)
    assert history(storage, RUN, "other") == [(5, 1, math.inf)]
    with storage.write() as tx:
        tx.metrics.fold(RUN)
    log(storage, RUN, [metric("loss", 0.25, 6, 60)])
    assert repr(history(storage, RUN, "loss")) == repr([*EXPECTED, (60, 6, 0.25)])
    assert plan(uri) == []
    storage.close()


def test_a_store_of_version_1_keeps_every_point(empty_uri: str) -> None:
    store_of_version_1(empty_uri).close()
    with pytest.raises(InvalidState, match="runebook db upgrade"):
        SqlStorage.open(empty_uri, artifact_root="/artifacts")
    planned = plan(empty_uri)
    done = upgrade(empty_uri)

    assert [step.version for step in done] == list(range(2, len(STEPS) + 1))
    assert planned == done
    check_upgraded(empty_uri)


def run_and_fail(db: Database, statements: list[str]) -> None:
    with db.writing() as session:
        session.run(*statements)
        _ = 1 / 0


def test_an_upgrade_of_version_1_that_was_cut_off_is_completed(empty_uri: str) -> None:
    """Where DDL is not transactional, at every statement; elsewhere it leaves nothing."""
    db = store_of_version_1(empty_uri)
    statements = STEPS[1].statements(db.dialect)
    for count in range(1, len(statements) + 1):
        if db.dialect.transactional_ddl:
            before = described(db)
            with pytest.raises(ZeroDivisionError):
                run_and_fail(db, statements[:count])
            assert described(db) == before
        else:
            with db.writing() as session:
                session.run(*statements[:count])
    db.close()
    upgrade(empty_uri)

    check_upgraded(empty_uri)
