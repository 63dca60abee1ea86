"""Tillgraph beside others' payment code, in turns on one PostgreSQL: `make bench-peers`."""
