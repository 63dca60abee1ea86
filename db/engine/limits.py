"""The limits of data access, each with the failure that set it."""

LOCK_SECONDS = 3.0
"""How long a transaction waits for its lock, queueing included; then the caller is told to send it again."""

MIGRATION_SECONDS = 600.0
"""How long a process waits for another one that migrates PostgreSQL: servers start together, and a large table takes
minutes."""

COMMAND_SECONDS = 5.0
"""For one statement: after it the server or the network hangs, and the lock limit did not help."""

CONNECTIONS = 10
"""Connections of one process, as shipped: more would only wait for the same few cores of the database."""
