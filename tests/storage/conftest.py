"""Every contract suite runs on every backend; a new one is an entry in BACKENDS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runebook.storage.base import Storage

from .backends import BACKENDS, OpenBackend
from .servers import MariadbServer, PostgresqlServer


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    server = PostgresqlServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariadbServer]:
    server = MariadbServer(tmp_path_factory.mktemp("mariadb"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgresql_database(postgresql: PostgresqlServer) -> str:
    """One database for all contract tests, wiped after each."""
    return postgresql.new_database()


@pytest.fixture(scope="session")
def mariadb_database(mariadb: MariadbServer) -> str:
    return mariadb.new_database()


@pytest.fixture(params=sorted(BACKENDS))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenBackend]:
    """An empty store. Servers are started once a session, when the first test wants one."""
    backend = BACKENDS[request.param](request, tmp_path)
    yield backend
    backend.close()


@pytest.fixture
def backend(opened: OpenBackend) -> OpenBackend:
    return opened


@pytest.fixture
def storage(opened: OpenBackend) -> Storage:
    return opened.storage
