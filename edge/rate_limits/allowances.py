"""The remaining allowance of a rate limit, and the error when nothing is left."""

from typing import NamedTuple

from payments.model.errors import TillgraphError


class Allowance(NamedTuple):
    """The remaining allowance of a caller under a rate limit."""

    policy: str
    quota: int
    """Requests within one window."""
    window_seconds: int
    remaining: int
    reset_seconds: int
    """Until the next window begins; at least 1."""


class RateLimited(TillgraphError):
    """An error: a caller has used up its rate limit, and nothing was done."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__(
            f"Too many requests: at most {allowance.quota} in {allowance.window_seconds} s."
            f" Send this one again in {allowance.reset_seconds} s."
        )
        self.allowance = allowance
