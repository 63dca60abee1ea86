"""Parsers for all inputs: strings and JSON that every database and page can carry."""

import re
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

import strawberry

from payments.model import texts
from payments.model.card_numbers import check_metadata, refuse_card_number
from payments.model.commands import UNCHANGED, Unchanged
from payments.model.errors import InvalidInput
from payments.model.limits import IDEMPOTENCY_KEY_CHARACTERS, METADATA_KEYS, TEXT_CHARACTERS
from payments.model.money import is_currency
from payments.model.outcomes import JsonObject
from resolvers.pages import given

Value = TypeVar("Value")

KEY = re.compile(rf"[\x20-\x7e]{{1,{IDEMPOTENCY_KEY_CHARACTERS}}}", re.ASCII)


class HasId(Protocol):
    """An input with the id of the mutation's object."""

    id: strawberry.ID


InputWithId = TypeVar("InputWithId", bound=HasId)


def only_id(input: InputWithId) -> str:
    """Return the id, for a mutation that needs nothing else."""
    return input.id


def text(value: str | None, name: str, *, is_prose: bool = False) -> str | None:
    """Parse a text: of one line, or prose with line breaks and tabs. Raises InvalidInput."""
    value = given(value)
    if value is None:
        return None
    is_right = texts.is_prose(value) if is_prose else texts.is_one_line(value)
    if len(value) > TEXT_CHARACTERS or not is_right:
        besides = " but line breaks and tabs" if is_prose else ""
        raise InvalidInput(
            f"A text has at most {TEXT_CHARACTERS} characters and no control characters{besides}.",
            path=(name,),
        )
    return value


def json_object(value: object, name: str) -> JsonObject | None:
    """Parse a JSON object; raises InvalidInput."""
    value = given(value)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise InvalidInput("A JSON object is needed here.", path=(name,))
    if len(value) > METADATA_KEYS:
        raise InvalidInput(f"At most {METADATA_KEYS} keys.", path=(name,))
    return cast(JsonObject, value)


def metadata(value: object) -> JsonObject | None:
    """Parse metadata; raises InvalidInput."""
    found = json_object(value, "metadata")
    if found is not None:
        check_metadata(found, ("metadata",))
    return found


def written(value: str | None, name: str) -> str | None:
    """Parse a text that people write, which must not hold a card number; raises InvalidInput.

    Values from a shop's system, such as a reference, may look like one.
    """
    return _without_card_number(text(value, name), name)


def prose(value: str | None, name: str) -> str | None:
    """Parse a text that people write, with line breaks; raises InvalidInput."""
    return _without_card_number(text(value, name, is_prose=True), name)


def _without_card_number(value: str | None, name: str) -> str | None:
    if value is not None:
        refuse_card_number(value, (name,))
    return value


def idempotency_key(value: str | None) -> str | None:
    """Parse an idempotency key; raises InvalidInput."""
    value = given(value)
    if value is not None and KEY.fullmatch(value) is None:
        raise InvalidInput(
            f"An idempotency key is 1 to {IDEMPOTENCY_KEY_CHARACTERS} printable ASCII characters.",
            path=("idempotencyKey",),
        )
    return value


def required_key(value: str) -> str:
    """Parse a required idempotency key; raises InvalidInput."""
    key = idempotency_key(value)
    assert key is not None
    return key


def currency(code: str, *, is_right: Callable[[str], bool] = is_currency) -> str:
    """Parse the code of a currency; raises InvalidInput."""
    if not is_right(code):
        raise InvalidInput(
            "An ISO 4217 code of a currency in use, such as USD.", path=("currencyCode",)
        )
    return code


def amount(value: Any) -> Any:
    """Return the decimal of a scalar that was already checked; None if it is missing."""
    return given(value)


def updated(value: Any, parsed: Value, name: str, *, may_be_empty: bool) -> Value | Unchanged:
    """Return UNCHANGED for a missing field, else its parsed value; null empties a field that may be empty."""
    if value is strawberry.UNSET:
        return UNCHANGED
    if value is None and not may_be_empty:
        raise InvalidInput("This can't be emptied; leave it out to keep it.", path=(name,))
    return parsed
