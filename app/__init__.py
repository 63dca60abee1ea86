"""One program of all rooms: how it is built, served, looked after and ended."""
