"""Where dialects meet: types, DDL, statements that differ, parameters, and what the errors of drivers mean.

Elsewhere SQL is text with `:name` parameters that all of them read. Text columns compare by code point, case and
trailing spaces included, on all of them. SQL Server has a file of its own, `mssql`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from runebook.core.errors import TemporarilyUnavailable
from runebook.storage.base import TransactionConflict
from runebook.storage.sql.driver_texts import one_line, value_error, with_percent_names
from runebook.storage.sql.schema import TABLES
from runebook.storage.sql.tables import INDEXED_CHARACTERS, Column, Index, Table, Type

UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Duplicate(Exception):
    """A row with this unique key is there already."""


class Rows(NamedTuple):
    """Columns of a table that are written together: those of a unique key, then the others."""

    table: str
    key: tuple[str, ...]
    others: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return self.key + self.others


def quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


class Condition(NamedTuple):
    """A condition, and the values of its parameters."""

    text: str
    parameters: dict[str, object]


class Dialect:
    """One database's way of saying things. The defaults are what SQLite and PostgreSQL share."""

    name: str
    mark: str = "?"  # a positional parameter
    begin_read: tuple[str, ...] = ("BEGIN",)
    begin_write: tuple[str, ...] = ("BEGIN",)
    limit_waits: tuple[str, ...] = ()
    """What keeps a transaction from waiting for long for a lock that another one holds: that is a conflict then."""

    row_locks: tuple[str, str] = (" FOR UPDATE", " FOR SHARE")
    lock_schema: str | None = None
    """A statement that keeps others from creating or migrating the schema; held until the transaction ends."""

    unlock_schema: str | None = None  # where the end of the transaction does not end this lock
    tables: str
    """A query for the names of the tables that are there."""

    types: dict[Type, str]
    table_options: str = ""
    transactional_ddl: bool = True
    rows_keyword: str = "VALUES "  # what stands before rows in an IN list
    max_list: int = 1024  # values in an IN list: the power of two that SQL Server's 2100 parameters hold

    def create(self, table: Table) -> list[str]:
        """The statements that make a table and its indexes."""
        return [self._create_table(table), *(self.create_index(table, index) for index in table.indexes)]

    def create_index(self, table: Table, index: Index) -> str:
        unique = "UNIQUE " if index.unique else ""
        columns = ", ".join(self._indexed(table, column) for column in index.columns)
        return f'CREATE {unique}INDEX "{table.name}_{index.name}" ON "{table.name}" ({columns})'

    def _create_table(self, table: Table, further: Sequence[str] = ()) -> str:
        parts = [self._column(column) for column in table.columns]
        parts.append(f"PRIMARY KEY ({quoted(table.primary_key)})")
        return f'CREATE TABLE "{table.name}" ({", ".join([*parts, *further])}){self.table_options}'

    def _column(self, column: Column) -> str:
        null = "" if column.nullable else " NOT NULL"
        return f'"{column.name}" {self.types[column.type].format(length=column.length)}{null}'

    def _indexed(self, table: Table, name: str) -> str:
        descending = " DESC" if name.startswith("-") else ""
        column = next(column for column in table.columns if column.name == name.lstrip("-"))
        shown = f'"{column.name}"'
        return (self._indexed_text(shown) if column.type is Type.TEXT else shown) + descending

    def _indexed_text(self, column: str) -> str:
        return self.text_start(column)

    def text_start(self, text: str) -> str:
        """The start of a text as its index holds it.

        `start = start of the other AND text = other` finds by the index; `ORDER BY start, text` follows it.
        """
        return f"substr({text}, 1, {INDEXED_CHARACTERS})"

    def like(self, text: str, pattern: str) -> str:
        """`%` and `_` and nothing else in the pattern are special; case counts. Negate it with NOT (...)."""
        return f"{text} LIKE {pattern} ESCAPE ''"

    def ilike(self, text: str, lower_pattern: str) -> str:
        """As `like`, with A-Z of the text taken as a-z; the pattern has none of A-Z."""
        return self.like(f"lower({text})", lower_pattern)

    def limit(self, count: str) -> str:
        """The end of an ordered query that returns at most `count` rows."""
        return f"LIMIT {count}"

    def select_locked(self, columns: str, table: str, where: str, *, shared: bool = False) -> str:
        """A query whose rows no other transaction changes before this one ends, nor locks, unless both share them."""
        return f"SELECT {columns} FROM {table} WHERE {where}{self.row_locks[shared]}"

    def insert(self, rows: Rows) -> str:
        """As all statements that write rows, with positional parameters in the order of `rows.columns`."""
        marks = ", ".join([self.mark] * len(rows.columns))
        return f'INSERT INTO "{rows.table}" ({quoted(rows.columns)}) VALUES ({marks})'

    def insert_returning_id(self, rows: Rows) -> str:
        """An insert that returns the new row's id as a row; or None of that, and the cursor's `lastrowid` has it."""
        return self.insert(rows)

    def insert_missing(self, rows: Rows) -> str:
        """An insert that leaves a row that is there as it is."""
        return f"{self.insert(rows)} ON CONFLICT ({quoted(rows.key)}) DO NOTHING"

    def upsert(self, rows: Rows) -> str:
        """An insert that overwrites a row that is there."""
        changes = ", ".join(f'"{column}" = excluded."{column}"' for column in rows.others)
        return f"{self.insert(rows)} ON CONFLICT ({quoted(rows.key)}) DO UPDATE SET {changes}"

    def update(self, rows: Rows) -> str:
        """An update of rows that are there. Its parameters are the other columns, then the key."""
        changes = ", ".join(f'"{column}" = {self.mark}' for column in rows.others)
        same = " AND ".join(f'"{column}" = {self.mark}' for column in rows.key)
        return f'UPDATE "{rows.table}" SET {changes} WHERE {same}'

    def delete(self, rows: Rows) -> str:
        """A deletion by the key."""
        same = " AND ".join(f'"{column}" = {self.mark}' for column in rows.key)
        return f'DELETE FROM "{rows.table}" WHERE {same}'

    def insert_with_id_zero(self, rows: Rows) -> list[str]:
        """The statements that insert a row with a chosen PUBLIC_ID, unless it is there."""
        return [self.insert_missing(rows)]

    def one_of(self, values: Sequence[object]) -> Condition:
        """The end of a condition: what stands before it is one of the values. Equal numbers of them, equal texts."""
        parameters = {f"values_{place}": value for place, value in enumerate(values)}
        return Condition(f"IN ({', '.join(f':{name}' for name in parameters)})", parameters)

    def among(self, columns: tuple[str, str], pairs: Sequence[tuple[int, int]]) -> Condition:
        """Whether the two columns are one of the pairs. Equal numbers of pairs make equal texts."""
        listed = ", ".join(f"(:left_{place}, :right_{place})" for place in range(len(pairs)))
        parameters: dict[str, object] = {}
        for place, (left, right) in enumerate(pairs):
            parameters[f"left_{place}"], parameters[f"right_{place}"] = left, right
        return Condition(f"({columns[0]}, {columns[1]}) IN ({self.rows_keyword}{listed})", parameters)

    def at_once(self, insertion: str, rows: Rows) -> str | None:
        """As an insertion, but of many rows at once: its parameters are the columns of all rows, each a list.

        None where nothing is faster than the driver's `executemany`.
        """
        del insertion, rows
        return None

    def rewritten(self, table: Table, kept: str) -> list[str]:
        """Bring a table to this shape that has more columns, and keep the rows for which `kept` holds, in order.

        Run again after it was cut off, it completes itself.
        """
        columns = quoted([column.name for column in table.columns if column.type is not Type.ID])
        return [
            f'CREATE TABLE "{table.name}_kept" AS SELECT id, {columns} FROM "{table.name}" WHERE {kept}',
            f'DROP TABLE "{table.name}"',
            *self.create(table),
            f'INSERT INTO "{table.name}" ({columns}) SELECT {columns} FROM "{table.name}_kept" ORDER BY id',
            f'DROP TABLE "{table.name}_kept"',
        ]

    def bound(self, sql: str) -> str:
        """The statement as the driver wants its named parameters."""
        return with_percent_names(sql)

    def meaning(self, error: Exception) -> Exception | None:
        """What an error of the driver means to us, or None when it is a defect of ours: so is any, without a driver."""
        del error
        return None


