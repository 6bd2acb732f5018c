"""Brings the schema of a store up to this release, step by step; `runebook db upgrade` calls it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from runebook.core.clock import now_ms
from runebook.core.errors import InvalidState
from runebook.storage.sql.connections import Database
from runebook.storage.sql.creation import VERSIONS, locked_schema, schema_version
from runebook.storage.sql.migrations import m0001_initial, m0002_writers
from runebook.storage.sql.migrations.step import Step
from runebook.storage.sql.session import Session
from runebook.storage.sql.uris import database

STEPS: tuple[Step, ...] = (m0001_initial.STEP, m0002_writers.STEP)
"""Every step of every release, in order."""


class PlannedStep(NamedTuple):
    """A step that a store lacks, with the statements that it will run there."""

    version: int
    name: str
    summary: str
    statements: tuple[str, ...]


def plan(uri: str) -> list[PlannedStep]:
    """What `upgrade` would do; nothing for a store that is up to date or empty.

    Raises:
        InvalidState: a newer release wrote the store, or the tables are not Runebook's.

    """
    db = database(uri)
    try:
        with db.reading() as session:
            version = schema_version(session)
        return [] if version is None else [_planned(step, db) for step in _missing(version)]
    finally:
        db.close()


def upgrade(uri: str) -> list[PlannedStep]:
    """Run the steps that a store lacks, each in a transaction, and return them. An empty store is made when opened.

    Safe when several processes do it at once, and to run again after it was cut off.

    Raises:
        InvalidState: a newer release wrote the store, or the tables are not Runebook's.

    """
    db = database(uri)
    try:
        return run_steps(db)
    finally:
        db.close()


def run_steps(db: Database, steps: Sequence[Step] = STEPS, *, from_nothing: bool = False) -> list[PlannedStep]:
    """Run the steps that are missing. `from_nothing` runs the first ones too, on a database without a schema."""
    done: list[PlannedStep] = []
    while True:
        with locked_schema(db) as session:
            version = schema_version(session)
            if version is None and not from_nothing:
                return done
            missing = _missing(version or 0, steps)
            if not missing:
                return done
            step = missing[0]
            _run(session, step)
        done.append(_planned(step, db))


def _run(session: Session, step: Step) -> None:
    session.run(*step.statements(session.dialect))
    session.insert_missing(VERSIONS, [(step.version, step.name, now_ms())])


def _missing(version: int, steps: Sequence[Step] = STEPS) -> list[Step]:
    newest = steps[-1].version
    if version > newest:
        raise InvalidState(
            f"The store's schema has version {version}, and this Runebook knows versions up to {newest}:"
            " a newer release wrote it. Upgrade Runebook."
        )
    return [step for step in steps if step.version > version]


def _planned(step: Step, db: Database) -> PlannedStep:
    return PlannedStep(step.version, step.name, step.summary, tuple(step.statements(db.dialect)))
