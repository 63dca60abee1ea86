"""The program: how its rooms are built together, served, maintained and stopped."""
