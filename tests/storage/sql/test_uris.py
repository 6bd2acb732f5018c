from __future__ import annotations

from pathlib import Path

import pytest
from tests.storage.servers import MariadbServer, PostgresqlServer

from runebook.core.errors import InvalidParameterValue, NotSupported, TemporarilyUnavailable
from runebook.storage.sql.connections import SqliteMemory
from runebook.storage.sql.storage import SqlStorage
from runebook.storage.sql.uris import database, shown


@pytest.mark.parametrize("uri", ["memory:", "sqlite:///:memory:", "sqlite:///"])
def test_memory_has_several_names(uri: str) -> None:
    db = database(uri)
    assert isinstance(db, SqliteMemory)
    db.close()


def test_three_slashes_mean_a_relative_path_and_four_an_absolute_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for uri in ("sqlite:///some/folder/a.db", f"sqlite:///{tmp_path}/some/folder/b%20 c.db"):
        SqlStorage.open(uri, artifact_root="/artifacts").close()

    assert {path.name for path in (tmp_path / "some/folder").glob("*.db")} == {"a.db", "b%20 c.db"}


def test_a_relative_store_stays_where_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    storage = SqlStorage.open("sqlite:///a.db", artifact_root="/artifacts")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with storage.write() as tx:
        tx.experiments.create("e", None, "/artifacts", [], 1)
    storage.close()

    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("driver", ["postgresql", "postgres", "postgresql+psycopg2", "postgresql+psycopg"])
def test_drivers_of_postgresql_in_the_uri_are_accepted(postgresql: PostgresqlServer, driver: str) -> None:
    uri = postgresql.new_database().replace("postgresql", driver, 1)
    SqlStorage.open(uri, artifact_root="/artifacts").close()


@pytest.mark.parametrize("driver", ["mysql", "mysql+pymysql", "mysql+mysqldb", "mariadb", "mariadb+pymysql"])
def test_drivers_of_mysql_in_the_uri_are_accepted(mariadb: MariadbServer, driver: str) -> None:
    uri = mariadb.new_database().replace("mysql+pymysql", driver, 1)
    SqlStorage.open(f"{uri}&charset=utf8", artifact_root="/artifacts").close()


@pytest.mark.parametrize(
    ("uri", "refusal"),
    [
        ("sqlite://a.db", "too few slashes"),
        ("sqlite:///a.db?mode=ro", "takes no options"),
        ("oracle://u:secret@host/db", "is no URI of a database"),
        ("nonsense", "is no URI of a database"),
        ("mysql://u@host/db?wild=1", "unknown option 'wild'"),
        ("mysql://u@host/db?connect_timeout=soon", "no number"),
        ("mysql://u@host:port/db", "no number"),
    ],
)
def test_a_uri_that_names_nothing_is_refused(uri: str, refusal: str) -> None:
    with pytest.raises(InvalidParameterValue, match=refusal) as refused:
        database(uri)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("uri", ["mssql://u:p@host/db", "mssql+pyodbc://u:p@host/db"])
def test_sql_server_is_refused_clearly(uri: str) -> None:
    with pytest.raises(NotSupported, match="does not run on SQL Server yet"):
        database(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://u:secret@127.0.0.1:1/db?connect_timeout=2",
        "mysql://u:secret@127.0.0.1:1/db?connect_timeout=2",
        "sqlite:////proc/nowhere/a.db",
    ],
)
def test_a_database_that_cannot_be_reached_is_unavailable(uri: str) -> None:
    with pytest.raises(TemporarilyUnavailable) as failed:
        SqlStorage.open(uri, artifact_root="/artifacts")
    assert "secret" not in str(failed.value)


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("nothing like a database" * 100)
    with pytest.raises(TemporarilyUnavailable, match="not a database"):
        SqlStorage.open(f"sqlite:///{tmp_path}/a.db", artifact_root="/artifacts")


def test_a_password_is_not_shown() -> None:
    assert shown("postgresql://ada:p@ss@host/db") == "postgresql://ada:***@host/db"
    assert shown("postgresql://host/db") == "postgresql://host/db"
