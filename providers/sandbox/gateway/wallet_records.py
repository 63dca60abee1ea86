"""Customers and their payment methods at the gateway, as values and in their wire format."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any

from payments.model.failures import FailureCode
from payments.model.outcomes import JsonObject
from payments.ports.provider import DataFault
from providers.sandbox.gateway.tokens import Effect, parse_saving_token
from providers.sandbox.gateway.wire import KEY, EntryStatus, Malformed


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer of the shop; the same id is the same customer."""

    id: str
    reference: str
    email: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Saving:
    """A payment method that is saved or being saved."""

    key: str
    customer: str
    token: str | None = None
    status: EntryStatus = EntryStatus.APPROVED
    failure: FailureCode | None = None
    decline_code: str | None = None
    challenge_key: str | None = None

    def to_row(self) -> dict[str, object]:
        """Return the columns of its row."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            name: value.value if isinstance(value, Enum) else value
            for name, value in values.items()
        }

    def to_wire(self) -> JsonObject:
        """Return the gateway's answer, the challenge's key included: for the server alone."""
        return {
            "key": self.key,
            "status": self.status.value,
            "failure": self.failure.value if self.failure else None,
            "decline_code": self.decline_code,
            "challenge_key": self.challenge_key,
        }


def saving_from_row(row: Mapping[str, Any]) -> Saving:
    """Return the saving in a row of the ledger."""
    values = dict(row)
    values["status"] = EntryStatus(values["status"])
    if values["failure"] is not None:
        values["failure"] = FailureCode(values["failure"])
    return Saving(**values)


def read_customer(body: object) -> Customer:
    """Return the customer in the body of POST /customers; raises Malformed."""
    if not isinstance(body, dict) or body.keys() != {"id", "reference", "email", "name"}:
        raise Malformed("A customer is one object with id, reference, email and name.")
    is_named = isinstance(body["id"], str) and KEY.fullmatch(body["id"]) is not None
    texts = (body["reference"], body["email"] or "", body["name"] or "")
    if not is_named or not all(isinstance(text, str) for text in texts):
        raise Malformed("A customer's id is 1 to 64 letters, digits and underscores.")
    return Customer(**body)


def read_saving(body: object) -> Saving:
    """Return the saving in the body of POST /savings; raises Malformed."""
    if not isinstance(body, dict) or body.keys() != {"key", "customer", "token"}:
        raise Malformed("A saving is one object with key, customer and token.")
    for name in ("key", "customer"):
        if not isinstance(body[name], str) or KEY.fullmatch(body[name]) is None:
            raise Malformed(f"{name} is 1 to 64 letters, digits and underscores.")
    if body["token"] is not None and not isinstance(body["token"], str):
        raise Malformed("token is a text or null.")
    try:
        parse_saving_token(body["token"])
    except DataFault as fault:
        raise Malformed(str(fault)) from None
    return Saving(**body)


def begun(asked: Saving, challenge_key: str) -> Saving:
    """Return a saving begun as its token says."""
    behaviour = parse_saving_token(asked.token)
    if behaviour.effect is Effect.DECLINE:
        return replace(
            asked,
            status=EntryStatus.DECLINED,
            failure=FailureCode.DECLINED,
            decline_code=behaviour.decline_code,
        )
    if behaviour.effect is Effect.CHALLENGE:
        return replace(asked, status=EntryStatus.CHALLENGED, challenge_key=challenge_key)
    return asked


def answered(saving: Saving, *, is_approved: bool) -> Saving:
    """Return a saving with the customer's answer to its challenge."""
    if is_approved:
        return replace(saving, status=EntryStatus.APPROVED)
    return replace(saving, status=EntryStatus.DECLINED, failure=FailureCode.ACTION_FAILED)
