"""Statements on one connection, inside one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from runebook.core.errors import InternalError
from runebook.storage.sql.dialects import Dialect, Rows

Row = tuple[Any, ...]

_MANY = 8
"""Rows from which on a statement of their own is faster than one for each, where there is such a statement."""

ItemT = TypeVar("ItemT")


class Cursor(Protocol):
    """What we use of a DB-API cursor."""

    rowcount: int

    def execute(self, sql: str, parameters: Any = ..., /) -> object: ...
    def executemany(self, sql: str, rows: Any, /) -> object: ...
    def fetchall(self) -> Any: ...
    def fetchone(self) -> Any: ...
    def close(self) -> object: ...


class Session:
    """Runs statements with `:name` parameters, and turns the errors of drivers into ours.

    Every method raises TransactionConflict and TemporarilyUnavailable, those that write Duplicate too.
    """

    def __init__(self, cursor: Cursor, dialect: Dialect) -> None:
        self._cursor = cursor
        self.dialect = dialect

    def run(self, *statements: str) -> None:
        """Statements without parameters and without rows that matter: BEGIN, DDL."""
        for statement in statements:
            self._call(self._cursor.execute, statement)

    def execute(self, sql: str, /, **parameters: Any) -> int:
        """Returns the number of rows that were changed."""
        self._call(self._cursor.execute, self.dialect.bound(sql), parameters)
        return self._cursor.rowcount

    def fetch(self, sql: str, /, **parameters: Any) -> list[Row]:
        return self.fetch_with(sql, parameters)

    def fetch_with(self, sql: str, parameters: Mapping[str, Any], /) -> list[Row]:
        """As `fetch`, with the parameters as one mapping."""
        self._call(self._cursor.execute, self.dialect.bound(sql), parameters)
        return list(self._call(self._cursor.fetchall))

    def fetch_one(self, sql: str, /, **parameters: Any) -> Row | None:
        self._call(self._cursor.execute, self.dialect.bound(sql), parameters)
        row: Row | None = self._call(self._cursor.fetchone)
        return row

    def fetch_in(self, sql: str, values: Iterable[Any], /, **parameters: Any) -> list[Row]:
        """Rows of a query with `IN (:values)`, for all of the values; asked in parts when there are very many."""
        rows: list[Row] = []
        for part in _parts(values, self.dialect.max_list):
            condition = self.dialect.one_of(part)
            rows += self.fetch_with(sql.replace("IN (:values)", condition.text), parameters | condition.parameters)
        return rows

    def fetch_pairs(self, sql: str, columns: tuple[str, str], pairs: Iterable[tuple[int, int]], /) -> list[Row]:
        """Rows of a query with `(:pairs)`, for which the two columns are one of the pairs; as `fetch_in`."""
        rows: list[Row] = []
        for part in _parts(pairs, self.dialect.max_list // 2):
            condition = self.dialect.among(columns, part)
            rows += self.fetch_with(sql.replace("(:pairs)", condition.text), condition.parameters)
        return rows

    def insert(self, rows: Rows, many: Sequence[Row]) -> None:
        self._insert(self.dialect.insert(rows), rows, many)

    def insert_returning_id(self, rows: Rows, row: Row) -> int:
        self._call(self._cursor.execute, self.dialect.insert_returning_id(rows), row)
        last: int | None = getattr(self._cursor, "lastrowid", None)
        if last:
            return last
        returned: Row = self._call(self._cursor.fetchone)
        return int(returned[0])

    def insert_with_id_zero(self, rows: Rows, row: Row) -> None:
        """Insert a row whose PUBLIC_ID is 0, unless it is there."""
        insertion = self.dialect.insert_missing(rows)
        for statement in self.dialect.insert_with_id_zero(rows):
            self._call(self._cursor.execute, statement, *([row] if statement == insertion else []))

    def insert_missing(self, rows: Rows, many: Iterable[Row]) -> int:
        """Leave rows that are there as they are; returns how many were new."""
        return self._insert(self.dialect.insert_missing(rows), rows, _in_order(rows, many))

    def upsert(self, rows: Rows, many: Iterable[Row]) -> None:
        """Insert rows or overwrite them; of equal keys the last counts."""
        latest = {row[: len(rows.key)]: row for row in many}
        self._insert(self.dialect.upsert(rows), rows, _in_order(rows, latest.values()))

    def update(self, rows: Rows, many: Iterable[Row]) -> None:
        """Overwrite rows that are there, found by their keys."""
        size = len(rows.key)
        self._write(self.dialect.update(rows), [row[size:] + row[:size] for row in _in_order(rows, many)])

    def delete(self, rows: Rows, keys: Iterable[Row]) -> int:
        """Delete rows by their keys; those that are not there are passed over. Returns how many were there."""
        return self._write(self.dialect.delete(rows), sorted(keys))

    def commit(self) -> None:
        self.run("COMMIT")
        if getattr(self._cursor, "statusmessage", None) == "ROLLBACK":
            raise InternalError("The transaction was rolled back, because an error in it was passed over.")

    def rollback(self) -> bool:
        """Undo everything. Returns whether the connection can be used again."""
        try:
            self.run("ROLLBACK")
        except Exception as error:  # noqa: BLE001  # the error that led here is the one to raise
            return "no transaction is active" in str(error)  # SQLite ended it by itself
        return True

    def close(self) -> None:
        self._cursor.close()

    def _insert(self, sql: str, rows: Rows, many: Sequence[Row]) -> int:
        at_once = self.dialect.at_once(sql, rows) if len(many) >= _MANY else None
        if at_once is None:
            return self._write(sql, many)
        self._call(self._cursor.execute, at_once, [list(column) for column in zip(*many, strict=True)])
        return self._cursor.rowcount

    def _write(self, sql: str, many: Sequence[Row]) -> int:
        if not many:
            return 0
        if len(many) == 1:
            self._call(self._cursor.execute, sql, many[0])
        else:
            self._call(self._cursor.executemany, sql, many)
        return self._cursor.rowcount

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Exception as error:
            meaning = self.dialect.meaning(error)
            if meaning is None:
                raise
            raise meaning from error


def _in_order(rows: Rows, many: Iterable[Row]) -> list[Row]:
    """By their keys: writers that take locks in one order do not deadlock."""
    return sorted(many, key=lambda row: row[: len(rows.key)])


def _parts(items: Iterable[ItemT], size: int) -> Iterator[list[ItemT]]:
    """The different items in parts, each filled up to a power of two with its last: that makes few statements."""
    rest = list(dict.fromkeys(items))
    while rest:
        part, rest = rest[:size], rest[size:]
        yield part + part[-1:] * ((1 << (len(part) - 1).bit_length()) - len(part))
