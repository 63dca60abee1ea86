"""The keys of `data` that Stripe's providers take."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypedDict, cast

from payments.outcomes import JsonValue
from payments.ports import DataFault

PAYMENT_METHOD = re.compile(r"(pm|card|src)_[A-Za-z0-9_]{1,200}", re.ASCII)
DESCRIPTOR = re.compile(r"(?=.*[A-Za-z])[ -~]{1,22}", re.ASCII)
NOT_IN_DESCRIPTORS = frozenset("<>\\'\"*")
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
USAGES = ("off_session", "on_session")


def _is_text(value: JsonValue) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 1_000


def _is_payment_method(value: JsonValue) -> bool:
    return isinstance(value, str) and PAYMENT_METHOD.fullmatch(value) is not None


def _is_descriptor(value: JsonValue) -> bool:
    is_text = isinstance(value, str) and DESCRIPTOR.fullmatch(value) is not None
    return is_text and not NOT_IN_DESCRIPTORS & set(str(value))


def _is_email(value: JsonValue) -> bool:
    return isinstance(value, str) and EMAIL.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Key:
    """One key of `data`."""

    name: str
    """At Stripe."""
    is_right: Callable[[JsonValue], bool]
    would_be_right: str


KEYS: Mapping[str, Key] = {
    "paymentMethod": Key(
        "payment_method", _is_payment_method, "A payment method is Stripe's id of it: pm_…"
    ),
    "setupFutureUsage": Key(
        "setup_future_usage", lambda value: value in USAGES, "It is off_session or on_session."
    ),
    "statementDescriptor": Key(
        "statement_descriptor",
        _is_descriptor,
        "A statement descriptor has 1 to 22 characters, a letter among them, and none of < > \\ ' \" *.",
    ),
    "statementDescriptorSuffix": Key(
        "statement_descriptor_suffix",
        _is_descriptor,
        "A suffix has 1 to 22 characters, a letter among them, and none of < > \\ ' \" *.",
    ),
    "receiptEmail": Key("receipt_email", _is_email, "It is an e-mail address."),
    "offSession": Key("off_session", lambda value: isinstance(value, bool), "It is true or false."),
    "description": Key("description", _is_text, "A description has 1 to 1,000 characters."),
}

BROWSER_KEYS = frozenset({"paymentMethod"})

AT_CONFIRMATION = frozenset({"paymentMethod", "offSession"})
"""Goes with the confirmation, and not with the intent."""


SAVING_KEYS = ("paymentMethod",)
"""What the saving of a payment method takes; without one, the customer's browser brings it."""


def check_saving(data: Mapping[str, JsonValue]) -> None:
    """Hold the `data` of a saving to the documented keys; raises DataFault."""
    for name in data:
        if name not in SAVING_KEYS:
            raise DataFault(name, f"Saving at Stripe takes {', '.join(SAVING_KEYS)}.")
    check(data)


def check(data: Mapping[str, JsonValue]) -> None:
    """Hold `data` to the documented keys; raises DataFault."""
    for name, value in data.items():
        key = KEYS.get(name)
        if key is None:
            raise DataFault(name, f"Stripe takes {', '.join(KEYS)}.")
        if not key.is_right(value):
            raise DataFault(name, key.would_be_right)


class IntentValues(TypedDict, total=False):
    """What belongs to the intent, by Stripe's names."""

    setup_future_usage: Literal["off_session", "on_session"]
    statement_descriptor: str
    statement_descriptor_suffix: str
    receipt_email: str
    description: str


def intent_values(data: Mapping[str, JsonValue]) -> IntentValues:
    """Return what belongs to the intent, and not to its confirmation."""
    found = {KEYS[name].name: value for name, value in data.items() if name not in AT_CONFIRMATION}
    return cast(IntentValues, found)


def payment_method_of(data: Mapping[str, JsonValue]) -> str | None:
    """Return the payment method that is to be confirmed with."""
    value = data.get("paymentMethod")
    return value if isinstance(value, str) else None
