"""What a test build has otherwise: points at which it fails, and days that pass in seconds."""

from collections.abc import Callable
from dataclasses import dataclass


def _go_on(_point: str) -> None:
    """Let the flow go on."""


@dataclass(frozen=True, slots=True)
class Rig:
    """Is what a test build changes about the flow."""

    reach: Callable[[str], None] = _go_on
    """Is told of each point of the flow, before it goes on: "before", "during" or "after", and a step.

    The steps are prepare, ask, record, close and report; "during" is behind a transaction's statements and before its
    commit.
    """
    time_scale: float = 1.0
    """How much faster than the clock recovery's steps and the lives of providers' keys pass; leases keep their time."""


AS_SHIPPED = Rig()
