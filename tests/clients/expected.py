"""The input and the output of the programs of both languages."""

from collections.abc import Iterable

import orjson

from tests.api.test_documents import FAILURES
from tests.clients.unions import Union
from tests.support.program.running import Json


def flow(*, action: str, failure: str) -> list[str]:
    """Return what the shop prints, with the names that its server has for the action and for the failure."""
    return [
        "collection NOT_PAID 49.90 USD",
        f"action {action} REQUIRES_MORE",
        "payment AUTHORIZED 49.90 card",
        "watching AUTHORIZED",
        "captured 20.00 of 49.90",
        "event PAYMENT_CAPTURE_PENDING 20.00",
        "event PAYMENT_CAPTURED 20.00",
        f"{failure} AMOUNT_TOO_LARGE amount false",
        "refunded 5.00 for wrong_colour",
        "listed PARTIALLY_CAPTURED 20.00",
        "collection NOT_PAID 49.90 USD",
        "payment AUTHORIZED 49.90 card",
        "pending PENDING",
    ]


def refused_inputs(unions: Iterable[Union]) -> str:
    """Return each mutation of each document an input that is refused."""
    return orjson.dumps(
        [(one.operation, FAILURES[one.steps[0].key][0]) for one in unions if one.is_result]
    ).decode()


def refusals(unions: Iterable[Union], *, missing: str) -> list[Json]:
    """Return operation, code and retryable of each, with the code that its server has for what is not found."""
    codes = [(one.operation, FAILURES[one.steps[0].key][2]) for one in unions if one.is_result]
    return [[name, missing if code == "NOT_FOUND" else code, False] for name, code in codes]


def read_refusals(printed: str) -> list[Json]:
    """Read what a program printed of each: that there is a sentence and a request's id, and the rest to the letter."""
    lines = [orjson.loads(line) for line in printed.splitlines()]
    assert all(message and request_id for _, _, _, message, request_id in lines)
    return [[name, code, retryable] for name, code, retryable, _, _ in lines]
