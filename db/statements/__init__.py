"""The statements, each built once."""
