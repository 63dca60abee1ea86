"""The parameters for the long form of the suite alone."""

from collections.abc import Sequence
from typing import Any

import pytest


def in_short(values: Sequence[Any], *short: Any) -> list[Any]:
    """Return parameters of which the short form uses only some; the long one uses all."""
    return [
        value if value in short else pytest.param(value, marks=pytest.mark.long) for value in values
    ]
