"""Cursors in the server's encoding, including some that it would never write."""

import base64


def encoded(text: str) -> str:
    """Return a text encoded as a cursor."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
