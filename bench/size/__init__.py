"""The cost of everything on a large database, compared with a small one."""