class Sqlite(Dialect):
    name = "sqlite"
    begin_write = ("BEGIN IMMEDIATE",)
    row_locks = ("", "")  # a writer is alone
    tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
    types = {
        Type.ID: "INTEGER",
        Type.PUBLIC_ID: "INTEGER",
        Type.INT: "INTEGER",
        Type.SMALL: "INTEGER",
        Type.DOUBLE: "REAL",
        Type.KEY: "TEXT",
        Type.TEXT: "TEXT",
        Type.BYTES: "BLOB",
    }

    def _create_table(self, table: Table, further: Sequence[str] = ()) -> str:
        first = table.columns[0]
        if first.type not in (Type.ID, Type.PUBLIC_ID):
            clustered = not any(column.type is Type.BYTES for column in table.columns)
            return super()._create_table(table, further) + (" WITHOUT ROWID" if clustered else "")
        counting = " AUTOINCREMENT" if first.type is Type.PUBLIC_ID else ""
        parts = [f'"{first.name}" INTEGER PRIMARY KEY{counting}', *map(self._column, table.columns[1:])]
        return f'CREATE TABLE "{table.name}" ({", ".join([*parts, *further])})'

    def like(self, text: str, pattern: str) -> str:
        return f"{text} LIKE {pattern}"

    def bound(self, sql: str) -> str:
        return sql

    def meaning(self, error: Exception) -> Exception | None:
        text = str(error)
        if type(error).__name__ == "IntegrityError" and "UNIQUE" in text:
            return Duplicate(text)
        if "locked" in text or "busy" in text:
            return TransactionConflict(f"SQLite: {text}")
        if "closed database" in text:
            return TemporarilyUnavailable("The store was closed; open it anew.")
        if type(error).__name__ in ("OperationalError", "DatabaseError") and re.search(
            "unable to open|disk I/O|disk is full|readonly|malformed|not a database", text
        ):
            return TemporarilyUnavailable(f"The SQLite store cannot be used: {text}. Check its file, folder and disk.")
        return value_error(error, too_large=isinstance(error, OverflowError))


