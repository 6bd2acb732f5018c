"""Empty databases, of each kind that is run."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.storage.servers import MariadbServer, PostgresqlServer


@pytest.fixture
def sqlite_uri(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def empty_uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URI of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    server: PostgresqlServer | MariadbServer = request.getfixturevalue(request.param)
    return server.new_database()


@pytest.fixture(params=["postgresql", "mariadb"])
def empty_server_uri(request: pytest.FixtureRequest) -> str:
    server: PostgresqlServer | MariadbServer = request.getfixturevalue(request.param)
    return server.new_database()
