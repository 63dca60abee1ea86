"""Captures and refunds as two kinds of one thing: most of what holds for one holds for the other."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.flow.looking import effect_facts, payment_of
from tests.support.flow.shop import capture, pay, refund
from tests.support.program.running import Json, RunningServer


@dataclass(frozen=True)
class Kind:
    """One of the two movements, with the words that go with it."""

    name: str
    move: Callable[..., Json]
    event: str

    def begun(self, server: RunningServer, told: str) -> tuple[str, str, str]:
        """Prepare a payment on which the movement does what is told: ids of payment, session, collection."""
        payment = pay(server, token=f"approve,{self.name}={told}")
        if self.name == "refund":
            capture(server, payment["id"])
        return payment["id"], payment["paymentSession"]["id"], payment["paymentCollection"]["id"]

    def left(self, server: RunningServer, payment_id: str) -> str:
        """Read what can still be moved."""
        found = payment_of(server, payment_id)
        return str(found["capturableAmount" if self.name == "capture" else "refundableAmount"])

    def moved(self, server: RunningServer, payment_id: str) -> str:
        """Read what was moved."""
        found = payment_of(server, payment_id)
        return str(found["capturedAmount" if self.name == "capture" else "refundedAmount"])

    def all(self, server: RunningServer, payment_id: str) -> list[tuple[str, str]]:
        """Return the movements of a payment: amount and status, oldest first."""
        return [
            (one["amount"], one["status"])
            for one in payment_of(server, payment_id)[f"{self.name}s"]
        ]

    def effects(self, server: RunningServer, session_id: str) -> list[tuple[str, str, str, str]]:
        """Return what the gateway did of this kind."""
        return [one for one in effect_facts(server, session_id) if one[0] == self.name]


KINDS = [
    Kind("capture", capture, "PAYMENT_CAPTURE"),
    Kind("refund", refund, "PAYMENT_REFUND"),
]
KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def done(kind: Kind) -> str:
    """Return the event that says that a movement happened."""
    return {"capture": "PAYMENT_CAPTURED", "refund": "PAYMENT_REFUNDED"}[kind.name]
