"""The backends that the contract suites run on."""

from __future__ import annotations

import contextlib
import sqlite3
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import psycopg
import pymysql
import pytest

from runebook.core.metrics import Point
from runebook.storage.base import Storage
from runebook.storage.sql.metric_chunks import decode_chunk
from runebook.storage.sql.metric_frames import decode_frame
from runebook.storage.sql.schema import TABLES
from runebook.storage.sql.storage import SqlStorage

from .files.backend import FileBackend

ROOT = "/artifacts"


class OpenBackend(Protocol):
    storage: Storage

    def close(self) -> None: ...


class SqlBackend:
    """A database, looked into through its driver alone."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.storage: Storage = SqlStorage.open(uri, artifact_root=ROOT)

    def open_again(self) -> Storage:
        return SqlStorage.open(self.uri, artifact_root=ROOT)

    def raw_points(self, run_id: str, key: str) -> list[Point]:
        of_run = f"JOIN runs r ON r.id = run WHERE r.run_id = '{run_id}'"
        names = dict(self.query("SELECT name, id FROM names"))
        points: list[Point] = []
        for (payload,) in self.query(f"SELECT payload FROM metric_frames {of_run}"):
            points += [
                point for name_id, columns in decode_frame(payload) if name_id == names[key] for point in columns
            ]
        for name_id, payload in self.query(f"SELECT name_id, payload FROM metric_chunks {of_run}"):
            points += decode_chunk(payload) if name_id == names[key] else []
        return points

    def raw_params(self, run_id: str) -> dict[str, str]:
        return self._keyed("params", run_id)

    def raw_tags(self, run_id: str) -> dict[str, str]:
        return self._keyed("tags", run_id)

    @abstractmethod
    def query(self, sql: str) -> list[tuple[Any, ...]]: ...

    def close(self) -> None:
        self.storage.close()

    def _keyed(self, table: str, run_id: str) -> dict[str, str]:
        sql = f"SELECT n.name, k.value FROM {table} k JOIN names n ON n.id = k.name_id JOIN runs r ON r.id = k.run"
        rows = self.query(f"{sql} WHERE r.run_id = '{run_id}'")
        assert len(dict(rows)) == len(rows)
        return dict(rows)


class SqliteBackend(SqlBackend):
    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.uri.removeprefix("sqlite:///"))) as connection:
            return connection.execute(sql).fetchall()


class MemoryBackend(SqlBackend):
    """Nothing but the store itself can look into its memory."""

    def open_again(self) -> Storage:
        return self.storage

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        assert isinstance(self.storage, SqlStorage)
        with self.storage.database.reading() as session:
            return session.fetch(sql)


class PostgresqlBackend(SqlBackend):
    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self._connection = psycopg.connect(uri, autocommit=True)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql).fetchall()

    def close(self) -> None:
        super().close()
        with self._connection, self._connection.transaction():
            for statement in _WIPE:
                self._connection.execute(statement)


class MariadbBackend(SqlBackend):
    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        parts = urlsplit(uri)
        socket = unquote(parts.query.removeprefix("unix_socket="))
        self._connection = pymysql.connect(unix_socket=socket, user="root", database=parts.path[1:], autocommit=True)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def close(self) -> None:
        super().close()
        with self._connection, self._connection.cursor() as cursor:
            for statement in _WIPE:
                cursor.execute(statement)


_WIPE = [
    f"DELETE FROM {table.name}" + (" WHERE id <> 0" if table.name == "experiments" else "")
    for table in TABLES
    if table.name != "schema_version"
]


def _sqlite(_: pytest.FixtureRequest, folder: Path) -> OpenBackend:
    return SqliteBackend(f"sqlite:///{folder}/store.db")


def _memory(_request: pytest.FixtureRequest, _folder: Path) -> OpenBackend:
    return MemoryBackend("memory:")


def _postgresql(request: pytest.FixtureRequest, _: Path) -> OpenBackend:
    return PostgresqlBackend(request.getfixturevalue("postgresql_database"))


def _mariadb(request: pytest.FixtureRequest, _: Path) -> OpenBackend:
    return MariadbBackend(request.getfixturevalue("mariadb_database"))


def _files(_: pytest.FixtureRequest, folder: Path) -> OpenBackend:
    return FileBackend(folder / "mlruns")


BACKENDS: dict[str, Callable[[pytest.FixtureRequest, Path], OpenBackend]] = {
    "sqlite": _sqlite,
    "memory": _memory,
    "postgresql": _postgresql,
    "mariadb": _mariadb,
    "files": _files,
}