class Postgresql(Dialect):
    name = "postgresql"
    mark = "%s"
    begin_read = ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",)
    begin_write = ("BEGIN ISOLATION LEVEL READ COMMITTED",)
    max_list = 1 << 16  # they are one parameter
    limit_waits = ("SET LOCAL lock_timeout = '1s'",)
    lock_schema = "SELECT pg_advisory_xact_lock(7310577382525465710)"
    tables = "SELECT CAST(tablename AS text) FROM pg_tables WHERE schemaname = current_schema()"
    types = {
        Type.ID: "BIGINT GENERATED BY DEFAULT AS IDENTITY",
        Type.PUBLIC_ID: "BIGINT GENERATED BY DEFAULT AS IDENTITY",
        Type.INT: "BIGINT",
        Type.SMALL: "SMALLINT",
        Type.DOUBLE: "DOUBLE PRECISION",
        Type.KEY: 'VARCHAR({length}) COLLATE "C"',
        Type.TEXT: 'TEXT COLLATE "C"',
        Type.BYTES: "BYTEA",
    }

    def text_start(self, text: str) -> str:
        return f"left({text}, {INDEXED_CHARACTERS})"

    def insert_returning_id(self, rows: Rows) -> str:
        return self.insert(rows) + " RETURNING id"

    def one_of(self, values: Sequence[object]) -> Condition:
        return Condition("= ANY(:values)", {"values": list(values)})

    def among(self, columns: tuple[str, str], pairs: Sequence[tuple[int, int]]) -> Condition:
        lefts, rights = zip(*pairs, strict=True)
        listed = "SELECT * FROM unnest(:lefts::bigint[], :rights::bigint[])"
        return Condition(f"({columns[0]}, {columns[1]}) IN ({listed})", {"lefts": [*lefts], "rights": [*rights]})

    def at_once(self, insertion: str, rows: Rows) -> str | None:
        """Arrays, sent in binary: half the time of `executemany` for 64 rows, and for any more."""
        start, end = insertion.find("VALUES ("), insertion.find(")", insertion.find("VALUES ("))
        if start < 0:
            return None
        arrays = ", ".join(f"%b::{_array_types(rows.table)[column]}" for column in rows.columns)
        return f"{insertion[:start]}SELECT * FROM unnest({arrays}){insertion[end + 1 :]}"

    def meaning(self, error: Exception) -> Exception | None:
        state: str | None = getattr(error, "sqlstate", None)
        if state == "23505":
            return Duplicate(str(error))
        if state in ("40001", "40P01", "55P03"):
            return TransactionConflict(f"PostgreSQL: {error}")
        lost = type(error).__name__ in ("OperationalError", "InterfaceError", "ConnectionTimeout")
        if (state is None and lost) or (state is not None and state[:2] in ("08", "53", "57", "58")):
            return TemporarilyUnavailable(f"The PostgreSQL store cannot be reached: {one_line(error)}")
        return value_error(error, too_large=state in ("22001", "22003"))


