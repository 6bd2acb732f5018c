"""The backends that the contract suites run on."""

from __future__ import annotations

import contextlib
import sqlite3
import struct
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import psycopg
import pymysql
import pytest
from backports import zstd

from runebook.core.metrics import Point
from runebook.storage.base import Storage
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
        points = []
        for (payload,) in self.query(f"SELECT payload FROM metric_frames {of_run} AND payload IS NOT NULL"):
            points += [Point(*row[1:]) for row in _rows(payload, "qqqd") if row[0] == names[key]]
        for name_id, payload in self.query(f"SELECT name_id, payload FROM metric_chunks {of_run}"):
            points += [Point(*row) for row in _rows(payload, "qqd") if name_id == names[key]]
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


def _rows(payload: bytes, columns: str) -> list[tuple[Any, ...]]:
    """The points of a payload, read by hand."""
    version, coding, count = struct.unpack("<BBI", payload[:6])
    assert version == 1
    body = zstd.decompress(payload[6:]) if coding else payload[6:]
    values = struct.unpack("<" + "".join(f"{count}{column}" for column in columns), body)
    return list(zip(*(values[place * count : (place + 1) * count] for place in range(len(columns))), strict=True))


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
