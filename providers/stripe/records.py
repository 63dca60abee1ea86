"""Stripe's own records: everything that happened to an intent, and to all intents since an instant."""

from collections.abc import AsyncIterator, Sequence

import stripe

from payments.model.instants import SECOND, Instant
from payments.model.outcomes import DisputeFound, Effect, Finding
from payments.ports.provider import RecordsUnreadable
from providers.stripe import disputes, intents, webhooks
from providers.stripe.effects import effects_of
from providers.stripe.errors import is_missing
from providers.stripe.setups import ReadsSetups


class ReadsRecords(ReadsSetups):
    """Reads of intents at Stripe, with their refunds and disputes."""

    async def findings(self, reference: str) -> Sequence[Finding]:
        """Return everything that happened to an intent; raises RecordsUnreadable."""
        try:
            intent = await self._connection.intent(reference)
        except stripe.StripeError as error:
            is_gone = is_missing(error) and not await self.account.is_to_blame(error)
            if is_gone:
                return ()
            raise RecordsUnreadable(f"Stripe's {reference}: {type(error).__name__}.") from None
        if intents.SESSION_KEY not in intents.metadata_of(intent):
            return ()
        try:
            has_moved = intent.amount_received > 0
            refunds = await self._connection.refunds(reference) if has_moved else ()
            effects = effects_of(intent, refunds)
        except (stripe.StripeError, ValueError) as error:
            raise RecordsUnreadable(f"Stripe's {reference}: {type(error).__name__}.") from None
        return [*effects, *await self._disputes(intent, effects)]

    async def _disputes(
        self, intent: stripe.PaymentIntent, effects: Sequence[Effect]
    ) -> Sequence[DisputeFound]:
        if not disputes.is_disputed(intent):
            return ()
        try:
            found = await self._connection.disputes(intent.id)
            return [disputes.dispute_of(intent, one) for one in found]
        except (stripe.StripeError, ValueError) as error:
            said = f"Stripe's disputes of {intent.id}: {type(error).__name__}."
            raise RecordsUnreadable(said, effects) from None

    async def effects(self, since: Instant) -> AsyncIterator[Finding]:
        """Yield what Stripe's events of the last thirty days are about, oldest first; raises RecordsUnreadable."""
        newest: dict[str, int] = {}
        try:
            async for event in self._connection.events(since // SECOND, webhooks.TAKEN):
                reference = webhooks.reference_of(event.to_dict())
                if reference is not None and not self.names_saving(reference):
                    newest[reference] = max(event.created, newest.get(reference, 0))
        except stripe.StripeError as error:
            raise RecordsUnreadable(f"Stripe's events: {type(error).__name__}.") from None
        unread: RecordsUnreadable | None = None
        for reference in sorted(newest, key=newest.__getitem__):
            try:
                findings = await self.findings(reference)
            except RecordsUnreadable as error:
                if not error.effects:
                    raise
                unread, findings = error, error.effects
            for finding in findings:
                yield finding
        if unread is not None:
            raise unread
