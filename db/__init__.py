"""Everything with SQL: tables, stores, reads, engines and migrations."""
