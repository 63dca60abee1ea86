"""Stripe's refusals, in its own form."""

import re
from typing import Any

from tools.fake_stripe.store import Body

SEARCH = re.compile(r"metadata\['([^']+)'\]:'([^']+)'")
"""The keys that a search can use here."""

SEARCH_LAG_SECONDS = 3_600
"""How far a search lags, during which it finds nothing: at Stripe a minute, and longer in an outage.

Source: https://docs.stripe.com/search#data-freshness; in India there is no search at all.
"""


class Refusal(Exception):
    """An error that Stripe answers with."""

    def __init__(self, status: int, error: Body) -> None:
        super().__init__(error.get("code"))
        self.status = status
        self.error = error


def invalid(code: str, *, param: str | None = None, status: int = 400, **more: Any) -> Refusal:
    """Return the refusal of a request that can't be carried out."""
    error = {"type": "invalid_request_error", "code": code, "message": f"Refused: {code}."}
    return Refusal(status, {**error, **({"param": param} if param else {}), **more})
