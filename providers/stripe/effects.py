"""A PaymentIntent's history as effects: its authorization, captures, refunds, and what was given back."""

import time
from collections.abc import Iterator, Sequence

import stripe

from payments.model.ids import ProviderId, SessionId
from payments.model.instants import SECOND
from payments.model.money import Money
from payments.model.outcomes import Effect, Moved, Outcome
from payments.model.statuses import OperationKind
from providers.stripe import captures
from providers.stripe.amounts import from_stripe
from providers.stripe.intents import (
    EXPIRED_REASONS,
    OPERATION_KEY,
    PROVIDER_KEY,
    SESSION_KEY,
    authorization_of,
    capture_before_of,
    given_back_minor,
    metadata_of,
    money_of,
    refund_of,
    rest_of,
)


def effects_of(intent: stripe.PaymentIntent, refunds: Sequence[stripe.Refund]) -> list[Effect]:
    """Return everything that happened to an intent, oldest first; empty where it is not ours. Raises ValueError."""
    metadata = metadata_of(intent)
    session_id = metadata.get(SESSION_KEY)
    if session_id is None:
        return []
    made = _Effects(intent, SessionId(session_id), ProviderId(metadata.get(PROVIDER_KEY, "stripe")))
    return [
        made.authorization(),
        *made.captures(),
        *(made.refund(refund) for refund in refunds),
        *made.release(),
        *made.cancellation(),
    ]


class _Effects:
    """The effects of one intent."""

    def __init__(
        self, intent: stripe.PaymentIntent, session_id: SessionId, provider_id: ProviderId
    ) -> None:
        self._intent = intent
        self._session_id = session_id
        self._provider_id = provider_id

    def authorization(self) -> Effect:
        """Return the intent's authorization, whatever its state."""
        amount = money_of(self._intent, self._intent.amount)
        outcome = authorization_of(self._intent, None)
        return Effect(
            self._intent.id,
            True,
            OperationKind.AUTHORIZE,
            self._session_id,
            amount,
            outcome,
            is_sole=True,
            provider_id=self._provider_id,
        )

    def captures(self) -> Iterator[Effect]:
        """Return what was captured after the authorization: with our keys, and otherwise in the dashboard."""
        intent = self._intent
        if intent.capture_method != "manual" or intent.amount_received == 0:
            return
        own = captures.noted(intent)
        for key, outcome in own.items():
            asked = money_of(intent, captures.notes_of(intent)[key])
            amount = outcome.amount if isinstance(outcome, Moved) else asked
            yield self._captured(key, amount, outcome)
        told = [outcome.amount.minor for outcome in own.values() if isinstance(outcome, Moved)]
        there = money_of(intent, intent.amount_received).minor - sum(told)
        if len(told) == len(own) and there > 0:
            amount = Money(there, intent.currency.upper())
            yield self._captured(f"{intent.id}/captured", amount, Moved(amount), there=True)

    def refund(self, refund: stripe.Refund) -> Effect:
        """Return a refund, whatever its state."""
        key = metadata_of(refund).get(OPERATION_KEY)
        return Effect(
            key or refund.id,
            key is None,
            OperationKind.REFUND,
            self._session_id,
            from_stripe(refund.amount, refund.currency),
            refund_of(refund),
            provider_id=self._provider_id,
        )

    def cancellation(self) -> Iterator[Effect]:
        """Return the intent's cancellation, if it is canceled."""
        intent = self._intent
        if intent.status != "canceled":
            return
        given_back = given_back_minor(intent)
        currency = intent.currency.upper()
        yield Effect(
            f"{intent.id}/canceled",
            True,
            OperationKind.CANCEL,
            self._session_id,
            rest_of(intent),
            Moved(Money(given_back, currency)),
            closes_session=given_back == 0,
            is_sole=True,
            is_expired=intent.cancellation_reason in EXPIRED_REASONS,
            provider_id=self._provider_id,
        )

    def release(self) -> Iterator[Effect]:
        """Return the amount given back of an intent that has ended after a partial capture.

        By its last capture, by a cancellation, or because it expired; the recorder skips what is already known.
        Source: https://docs.stripe.com/payments/multicapture, final capture.
        """
        intent = self._intent
        rest = rest_of(intent)
        is_manual = intent.capture_method == "manual"
        if not (is_manual and intent.status == "succeeded" and rest.minor > 0):
            return
        yield Effect(
            f"{intent.id}/released",
            True,
            OperationKind.CANCEL,
            self._session_id,
            rest,
            Moved(rest),
            is_release=True,
            is_expired=intent.canceled_at is None and _is_past(intent),
            provider_id=self._provider_id,
        )

    def _captured(
        self, key: str, amount: Money, outcome: Outcome, *, there: bool = False
    ) -> Effect:
        return Effect(
            key,
            there,
            OperationKind.CAPTURE,
            self._session_id,
            amount,
            outcome,
            provider_id=self._provider_id,
        )


def _is_past(intent: stripe.PaymentIntent) -> bool:
    """Return whether the time to capture an intent is over."""
    charge = intent.latest_charge
    ends_at = capture_before_of(charge) if isinstance(charge, stripe.Charge) else None
    return ends_at is not None and ends_at <= time.time() * SECOND
