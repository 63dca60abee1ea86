"""The rules for texts that are kept and shown."""

import re

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""PostgreSQL stores no NUL, and UTF-8 has no lone surrogate."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
CONTROL_IN_PROSE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Line breaks and tabs, which people write."""

EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


def is_storable(text: str) -> bool:
    """Return whether every database can store a text and search for it."""
    return UNSTORABLE.search(text) is None


def is_one_line(text: str) -> bool:
    """Return whether a text can be kept and holds no control character."""
    return is_storable(text) and CONTROL.search(text) is None


def is_prose(text: str) -> bool:
    """Return whether a text can be kept and holds no control characters but line breaks and tabs."""
    return is_storable(text) and CONTROL_IN_PROSE.search(text) is None


def is_email(text: str) -> bool:
    """Return whether a text has the form of an e-mail address."""
    return EMAIL.fullmatch(text) is not None
