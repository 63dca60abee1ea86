"""GraphQL documents: prepared, measured, and trusted."""
