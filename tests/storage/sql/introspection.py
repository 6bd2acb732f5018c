"""What a database says of its own schema, as a text to compare."""

from __future__ import annotations

from runebook.storage.sql.connections import Database

_SQLITE = ("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name",)
_POSTGRESQL = (
    """SELECT CAST(table_name AS text), CAST(column_name AS text), CAST(data_type AS text), character_maximum_length,
        CAST(is_nullable AS text), CAST(collation_name AS text), CAST(is_identity AS text), ordinal_position
    FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position""",
    """SELECT CAST(tablename AS text), CAST(indexname AS text), indexdef FROM pg_indexes
    WHERE schemaname = current_schema() ORDER BY indexname""",
)
_MYSQL = (
    """SELECT table_name, column_name, column_type, is_nullable, collation_name, extra, ordinal_position
    FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position""",
    """SELECT table_name, index_name, non_unique, seq_in_index, column_name, sub_part, collation
    FROM information_schema.statistics WHERE table_schema = DATABASE()
    ORDER BY table_name, index_name, seq_in_index""",
    """SELECT table_name, engine, table_collation FROM information_schema.tables
    WHERE table_schema = DATABASE() ORDER BY table_name""",
)
_QUERIES = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL, "mysql": _MYSQL}


def described(db: Database) -> list[tuple[object, ...]]:
    with db.reading() as session:
        return [row for query in _QUERIES[db.dialect.name] for row in session.fetch(query)]
