"""The database's connections: SQLite in a file, or a PostgreSQL server."""
