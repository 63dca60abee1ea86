"""What a text can hold to be kept."""

import re

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""PostgreSQL has no NUL, and UTF-8 no lone surrogate."""


def is_storable(text: str) -> bool:
    """Return whether every database can keep a text, or be asked for it."""
    return UNSTORABLE.search(text) is None
