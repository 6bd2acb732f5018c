"""A SQL store, open, and its transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from runebook.storage.sql.connections import Database
from runebook.storage.sql.creation import ensure_schema
from runebook.storage.sql.datasets import SqlDatasetStore
from runebook.storage.sql.experiments import SqlExperimentStore
from runebook.storage.sql.idempotency import SqlIdempotencyStore
from runebook.storage.sql.leases import SqlLeaseStore
from runebook.storage.sql.logged_models import SqlLoggedModelStore
from runebook.storage.sql.metric_folder import Folder
from runebook.storage.sql.metrics import SqlMetricStore
from runebook.storage.sql.params import SqlParamStore
from runebook.storage.sql.references import NameCache, References
from runebook.storage.sql.runs import SqlRunStore
from runebook.storage.sql.session import Session
from runebook.storage.sql.tags import SqlTagStore
from runebook.storage.sql.uris import database
from runebook.storage.sql.writers import SqlWriterStore


class SqlTransaction:
    """See `Transaction`. The stores share one session and what was asked of ids and names."""

    def __init__(self, db: Session, names: NameCache) -> None:
        self.db = db
        self.references = References(db, names)

    @cached_property
    def experiments(self) -> SqlExperimentStore:
        return SqlExperimentStore(self.db)

    @cached_property
    def runs(self) -> SqlRunStore:
        return SqlRunStore(self.db, self.references)

    @cached_property
    def params(self) -> SqlParamStore:
        return SqlParamStore(self.db, self.references)

    @cached_property
    def tags(self) -> SqlTagStore:
        return SqlTagStore(self.db, self.references)

    @cached_property
    def metrics(self) -> SqlMetricStore:
        return SqlMetricStore(self.db, self.references)

    @cached_property
    def datasets(self) -> SqlDatasetStore:
        return SqlDatasetStore(self.db, self.references)

    @cached_property
    def logged_models(self) -> SqlLoggedModelStore:
        return SqlLoggedModelStore(self.db, self.references)

    @cached_property
    def idempotency(self) -> SqlIdempotencyStore:
        return SqlIdempotencyStore(self.db)

    @cached_property
    def writers(self) -> SqlWriterStore:
        return SqlWriterStore(self.db)

    @cached_property
    def leases(self) -> SqlLeaseStore:
        return SqlLeaseStore(self.db, self.references)


class SqlStorage:
    """See `Storage`."""

    store_type = "SqlStore"

    def __init__(self, db: Database, artifact_root: str) -> None:
        self.database = db
        self.artifact_root = artifact_root
        self._names = NameCache()
        self._folder = Folder(db)

    @classmethod
    def open(cls, uri: str, *, artifact_root: str) -> SqlStorage:
        """Open the database that the URI names, and make the schema and the default experiment if it is empty.

        Raises:
            InvalidParameterValue, NotSupported, MissingExtra: as `uris.database`.
            InvalidState: the schema is of another release, or the tables are not Runebook's.
            TemporarilyUnavailable: the database cannot be reached.

        """
        db = database(uri)
        try:
            ensure_schema(db, artifact_root)
        except BaseException:
            db.close()
            raise
        return cls(db, artifact_root)

    @contextmanager
    def read(self) -> Iterator[SqlTransaction]:
        with self.database.reading() as session:
            yield SqlTransaction(session, self._names)

    @contextmanager
    def write(self) -> Iterator[SqlTransaction]:
        with self.database.writing() as session:
            session.run(*session.dialect.limit_waits)
            transaction = SqlTransaction(session, self._names)
            yield transaction
        self._names.publish(transaction.references.found_names)

    def fold_step(self, max_runs: int) -> int:
        return self._folder.step(max_runs)

    def close(self) -> None:
        self.database.close()
