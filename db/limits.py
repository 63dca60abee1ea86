"""The limits of data access, each with the failure that set it."""

LOCK_SECONDS = 3.0
"""How long a transaction waits for its lock, queueing included; then the caller is told to come again."""
