"""Tables, store, reads, engine and migrations: all SQL."""
