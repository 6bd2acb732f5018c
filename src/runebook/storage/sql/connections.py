"""Connections: who holds one, for how long, and what becomes of those that broke.

A transaction has a connection to itself from BEGIN to COMMIT. Nothing of a session outlives a transaction, so that a
pooler between us and the database may hand each transaction another backend.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from runebook.core.errors import TemporarilyUnavailable
from runebook.storage.base import TransactionConflict
from runebook.storage.sql.dialects import SQLITE, Dialect
from runebook.storage.sql.session import Session

MAX_CONNECTIONS = 8
"""Per process and store."""

WAIT_SECONDS = 30.0
"""How long a transaction waits for a connection, and for SQLite's write lock."""


class Connection(Protocol):
    """What we use of a DB-API connection; each is in the driver's autocommit mode, as BEGIN is ours."""

    def cursor(self) -> Any: ...
    def close(self) -> object: ...


class Database(Protocol):
    """A database, open for transactions from any thread."""

    dialect: Dialect

    def prepare(self) -> None:
        """What is done once, when a store is opened."""

    def reading(self) -> AbstractContextManager[Session]:
        """A transaction that sees one state of the database."""

    def writing(self) -> AbstractContextManager[Session]:
        """A transaction that commits when the block ends, and rolls back when it raises."""

    def close(self) -> None: ...


class SqliteFile:
    """One writer at a time per process, by a lock; between processes SQLite's own lock decides. Readers never wait."""

    dialect: Dialect = SQLITE

    def __init__(self, path: str) -> None:
        self._path = path
        self._writer = threading.Lock()
        self._write_connection: Connection | None = None
        self._file: tuple[int, int] | None = None
        self._readers: list[Connection] = []
        self._free_readers = threading.BoundedSemaphore(MAX_CONNECTIONS - 1)
        self._closed = False

    def prepare(self) -> None:
        """Switch to a write-ahead log, so that readers do not wait; the file stays in this mode.

        SQLite does not wait for the lock of this switch by itself, and processes may open a new file together.
        """
        connection = self._connect()
        session = Session(connection.cursor(), self.dialect)
        until = time.monotonic() + WAIT_SECONDS
        try:
            while True:
                try:
                    session.run("PRAGMA journal_mode = WAL")
                except TransactionConflict:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.01)
                else:
                    break
        except BaseException:
            connection.close()
            raise
        self._readers.append(connection)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with _held(self._free_readers):
            connection = _popped(self._readers) or self._connect()
            try:
                with _transaction(connection, self.dialect, self.dialect.begin_read) as session:
                    yield session
            finally:
                if self._closed:
                    connection.close()
                else:
                    self._readers.append(connection)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with _held(self._writer):
            if self._write_connection is None:
                self._write_connection = self._connect()
                self._file = self._file_there()
            elif self._file_there() != self._file:
                raise TemporarilyUnavailable(
                    f"The store's file {self._path} was removed or replaced while it was in use; nothing was written. "
                    "Put it back, or start the program anew."
                )
            with _transaction(self._write_connection, self.dialect, self.dialect.begin_write) as session:
                yield session

    def close(self) -> None:
        self._closed = True
        with self._writer:
            idle, self._readers = self._readers, []
            for connection in (*idle, self._write_connection):
                if connection is not None:
                    connection.close()
            self._write_connection = None

    def _connect(self) -> Connection:
        if self._closed:
            raise TemporarilyUnavailable("The store was closed; open it anew.")
        return connect_sqlite(self._path)

    def _file_there(self) -> tuple[int, int] | None:
        """Which file has the path now: SQLite goes on writing into one that was removed, to where nobody reads."""
        try:
            found = os.stat(self._path)  # noqa: PTH116  # on the way of every write
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino


class SqliteMemory:
    """One connection that all threads take turns with."""

    dialect: Dialect = SQLITE

    def __init__(self) -> None:
        self._connection = connect_sqlite(":memory:")
        self._turn = threading.RLock()

    def prepare(self) -> None:
        """Memory needs nothing."""

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self._turn, _transaction(self._connection, self.dialect, self.dialect.begin_read) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self._turn, _transaction(self._connection, self.dialect, self.dialect.begin_write) as session:
            yield session

    def close(self) -> None:
        with self._turn:
            self._connection.close()


def connect_sqlite(path: str) -> Connection:
    """A connection with our settings; raises TemporarilyUnavailable when the file cannot be used."""
    import sqlite3  # a server on another database does not need it

    try:
        connection = sqlite3.connect(
            path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
        )
    except sqlite3.Error as error:
        raise SQLITE.meaning(error) or error from error
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA case_sensitive_like = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
    except sqlite3.Error as error:
        connection.close()
        raise SQLITE.meaning(error) or error from error
    return connection


class ServerDatabase:
    """A pool of at most MAX_CONNECTIONS; the one used last is used next, and a stale one is replaced at BEGIN."""

    def __init__(self, dialect: Dialect, connect: Callable[[], Connection]) -> None:
        self.dialect = dialect
        self._connect = connect
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._idle: list[Connection] = []
        self._closed = False

    def prepare(self) -> None:
        """A server needs nothing."""

    def reading(self) -> AbstractContextManager[Session]:
        return self._transaction(self.dialect.begin_read)

    def writing(self) -> AbstractContextManager[Session]:
        return self._transaction(self.dialect.begin_write)

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _transaction(self, begin: tuple[str, ...]) -> Iterator[Session]:
        with _held(self._free):
            connection, session = self._begun(begin)
            usable = False
            try:
                yield session
                session.commit()
                usable = True
            except TemporarilyUnavailable:
                raise
            except BaseException:
                usable = session.rollback()
                raise
            finally:
                if usable and not self._closed:
                    session.close()
                    self._idle.append(connection)
                else:
                    connection.close()

    def _begun(self, begin: tuple[str, ...]) -> tuple[Connection, Session]:
        """A connection on which BEGIN succeeded; idle ones that the server has given up meanwhile are dropped."""
        while True:
            idle = _popped(self._idle)
            connection = idle or self._opened()
            try:
                session = Session(connection.cursor(), self.dialect)
                session.run(*begin)
            except Exception as error:
                connection.close()
                meaning = self.dialect.meaning(error) or error
                if idle is None or not isinstance(meaning, TemporarilyUnavailable):
                    raise meaning from error
            else:
                return connection, session

    def _opened(self) -> Connection:
        if self._closed:
            raise TemporarilyUnavailable("The store was closed; open it anew.")
        try:
            return self._connect()
        except Exception as error:
            raise self.dialect.meaning(error) or error from error


@contextmanager
def _held(lock: threading.Lock | threading.Semaphore) -> Iterator[None]:
    if not lock.acquire(timeout=WAIT_SECONDS):
        raise TransactionConflict("Other transactions of this process held the store's connections for too long.")
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _transaction(connection: Connection, dialect: Dialect, begin: tuple[str, ...]) -> Iterator[Session]:
    session = Session(connection.cursor(), dialect)
    try:
        session.run(*begin)
        try:
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise
    finally:
        session.close()


def _popped(connections: list[Connection]) -> Connection | None:
    try:
        return connections.pop()
    except IndexError:  # another thread may take the last one between a look and a pop
        return None
