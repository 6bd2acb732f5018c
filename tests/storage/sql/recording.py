"""SQLite that also notes what the same work would say in another dialect, which has no server here."""

from __future__ import annotations

from collections.abc import Sequence

from runebook.storage.sql.dialects import Condition, Dialect, Rows, Sqlite
from runebook.storage.sql.tables import Table


class RecordingSqlite(Sqlite):
    """Runs as SQLite. `statements` are those of `other`: every one that was run, with that dialect's pieces in it."""

    def __init__(self, other: Dialect) -> None:
        self.other = other
        self.statements: dict[str, None] = {}
        self._pieces: dict[str, str] = {}

    def create(self, table: Table) -> list[str]:
        self._note(*self.other.create(table))
        return super().create(table)

    def insert(self, rows: Rows) -> str:
        self._note(self.other.insert(rows))
        return super().insert(rows)

    def insert_returning_id(self, rows: Rows) -> str:
        self._note(self.other.insert_returning_id(rows))
        return super().insert_returning_id(rows)

    def insert_missing(self, rows: Rows) -> str:
        self._note(self.other.insert_missing(rows))
        return super().insert_missing(rows)

    def upsert(self, rows: Rows) -> str:
        self._note(self.other.upsert(rows))
        return super().upsert(rows)

    def insert_with_id_zero(self, rows: Rows) -> list[str]:
        self._note(*self.other.insert_with_id_zero(rows))
        return super().insert_with_id_zero(rows)

    def text_start(self, text: str) -> str:
        return self._piece(super().text_start(text), self.other.text_start(text))

    def like(self, text: str, pattern: str) -> str:
        return self._piece(super().like(text, pattern), self.other.like(text, pattern))

    def ilike(self, text: str, lower_pattern: str) -> str:
        return self._piece(Sqlite.like(self, f"lower({text})", lower_pattern), self.other.ilike(text, lower_pattern))

    def limit(self, count: str) -> str:
        return self._piece(super().limit(count), self.other.limit(count))

    def select_locked(self, columns: str, table: str, where: str, *, shared: bool = False) -> str:
        """Marked by comments, as what is between them may still change."""
        before, after = self.other.select_locked(columns, table, "...", shared=shared).split("...")
        number = len(self._pieces)
        ours = (f"SELECT {columns} FROM {table} /* lock {number} */ WHERE ", f" /* {number} locked */")
        return self._piece(ours[0], before) + where + self._piece(ours[1], after)

    def one_of(self, values: Sequence[object]) -> Condition:
        ours = super().one_of(values)
        self._piece(ours.text, self.other.one_of(values).text)
        return ours

    def among(self, columns: tuple[str, str], pairs: Sequence[tuple[int, int]]) -> Condition:
        ours = super().among(columns, pairs)
        self._piece(ours.text, self.other.among(columns, pairs).text)
        return ours

    def update(self, rows: Rows) -> str:
        self._note(self.other.update(rows))
        return super().update(rows)

    def delete(self, rows: Rows) -> str:
        self._note(self.other.delete(rows))
        return super().delete(rows)

    def bound(self, sql: str) -> str:
        said = sql
        for ours, theirs in sorted(self._pieces.items(), key=lambda item: -len(item[0])):
            said = said.replace(ours, theirs)
        self._note(said)
        return super().bound(sql)

    def _piece(self, ours: str, theirs: str) -> str:
        self._pieces[ours] = theirs
        return ours

    def _note(self, *statements: str) -> None:
        self.statements.update(dict.fromkeys(statements))
