"""SQL Server's way of saying things. A test parses all of it; there is no driver for it yet."""

from __future__ import annotations

from collections.abc import Sequence

from runebook.storage.sql.dialects import UPPER, Condition, Dialect, Rows, quoted
from runebook.storage.sql.tables import INDEXED_CHARACTERS, Index, Table, Type


class Mssql(Dialect):
    """SQL Server 2019 or later."""

    name = "mssql"
    begin_read = ("SET TRANSACTION ISOLATION LEVEL SNAPSHOT", "BEGIN TRANSACTION")
    begin_write = ("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "BEGIN TRANSACTION")
    lock_schema = "EXEC sp_getapplock @Resource = 'runebook.schema', @LockMode = 'Exclusive'"
    tables = "SELECT name FROM sys.tables WHERE schema_id = SCHEMA_ID()"
    types = {
        Type.ID: "BIGINT IDENTITY(1, 1)",
        Type.PUBLIC_ID: "BIGINT IDENTITY(1, 1)",
        Type.INT: "BIGINT",
        Type.SMALL: "SMALLINT",
        Type.DOUBLE: "FLOAT(53)",
        Type.KEY: "NVARCHAR({length}) COLLATE Latin1_General_100_BIN2",
        Type.TEXT: "NVARCHAR(MAX) COLLATE Latin1_General_100_BIN2",
        Type.BYTES: "VARBINARY(MAX)",
    }

    def create(self, table: Table) -> list[str]:
        """A long text is indexed through a computed column of its start."""
        indexed = {name for index in table.indexes for name in index.columns}
        texts = [column.name for column in table.columns if column.type is Type.TEXT and column.name in indexed]
        starts = [f'"{name}_start" AS {self.text_start(quoted([name]))} PERSISTED' for name in texts]
        return [self._create_table(table, starts), *(self.create_index(table, index) for index in table.indexes)]

    def create_index(self, table: Table, index: Index) -> str:
        """A unique index lets NULL through once only, so rows without a value stay out of it."""
        nullable = {column.name for column in table.columns if column.nullable}
        first = index.columns[0]
        only = f' WHERE "{first}" IS NOT NULL' if index.unique and first in nullable else ""
        return super().create_index(table, index) + only

    def _indexed_text(self, column: str) -> str:
        return column[:-1] + '_start"'

    def text_start(self, text: str) -> str:
        return f"LEFT({text}, {INDEXED_CHARACTERS})"

    def like(self, text: str, pattern: str) -> str:
        return f"{text} LIKE REPLACE({pattern}, '[', '[[]')"

    def ilike(self, text: str, lower_pattern: str) -> str:
        return self.like(f"TRANSLATE({text}, '{UPPER}', '{UPPER.lower()}')", lower_pattern)

    def limit(self, count: str) -> str:
        return f"OFFSET 0 ROWS FETCH NEXT {count} ROWS ONLY"

    def select_locked(self, columns: str, table: str, where: str, *, shared: bool = False) -> str:
        kind = "REPEATABLEREAD" if shared else "UPDLOCK"
        return f"SELECT {columns} FROM {table} WITH ({kind}, ROWLOCK) WHERE {where}"

    def insert_returning_id(self, rows: Rows) -> str:
        marks = ", ".join([self.mark] * len(rows.columns))
        return f'INSERT INTO "{rows.table}" ({quoted(rows.columns)}) OUTPUT INSERTED.id VALUES ({marks})'

    def insert_missing(self, rows: Rows) -> str:
        return self._merge(rows, "")

    def upsert(self, rows: Rows) -> str:
        changes = ", ".join(f'"{column}" = new."{column}"' for column in rows.others)
        return self._merge(rows, f" WHEN MATCHED THEN UPDATE SET {changes}")

    def among(self, columns: tuple[str, str], pairs: Sequence[tuple[int, int]]) -> Condition:
        """There are no row values, but tables of values."""
        condition, parameters = super().among(columns, pairs)
        listed = condition[condition.index("VALUES") : -1]
        same = f"pairs.a = {columns[0]} AND pairs.b = {columns[1]}"
        return Condition(f"EXISTS (SELECT 1 FROM ({listed}) AS pairs (a, b) WHERE {same})", parameters)

    def rewritten(self, table: Table, kept: str) -> list[str]:
        """`SELECT ... INTO` makes the copy."""
        copy, *others = super().rewritten(table, kept)
        select = copy[copy.index("SELECT") :].replace(" FROM ", f' INTO "{table.name}_kept" FROM ', 1)
        return [select, *others]

    def insert_with_id_zero(self, rows: Rows) -> list[str]:
        switch = f'SET IDENTITY_INSERT "{rows.table}"'
        return [f"{switch} ON", self.insert_missing(rows), f"{switch} OFF"]

    def _merge(self, rows: Rows, matched: str) -> str:
        marks = ", ".join(f'{self.mark} AS "{column}"' for column in rows.columns)
        same = " AND ".join(f'old."{column}" = new."{column}"' for column in rows.key)
        values = ", ".join(f'new."{column}"' for column in rows.columns)
        return (
            f'MERGE INTO "{rows.table}" WITH (HOLDLOCK) AS old USING (SELECT {marks}) AS new ON {same}{matched}'
            f" WHEN NOT MATCHED THEN INSERT ({quoted(rows.columns)}) VALUES ({values});"
        )


MSSQL = Mssql()