class Mysql(Dialect):
    """MariaDB and MySQL; they differ in the name of the collation that compares bytes and keeps trailing spaces."""

    name = "mysql"
    mark = "%s"
    begin_read = ("START TRANSACTION READ ONLY, WITH CONSISTENT SNAPSHOT",)
    begin_write = ("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "START TRANSACTION")
    row_locks = (" FOR UPDATE", " LOCK IN SHARE MODE")
    lock_schema = "SELECT GET_LOCK('runebook.schema', 60)"
    unlock_schema = "SELECT RELEASE_LOCK('runebook.schema')"
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
    transactional_ddl = False
    rows_keyword = ""
    init = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
    sql_mode = "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO,ANSI_QUOTES"
    types = {
        Type.ID: "BIGINT AUTO_INCREMENT",
        Type.PUBLIC_ID: "BIGINT AUTO_INCREMENT",
        Type.INT: "BIGINT",
        Type.SMALL: "SMALLINT",
        Type.DOUBLE: "DOUBLE",
        Type.KEY: "VARCHAR({length})",
        Type.TEXT: "LONGTEXT",
        Type.BYTES: "LONGBLOB",
    }

    def __init__(self, *, mariadb: bool) -> None:
        collation = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
        self.table_options = f" ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE {collation}"

    def create(self, table: Table) -> list[str]:
        """One statement, as DDL is not transactional: a table is there with its indexes or not at all."""
        indexes = [
            f'{"UNIQUE " if index.unique else ""}KEY "{table.name}_{index.name}" '
            f"({', '.join(self._indexed(table, column) for column in index.columns)})"
            for index in table.indexes
        ]
        created = self._create_table(table, indexes)
        return [created.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1)]

    def _indexed_text(self, column: str) -> str:
        return f"{column}({INDEXED_CHARACTERS})"

    def text_start(self, text: str) -> str:
        """The whole text: an index of its first characters serves that too."""
        return text

    def ilike(self, text: str, lower_pattern: str) -> str:
        """`lower` would change letters beyond A-Z too."""
        for letter in UPPER:
            text = f"REPLACE({text}, '{letter}', '{letter.lower()}')"
        return self.like(text, lower_pattern)

    def insert_missing(self, rows: Rows) -> str:
        key = rows.key[0]
        return f'{self.insert(rows)} ON DUPLICATE KEY UPDATE "{key}" = "{rows.table}"."{key}"'

    def upsert(self, rows: Rows) -> str:
        changes = ", ".join(f'"{column}" = VALUES("{column}")' for column in rows.others)
        return f"{self.insert(rows)} ON DUPLICATE KEY UPDATE {changes}"

    def rewritten(self, table: Table, kept: str) -> list[str]:
        """As DDL is not transactional, what takes the table's place at last is complete."""
        columns = quoted([column.name for column in table.columns if column.type is not Type.ID])
        old, new = f'"{table.name}_old"', table._replace(name=f"{table.name}_new")
        return [
            f'DROP TABLE IF EXISTS {old}, "{new.name}"',
            *(statement.replace(f'"{new.name}_', f'"{table.name}_') for statement in self.create(new)),
            f'INSERT INTO "{new.name}" ({columns}) SELECT {columns} FROM "{table.name}" WHERE {kept} ORDER BY id',
            f'RENAME TABLE "{table.name}" TO {old}, "{new.name}" TO "{table.name}"',
            f"DROP TABLE {old}",
        ]

    def meaning(self, error: Exception) -> Exception | None:
        number = error.args[0] if error.args and isinstance(error.args[0], int) else None
        if number == 1062:
            return Duplicate(str(error))
        if number in (1020, 1205, 1213, 1412, 1684, 3572):  # 1412, 1684: a table is being made
            return TransactionConflict(f"MySQL: {error}")
        lost = number in (1040, 1047, 1053, 1152, 1158, 1159, 1160, 1161, 1927, 2002, 2003, 2006, 2013, 2055)
        if lost or (number == 0 and type(error).__name__ == "InterfaceError"):
            return TemporarilyUnavailable(f"The MySQL store cannot be reached: {one_line(error)}")
        return value_error(error, too_large=number in (1153, 1264, 1406))


@cache
def _array_types(table: str) -> dict[str, str]:
    """PostgreSQL's types of many values of each column."""
    texts = (Type.KEY, Type.TEXT)
    types = {
        kind: "text[]" if kind in texts else f"{name.split(' GEN')[0]}[]" for kind, name in Postgresql.types.items()
    }
    return {column.name: types[column.type] for each in TABLES if each.name == table for column in each.columns}


SQLITE = Sqlite()
POSTGRESQL = Postgresql()
MYSQL = Mysql(mariadb=False)
MARIADB = Mysql(mariadb=True)
