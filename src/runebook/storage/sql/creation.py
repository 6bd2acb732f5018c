"""The schema on first use: made in an empty database, checked in one that has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runebook.core.clock import now_ms
from runebook.core.errors import InvalidState
from runebook.core.ids import DEFAULT_EXPERIMENT_ID, DEFAULT_EXPERIMENT_NAME
from runebook.storage.base import TransactionConflict
from runebook.storage.sql.connections import Database
from runebook.storage.sql.dialects import Rows
from runebook.storage.sql.schema import ACTIVE, SCHEMA_VERSION, TABLES
from runebook.storage.sql.session import Session

VERSIONS = Rows("schema_version", ("version",), ("name", "applied"))
DEFAULT_EXPERIMENT = Rows(
    "experiments", ("id",), ("name", "artifact_location", "lifecycle_stage", "creation_time", "last_update_time")
)


def ensure_schema(db: Database, artifact_root: str) -> None:
    """Make the schema where there is none. Safe when many processes do it at once.

    Raises:
        InvalidState: the schema is of another release, or the tables are not Runebook's.

    """
    db.prepare()
    try:
        with db.reading() as session:
            version = schema_version(session)
    except TransactionConflict:  # the tables come into being under our eyes
        version = None
    if version is None:
        with locked_schema(db) as session:
            version = schema_version(session)  # another process may have made it meanwhile
            if version is None:
                _create(session, artifact_root)
                version = SCHEMA_VERSION
    if version > SCHEMA_VERSION:
        raise InvalidState(
            f"The store's schema has version {version}, and this Runebook knows versions up to {SCHEMA_VERSION}:"
            " a newer release wrote it. Upgrade Runebook."
        )
    if version < SCHEMA_VERSION:
        raise InvalidState(
            f"The store's schema has version {version}, and this Runebook needs version {SCHEMA_VERSION}."
            " Back the database up, then run `runebook db upgrade`."
        )


def schema_version(session: Session) -> int | None:
    """The version of the schema that is there; None in a database without one, or with one half made.

    Raises:
        InvalidState: tables with our names are there that are not Runebook's.

    """
    there = {row[0] for row in session.fetch(session.dialect.tables)}
    if VERSIONS.table in there:
        row = session.fetch_one("SELECT MAX(version) FROM schema_version")
        return None if row is None else row[0]
    taken = sorted(there & {table.name for table in TABLES})
    if taken:
        whose = "MLflow" if "alembic_version" in there else "another program"
        raise InvalidState(
            f"The database holds tables of {whose}, such as '{taken[0]}': give Runebook a database of its own."
        )
    return None


@contextmanager
def locked_schema(db: Database) -> Iterator[Session]:
    """A write transaction during which nobody else creates or migrates the schema."""
    dialect = db.dialect
    if dialect.lock_schema is None or dialect.unlock_schema is None:
        with db.writing() as session:
            if dialect.lock_schema is not None:
                session.fetch(dialect.lock_schema)
            yield session
        return
    with db.reading() as holder:  # the lock is a connection's, and must outlive the commit of what it guards
        if holder.fetch(dialect.lock_schema)[0][0] != 1:
            raise TransactionConflict("Another process has been changing the schema for a minute.")
        try:
            with db.writing() as session:
                yield session
        finally:
            holder.fetch(dialect.unlock_schema)


def _create(session: Session, artifact_root: str) -> None:
    """All tables, the one that marks a schema as ours first: where DDL is not transactional, a crash leaves a part."""
    for table in sorted(TABLES, key=lambda table: table.name != VERSIONS.table):
        session.run(*session.dialect.create(table))
    now = now_ms()
    location = f"{artifact_root}/{DEFAULT_EXPERIMENT_ID}"
    session.insert_with_id_zero(DEFAULT_EXPERIMENT, (0, DEFAULT_EXPERIMENT_NAME, location, ACTIVE, now, now))
    session.insert_missing(VERSIONS, [(SCHEMA_VERSION, "created", now)])
