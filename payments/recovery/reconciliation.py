"""Reconciliation: the sums of payments here, compared with the sums at their provider."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from payments.flow.runtime import Flow
from payments.model.entities import Payment, PaymentSession
from payments.model.ids import ProviderId, SessionId
from payments.model.instants import Instant, after
from payments.model.money import Money
from payments.model.outcomes import Authorized, Effect, Moved
from payments.model.statuses import OperationKind
from payments.ports.provider import ReadsObjects, effects_on

RECENT_SECONDS = 30 * 86_400.0
"""Sessions that changed longer ago and have nothing left to capture are not compared any more."""

SESSIONS_AT_ONCE = 100

Sum = tuple[str, str]
"""A sum to compare, and its currency."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A sum that differs at the provider."""

    id: str
    """Of the payment, or of the session if there is none."""
    reference: str
    what: str
    here: Money
    there: Money

    def __str__(self) -> str:
        return (
            f"{self.id}: {self.what} {self.here} {self.here.currency} here, {self.there} {self.there.currency}"
            f" at the provider ({self.reference})"
        )


@dataclass(frozen=True, slots=True)
class Compared:
    """A session that was compared, with its differences."""

    session_id: SessionId
    differences: Sequence[Difference]


def readers_of(flow: Flow, gateway: str) -> dict[ProviderId, ReadsObjects]:
    """Return the names of a gateway's providers whose objects can be read; empty where there is none."""
    return {
        id: provider
        for id, provider in flow.providers.items()
        if isinstance(provider, ReadsObjects) and gateway in (id, provider.gateway)
    }


def readable_gateways(flow: Flow) -> list[str]:
    """Return the gateways whose objects can be read, sorted by name."""
    providers = flow.providers.values()
    return sorted({one.gateway for one in providers if isinstance(one, ReadsObjects)})


async def compare(flow: Flow, gateway: str) -> AsyncIterator[Compared]:
    """Read every open and recent session of a gateway from it; raises RecordsUnreadable.

    Operations in flight are left out: recovery resolves them.
    """
    readers = readers_of(flow, gateway)
    since = after(flow.store.now(), -RECENT_SECONDS)
    last = SessionId("")
    while page := await _page(flow, list(readers), since, after=last):
        for session, payment in page:
            last = session.id
            if session.reference is None or _is_busy(session, payment):
                continue
            effects = await effects_on(readers[session.provider_id], session.reference)
            yield Compared(session.id, list(differences(session, payment, effects)))


async def _page(
    flow: Flow, of: Sequence[ProviderId], since: Instant, *, after: SessionId
) -> list[tuple[PaymentSession, Payment | None]]:
    return await flow.store.read(
        lambda tx: [
            (session, _payment_of(session, tx.payments_of(session.collection_id)))
            for session in tx.sessions_at(of, since=since, after=after, limit=SESSIONS_AT_ONCE)
        ]
    )


def _payment_of(session: PaymentSession, payments: Sequence[Payment]) -> Payment | None:
    return next((payment for payment in payments if payment.session_id == session.id), None)


def _is_busy(session: PaymentSession, payment: Payment | None) -> bool:
    if payment is None:
        return session.is_in_flight or session.is_opening
    return (
        payment.capture_pending_minor > 0
        or payment.refund_pending_minor > 0
        or payment.cancellation_id is not None
    )


def differences(
    session: PaymentSession, payment: Payment | None, effects: Sequence[Effect]
) -> list[Difference]:
    """Compare a session's sums, each in its own currency."""
    there = _sums(effects)
    here = {} if payment is None else _sums_here(payment)
    return [
        Difference(
            session.id if payment is None else payment.id,
            session.reference or "",
            what,
            Money(here.get((what, currency), 0), currency),
            Money(there[what, currency], currency),
        )
        for what, currency in here | there
        if here.get((what, currency), 0) != there[what, currency]
    ]


def _sums_here(payment: Payment) -> dict[Sum, int]:
    return {
        ("authorized", payment.currency): payment.amount_minor,
        ("captured", payment.currency): payment.captured_minor,
        ("refunded", payment.currency): payment.refunded_minor,
        ("released", payment.currency): payment.released_minor,
    }


def _sums(effects: Sequence[Effect]) -> Counter[Sum]:
    sums: Counter[Sum] = Counter()
    words = {
        OperationKind.CAPTURE: "captured",
        OperationKind.REFUND: "refunded",
        OperationKind.CANCEL: "released",
    }
    for effect in effects:
        outcome = effect.outcome
        if isinstance(outcome, Authorized):
            amount = outcome.amount
            sums["authorized", amount.currency] += amount.minor
            sums["captured", amount.currency] += amount.minor if outcome.is_captured else 0
        elif isinstance(outcome, Moved) and effect.kind in words:
            sums[words[effect.kind], outcome.amount.currency] += outcome.amount.minor
            sums["released", effect.amount.currency] += effect.released_minor
    # A payment given back in full is canceled at the provider, although it was authorized.
    for currency in {currency for _, currency in sums}:
        if sums["authorized", currency] == 0:
            sums["authorized", currency] = sums["released", currency]
    return sums
