"""An intent's captures: each is noted in the intent's metadata by the request that makes it."""

from collections.abc import Iterable, Mapping
from typing import Final

import stripe

from payments.model.ids import CAPTURE, OperationId
from payments.model.money import Money
from payments.model.outcomes import Declined, JsonObject, Moved, Outcome, Processing, Unknown
from providers.stripe.intents import MULTICAPTURE, metadata_of, money_of, multicapture_of

AVAILABLE: Final = "available"

MOST_CAPTURES: Final = 46
"""Of the 50 keys of metadata, four are taken. Source: https://docs.stripe.com/api/metadata.

Stripe itself takes 50 captures of an intent. Source: https://docs.stripe.com/payments/multicapture.
"""

MOST_SUMS: Final = 10_000
"""Captures tried to find out which ones make up the received amount."""

Notes = Mapping[str, int]
"""The requested amount of each capture, in minor units, by the key of its operation."""


def note(key: OperationId, amount_minor: int) -> dict[str, str]:
    """Return the metadata that a capture is sent with."""
    return {key: str(amount_minor)}


def notes_of(intent: stripe.PaymentIntent) -> Notes:
    """Return the captures that were noted."""
    return {
        key: int(value)
        for key, value in metadata_of(intent).items()
        if key.startswith(CAPTURE) and value.isdecimal()
    }


def why_final(record: JsonObject, capture_count: int) -> str | None:
    """Return why a payment's next capture has to be its last one; None where it may leave a rest.

    `capture_count` includes the failed ones. Where a record of an earlier version does not say so, Stripe does.
    """
    if record.get(MULTICAPTURE, AVAILABLE) != AVAILABLE:
        return "Stripe captures this card once: with isFinal, what is left is given back."
    if capture_count >= MOST_CAPTURES - 1:
        return f"Stripe notes {MOST_CAPTURES} captures of a payment: the last one has to be final."
    return None


def answered(intent: stripe.PaymentIntent, key: OperationId) -> Moved | Unknown:
    """Return the amount of a capture that Stripe answered with an intent, which means that it is done."""
    if key not in notes_of(intent):
        return Unknown()
    return Moved(_taken(intent, key))


def capture_of(intent: stripe.PaymentIntent, key: OperationId) -> Outcome | None:
    """Return the outcome of the capture with a key; None where nothing came of it."""
    noted = _outcome(intent, key)
    if noted is not None:
        return noted
    match intent.status:
        case "succeeded" | "canceled":
            return Declined(f"payment_intent_{intent.status}")
        case "requires_capture":
            return None
        case "processing":
            return Processing(intent.id)
        case _:
            return Unknown()


def noted(intent: stripe.PaymentIntent) -> dict[str, Moved | Unknown]:
    """Return the outcome of each noted capture, except for those that did not happen."""
    outcomes = {key: _outcome(intent, key) for key in notes_of(intent)}
    return {key: outcome for key, outcome in outcomes.items() if outcome is not None}


def _outcome(intent: stripe.PaymentIntent, key: str) -> Moved | Unknown | None:
    notes, received = notes_of(intent), intent.amount_received
    if key not in notes:
        return None
    if _is_captured_once(intent):
        return Moved(_taken(intent, key))
    match is_made(notes, received, key):
        case True:
            return Moved(_taken(intent, key))
        case None:
            return Unknown()
        case False:
            return None


def _is_captured_once(intent: stripe.PaymentIntent) -> bool:
    """Return whether the received amount is the one noted capture; of several, some may have no note."""
    charge = intent.latest_charge
    found = multicapture_of(charge) if isinstance(charge, stripe.Charge) else {}
    is_over = intent.status == "succeeded" and intent.amount_received > 0
    return is_over and len(notes_of(intent)) == 1 and found.get(MULTICAPTURE) != AVAILABLE


def _taken(intent: stripe.PaymentIntent, key: str) -> Money:
    """Return a capture's amount; an intent's only capture took all that was received, whatever was requested."""
    is_all = _is_captured_once(intent)
    return money_of(intent, intent.amount_received if is_all else notes_of(intent)[key])


def is_made(notes: Notes, received: int, key: str) -> bool | None:
    """Return whether a capture is part of the received amount; None where that can't be told.

    A note is written with its capture. If less was received than noted, a capture did not happen: the one without which
    the others can make up the received amount, and with which they can't.
    """
    if received >= sum(notes.values()):
        return True
    others = _sums((amount for other, amount in notes.items() if other != key), most=received)
    if others is None:
        return None
    may_be, may_not_be = received - notes[key] in others, received in others
    return may_be if may_be is not may_not_be else None


def _sums(amounts: Iterable[int], *, most: int) -> set[int] | None:
    """Return every sum of some of these amounts up to a limit; None where there are too many."""
    sums = {0}
    for amount in amounts:
        sums |= {one + amount for one in sums if one + amount <= most}
        if len(sums) > MOST_SUMS:
            return None
    return sums
