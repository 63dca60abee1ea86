"""The keys of `data` that Stripe's providers accept."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypedDict, cast

from stripe.params import PaymentIntentConfirmParams

from payments.model.outcomes import JsonValue
from payments.model.texts import is_email
from payments.ports.provider import DataFault
from providers.stripe.methods import Method

PAYMENT_METHOD = re.compile(r"(pm|card|src)_[A-Za-z0-9_]{1,200}", re.ASCII)
DESCRIPTOR_CHARACTERS = 22
SHORTEST_DESCRIPTOR = 5
SHORTEST_PREFIX = 2
"""Source: https://docs.stripe.com/get-started/account/statement-descriptors, "Statement descriptor requirements"."""

BETWEEN_PREFIX_AND_SUFFIX = "* "
"""Counts too: https://docs.stripe.com/connect/statement-descriptors."""

DESCRIPTOR = re.compile(r"(?=.*[A-Za-z])[ -~]+", re.ASCII)
NOT_IN_DESCRIPTORS = frozenset("<>\\'\"*")
LETTERS = "a letter among them, and none of < > \\ ' \" *"
BLIK_CODE = re.compile(r"[0-9]{6}", re.ASCII)
BLIK = "blik"
USAGES = ("off_session", "on_session")


def _is_text(value: JsonValue) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 1_000


def _is_payment_method(value: JsonValue) -> bool:
    return isinstance(value, str) and PAYMENT_METHOD.fullmatch(value) is not None


def _is_descriptor(value: JsonValue) -> bool:
    is_text = isinstance(value, str) and DESCRIPTOR.fullmatch(value) is not None
    is_short = len(str(value)) <= DESCRIPTOR_CHARACTERS
    return is_text and is_short and not NOT_IN_DESCRIPTORS & set(str(value))


def _is_whole_descriptor(value: JsonValue) -> bool:
    return _is_descriptor(value) and len(str(value)) >= SHORTEST_DESCRIPTOR


def _is_email(value: JsonValue) -> bool:
    return isinstance(value, str) and is_email(value)


def _is_blik_code(value: JsonValue) -> bool:
    return isinstance(value, str) and BLIK_CODE.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Key:
    """One key of `data`."""

    name: str
    """The key's name at Stripe."""
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
        _is_whole_descriptor,
        f"A statement descriptor has {SHORTEST_DESCRIPTOR} to {DESCRIPTOR_CHARACTERS} characters, {LETTERS}.",
    ),
    "statementDescriptorSuffix": Key(
        "statement_descriptor_suffix",
        _is_descriptor,
        f"A suffix has 1 to {DESCRIPTOR_CHARACTERS} characters with the account's prefix, {LETTERS}.",
    ),
    "receiptEmail": Key("receipt_email", _is_email, "It is an e-mail address."),
    "offSession": Key("off_session", lambda value: isinstance(value, bool), "It is true or false."),
    "blikCode": Key("code", _is_blik_code, "A BLIK code has 6 digits."),
    "description": Key("description", _is_text, "A description has 1 to 1,000 characters."),
}

BROWSER_KEYS = frozenset({"paymentMethod"})

AT_CONFIRMATION = frozenset({"paymentMethod", "offSession", "blikCode"})
"""Whether it goes with the confirmation, not with the intent."""


SAVING_KEYS = ("paymentMethod",)
"""The keys for saving a payment method; without one, the customer's browser provides the method."""


def check_saving(data: Mapping[str, JsonValue]) -> None:
    """Check the `data` of a saving against the documented keys; raises DataFault."""
    for name in data:
        if name not in SAVING_KEYS:
            raise DataFault(name, f"Saving at Stripe takes {', '.join(SAVING_KEYS)}.")
    _check_each(data)


def check(data: Mapping[str, JsonValue], method: Method, prefix: str | None = None) -> None:
    """Check `data` against the documented keys of a payment method; raises DataFault.

    `prefix` is the account's prefix before each suffix, if it is known.
    """
    _check_each(data)
    if "statementDescriptor" in data and method.allows_cards:
        # Source: https://docs.stripe.com/api/payment_intents/create, `statement_descriptor`.
        raise DataFault(
            "statementDescriptor",
            "Stripe takes no whole descriptor for cards: give statementDescriptorSuffix, added to the account's own.",
        )
    if "statementDescriptorSuffix" in data:
        _check_suffix(str(data["statementDescriptorSuffix"]), prefix)
    _check_blik(data, method)
    if data.get("offSession") is True and data.get("setupFutureUsage") is not None:
        # "You cannot set up future usages when processing payments off-session": a 400 at the confirmation.
        raise DataFault(
            "offSession",
            "What is kept for later (setupFutureUsage) needs the customer: leave that out, or offSession.",
        )


def _check_blik(data: Mapping[str, JsonValue], method: Method) -> None:
    """Require BLIK's code: https://docs.stripe.com/payments/blik/accept-a-payment."""
    is_blik = method.type == BLIK
    if "blikCode" in data and not is_blik:
        raise DataFault("blikCode", "Only stripe_blik takes a BLIK code.")
    if is_blik and "paymentMethod" in data and "blikCode" not in data:
        raise DataFault(
            "blikCode", "BLIK needs the 6 digits of the customer's banking application."
        )


def _check_suffix(suffix: str, prefix: str | None) -> None:
    taken = SHORTEST_PREFIX if prefix is None else len(prefix)
    left = DESCRIPTOR_CHARACTERS - taken - len(BETWEEN_PREFIX_AND_SUFFIX)
    if len(suffix) > left:
        raise DataFault(
            "statementDescriptorSuffix",
            f"Beside the account's prefix a suffix has 1 to {left} characters.",
        )


def _check_each(data: Mapping[str, JsonValue]) -> None:
    for name, value in data.items():
        key = KEYS.get(name)
        if key is None:
            raise DataFault(name, f"Stripe takes {', '.join(KEYS)}.")
        if not key.is_right(value):
            raise DataFault(name, key.would_be_right)


class IntentValues(TypedDict, total=False):
    """The values of an intent, by Stripe's names."""

    setup_future_usage: Literal["off_session", "on_session"]
    statement_descriptor: str
    statement_descriptor_suffix: str
    receipt_email: str
    description: str


def intent_values(data: Mapping[str, JsonValue]) -> IntentValues:
    """Return the values for the intent, without those for its confirmation."""
    found = {KEYS[name].name: value for name, value in data.items() if name not in AT_CONFIRMATION}
    return cast(IntentValues, found)


def browser_keys(method: Method) -> frozenset[str]:
    """Return the keys that a browser may send for a payment method."""
    return BROWSER_KEYS | {"blikCode"} if method.type == BLIK else BROWSER_KEYS


def confirmed_with(
    data: Mapping[str, JsonValue], saved: str | None
) -> PaymentIntentConfirmParams | None:
    """Return what a confirmation pays with: a saved method, a given one, or a code; None for neither."""
    method = saved or payment_method_of(data)
    code = data.get("blikCode")
    params: PaymentIntentConfirmParams = {} if method is None else {"payment_method": method}
    if isinstance(code, str):
        params["payment_method_options"] = {"blik": {"code": code}}
        if method is None:
            params["payment_method_data"] = {"type": "blik"}
    return params or None


def payment_method_of(data: Mapping[str, JsonValue]) -> str | None:
    """Return the payment method to confirm with."""
    value = data.get("paymentMethod")
    return value if isinstance(value, str) else None
