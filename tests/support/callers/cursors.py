"""Cursors as the server writes them, also such as it would never write."""

import base64


def encoded(text: str) -> str:
    """Write a text as cursors are written."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
