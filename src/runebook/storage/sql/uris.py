"""Store URIs, as MLflow's users write them, and the databases that they name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from runebook.core.errors import InvalidParameterValue, MissingExtra, NotSupported, TemporarilyUnavailable
from runebook.storage.sql.connections import Connection, Database, ServerDatabase, SqliteFile, SqliteMemory
from runebook.storage.sql.dialects import MARIADB, MYSQL, POSTGRESQL, Mysql

_MYSQL_OPTIONS = {
    "unix_socket": str,
    "ssl_ca": str,
    "ssl_cert": str,
    "ssl_key": str,
    "connect_timeout": int,
    "read_timeout": int,
    "write_timeout": int,
}


def database(uri: str) -> Database:
    """The database of a URI; a server is not asked before the first transaction, but for MySQL's kind.

    Raises:
        InvalidParameterValue: the URI names nothing that we know.
        NotSupported: it names a database that Runebook does not run on.
        MissingExtra: the driver is not installed.

    """
    if uri == "memory:":
        return SqliteMemory()
    scheme, separator, rest = uri.partition("://")
    kind = scheme.partition("+")[0].lower()
    if not separator or kind not in _KINDS:
        raise InvalidParameterValue(
            f"{shown(uri)!r} is no URI of a database. Use sqlite:///file.db, postgresql://user:password@host/name,"
            " mysql://user:password@host/name or memory:"
        )
    return _KINDS[kind](rest)


def shown(uri: str) -> str:
    """The URI without its password."""
    scheme, separator, rest = uri.partition("://")
    credentials, at, place = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    return f"{scheme}{separator}{user}{colon and ':***'}{at}{place}"


def _sqlite(rest: str) -> Database:
    if not rest.startswith("/"):
        raise InvalidParameterValue(
            f"'sqlite://{rest}' has too few slashes: sqlite:///relative.db or sqlite:////absolute.db"
        )
    name, question, options = rest[1:].partition("?")
    if options:
        raise InvalidParameterValue(f"A SQLite URI takes no options: leave out '{question}{options}'.")
    if name in ("", ":memory:"):
        return SqliteMemory()
    path = Path(name).absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TemporarilyUnavailable(f"The folder of the SQLite store cannot be made: {error}") from error
    return SqliteFile(str(path))


def _postgresql(rest: str) -> Database:
    try:
        import psycopg  # an extra
    except ImportError as error:
        raise MissingExtra("PostgreSQL needs its driver: pip install 'runebook[postgresql]'") from error

    def connect() -> Connection:
        try:
            connection = psycopg.connect("postgresql://" + rest, autocommit=True, prepare_threshold=None)
        except psycopg.ProgrammingError as error:
            raise InvalidParameterValue(f"The PostgreSQL URI cannot be read: {error}") from error
        if connection.info.parameter_status("server_encoding") != "UTF8":
            connection.close()
            raise NotSupported(
                "The database's encoding is not UTF8: make one with CREATE DATABASE ... ENCODING 'UTF8'."
            )
        return connection

    return ServerDatabase(POSTGRESQL, connect)


def _mysql(rest: str) -> Database:
    try:
        import pymysql  # an extra
    except ImportError as error:
        raise MissingExtra("MySQL and MariaDB need their driver: pip install 'runebook[mysql]'") from error
    settings = _mysql_settings("mysql://" + rest)

    def connect() -> Any:
        return pymysql.connect(
            **settings, charset="utf8mb4", autocommit=True, sql_mode=Mysql.sql_mode, init_command=Mysql.init
        )

    try:
        first = connect()
    except pymysql.Error as error:
        raise MARIADB.meaning(error) or InvalidParameterValue(f"The database refused us: {error}") from error
    dialect = MARIADB if "MariaDB" in first.get_server_info() else MYSQL
    first.close()
    return ServerDatabase(dialect, connect)


def _mysql_settings(uri: str) -> dict[str, Any]:
    from urllib.parse import parse_qsl, unquote, urlsplit  # SQLite does not need it

    parts = urlsplit(uri)
    options = dict(parse_qsl(parts.query))
    options.pop("charset", None)  # ours is always utf8mb4
    unknown = sorted(options.keys() - _MYSQL_OPTIONS.keys())
    if unknown:
        raise InvalidParameterValue(
            f"The MySQL URI has an unknown option {unknown[0]!r}. Known are {', '.join(_MYSQL_OPTIONS)}."
        )
    try:
        return {
            "host": parts.hostname or "localhost",
            "port": parts.port or 3306,
            "user": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "database": unquote(parts.path.lstrip("/")),
            **{name: _MYSQL_OPTIONS[name](text) for name, text in options.items()},
        }
    except ValueError as error:
        raise InvalidParameterValue(f"The MySQL URI has a port or a timeout that is no number: {error}") from error


def _mssql(_rest: str) -> Database:
    raise NotSupported("Runebook does not run on SQL Server yet: use PostgreSQL, MySQL, MariaDB or SQLite.")


_KINDS: dict[str, Callable[[str], Database]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "postgres": _postgresql,
    "mysql": _mysql,
    "mariadb": _mysql,
    "mssql": _mssql,
}
