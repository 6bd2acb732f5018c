"""The SQL backends: SQLite, PostgreSQL, MariaDB and MySQL; SQL Server compiles."""
