"""Customers and saved payment methods at Stripe: https://docs.stripe.com/payments/save-and-reuse."""

from collections.abc import Awaitable, Callable, Mapping

import stripe
import structlog
from stripe.params import CustomerCreateParams, SetupIntentCreateParams

from payments.model.account_holders import (
    Changed,
    ChangeOutcome,
    HolderAsk,
    HolderMade,
    HolderOutcome,
    SavingAsk,
    SavingOutcome,
)
from payments.model.failures import HOLDER_MISSING, METHOD_MISSING
from payments.model.ids import new_request_id
from payments.model.outcomes import Declined, JsonValue, NotReached, Unknown
from providers.stripe import data, intents, setups
from providers.stripe.codes import MISSING
from providers.stripe.errors import declined, is_missing, log_error, outcome_of
from providers.stripe.provider import StripeProvider

log = structlog.get_logger("stripe")

SERVER_ERROR = 500


class SavingStripeProvider(StripeProvider):
    """The Stripe provider with saved payment methods."""

    method_key: str | None = "paymentMethod"

    def check_saving(self, data_: Mapping[str, JsonValue]) -> None:
        """Check data against the documented keys; raises DataFault."""
        data.check_saving(data_)

    async def make_holder(self, ask: HolderAsk) -> HolderOutcome:
        """Create a customer; one who may already exist is searched for first."""
        if not await self.account.is_open():
            return NotReached()
        try:
            found = await self._found_holder(ask) if ask.is_key_forgotten else None
            if found is None:
                found = await self._made(ask, _key_of(ask))
        except stripe.StripeError as error:
            if _is_servers(error):
                return await self._made_after_a_fault(ask)
            return await self._failure("make holder", ask.key, error)
        return HolderMade(found.id)

    async def _found_holder(self, ask: HolderAsk) -> stripe.Customer | None:
        """Return a customer created for the holder earlier; another creation would use a new key at Stripe."""
        return None if ask.replaces is not None else await self._connection.find_customer(ask.key)

    async def _made(self, ask: HolderAsk, key: str) -> stripe.Customer:
        params: CustomerCreateParams = {
            "metadata": {
                intents.HOLDER_KEY: ask.key,
                intents.CUSTOMER_KEY: ask.customer_reference,
            }
        }
        if ask.email is not None:
            params["email"] = ask.email
        if ask.name is not None:
            params["name"] = ask.name
        return await self._connection.create_customer(params, key)

    async def _made_after_a_fault(self, ask: HolderAsk) -> HolderOutcome:
        """Find the customer, or create it anew: Stripe repeats a failure for its key from then on.

        A second customer at Stripe does no harm: nothing was ever saved for the first.
        """
        try:
            found = await self._found_holder(ask)
            return HolderMade((found or await self._made(ask, f"{_key_of(ask)}:again")).id)
        except stripe.StripeError as error:
            return await self._failure("make holder", ask.key, error)

    async def has_holder(self, reference: str) -> bool | None:
        """Return whether a customer exists; a missing one in another account proves nothing."""
        if not await self.account.is_open():
            return None
        try:
            found = await self._connection.customer(reference)
        except stripe.StripeError as error:
            is_gone = is_missing(error) and not await self.account.is_to_blame(error)
            return False if is_gone else None
        return getattr(found, "deleted", False) is not True

    async def change_holder(
        self, reference: str, *, email: str | None, name: str | None
    ) -> ChangeOutcome:
        """Replace a customer's e-mail address and name."""
        key = new_request_id()
        outcome = await self._changed(
            "change holder",
            reference,
            lambda: self._connection.update_customer(
                reference, {"email": email or "", "name": name or ""}, key
            ),
        )
        return Declined(HOLDER_MISSING) if _is_gone(outcome) else outcome

    async def delete_holder(self, reference: str) -> ChangeOutcome:
        """Delete a customer."""
        outcome = await self._changed(
            "delete holder", reference, lambda: self._connection.delete_customer(reference)
        )
        return Changed() if _is_gone(outcome) else outcome

    async def save_method(self, ask: SavingAsk) -> SavingOutcome:
        """Save a given payment method, or open a saving for the customer's browser."""
        if not await self.account.is_open():
            return NotReached()
        params: SetupIntentCreateParams = {
            "customer": ask.holder_reference,
            "usage": "off_session",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {intents.OPERATION_KEY: ask.key},
        }
        method = data.payment_method_of(ask.data)
        if method is not None:
            params |= {"payment_method": method, "confirm": True, "use_stripe_sdk": True}
        try:
            return self._standing(ask, await self._connection.create_setup(params, ask.key))
        except stripe.StripeError as error:
            if _is_servers(error):
                return await self._found_saving(ask)
            return await self._failure("save method", ask.key, error)

    async def look_up_saving(self, ask: SavingAsk) -> SavingOutcome:
        """Return the state of a saving."""
        assert ask.reference is not None
        try:
            return self._standing(ask, await self._connection.setup(ask.reference))
        except stripe.StripeError as error:
            return await self._failure("look up saving", ask.key, error)

    async def _found_saving(self, ask: SavingAsk) -> SavingOutcome:
        try:
            found = await self._connection.find_setup(ask.holder_reference, ask.key)
        except stripe.StripeError as error:
            return await self._failure("find saving", ask.key, error)
        return Unknown() if found is None else self._standing(ask, found)

    def _standing(self, ask: SavingAsk, setup: stripe.SetupIntent) -> SavingOutcome:
        if setup.customer != ask.holder_reference:
            # It belongs to a deleted customer, and so do all their saved methods.
            return Declined(HOLDER_MISSING)
        return setups.saving_of(setup, self._settings.publishable_key)

    async def delete_method(self, reference: str) -> ChangeOutcome:
        """Detach a payment method from its customer."""
        key = new_request_id()
        outcome = await self._changed(
            "delete method", reference, lambda: self._connection.detach(reference, key)
        )
        if isinstance(outcome, Declined) and await self._is_detached(reference):
            return Changed()
        return outcome

    async def _is_detached(self, reference: str) -> bool:
        try:
            return (await self._connection.method(reference)).customer is None
        except stripe.StripeError as error:
            return is_missing(error) and not await self.account.is_to_blame(error)

    async def _changed(
        self, what: str, reference: str, change: Callable[[], Awaitable[None]]
    ) -> ChangeOutcome:
        try:
            await change()
        except stripe.StripeError as error:
            return await self._failure(what, reference, error)
        return Changed()

    async def _failure(
        self, what: str, about: str, error: stripe.StripeError
    ) -> Declined | NotReached | Unknown:
        """Return the outcome of an error, and log it."""
        log_error("not done", error, what=what, about=about)
        if await self.account.is_to_blame(error):
            return NotReached()
        outcome = outcome_of(error)
        # The account is the right one: a missing object is gone.
        is_gone = is_missing(error) and not isinstance(outcome, Declined)
        return declined(error.code, None) if is_gone else outcome


def _key_of(ask: HolderAsk) -> str:
    return ask.key if ask.replaces is None else f"{ask.key}:{ask.replaces}"


def _is_servers(error: stripe.StripeError) -> bool:
    return isinstance(error, stripe.APIError) and (error.http_status or 0) >= SERVER_ERROR


def _is_gone(outcome: ChangeOutcome) -> bool:
    return isinstance(outcome, Declined) and outcome.decline_code in (MISSING, METHOD_MISSING)
