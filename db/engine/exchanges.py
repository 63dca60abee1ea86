"""One statement that reads and one that writes, with nothing locked in between."""

from collections.abc import Sequence
from typing import Any

Text = tuple[str, Sequence[Any]]
"""A statement in the driver's own words, and its parameters."""


class Overtaken(Exception):
    """An error: other transactions were faster each time."""
