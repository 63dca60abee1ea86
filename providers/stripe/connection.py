"""The one connection to Stripe's API: the SDK's client with our time limits, and each call that is made."""

from collections.abc import AsyncIterator, Sequence

import aiohttp
import stripe
from stripe import AIOHTTPClient, RequestOptions, StripeClient
from stripe.params import (
    CustomerCreateParams,
    CustomerUpdateParams,
    EventListParams,
    PaymentIntentCancelParams,
    PaymentIntentCaptureParams,
    PaymentIntentConfirmParams,
    PaymentIntentCreateParams,
    PaymentIntentUpdateParams,
    RefundCreateParams,
    SetupIntentCreateParams,
)

from providers.stripe.intents import HOLDER_KEY, OPERATION_KEY, SESSION_KEY

API_VERSION = "2026-10-28.endive"
"""Pinned: what Stripe answers changes with it, and with nothing else."""

CONNECT_SECONDS = 1.0

LONGEST_LIST = 100
"""Objects a page, as many as Stripe gives at once."""

CHARGE = ["latest_charge"]
METHOD = ["payment_method"]


class Connection:
    """Calls Stripe. Nothing is retried here: the flow knows how much time is left."""

    def __init__(self, secret_key: str, api_base: str | None, read_seconds: float) -> None:
        self.is_live = "_live_" in secret_key
        timeout = aiohttp.ClientTimeout(
            total=CONNECT_SECONDS + read_seconds, connect=CONNECT_SECONDS, sock_read=read_seconds
        )
        self._http = AIOHTTPClient(timeout=timeout)
        client = StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base} if api_base is not None else {},
            max_network_retries=0,
            http_client=self._http,
        )
        self._intents = client.v1.payment_intents
        self._refunds = client.v1.refunds
        self._disputes = client.v1.disputes
        self._events = client.v1.events
        self._customers = client.v1.customers
        self._methods = client.v1.payment_methods
        self._setups = client.v1.setup_intents
        self._accounts = client.v1.accounts

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK's own

    async def account(self) -> stripe.Account:
        """Read the account that the key is of."""
        return await self._accounts.retrieve_current_async()

    async def create(self, params: PaymentIntentCreateParams, key: str) -> stripe.PaymentIntent:
        """Open an intent."""
        return await self._intents.create_async(params, _with(key))

    async def update(
        self, id: str, params: PaymentIntentUpdateParams, key: str
    ) -> stripe.PaymentIntent:
        """Change an intent."""
        return await self._intents.update_async(id, params, _with(key))

    async def confirm(
        self, id: str, params: PaymentIntentConfirmParams, key: str
    ) -> stripe.PaymentIntent:
        """Authorize an intent with a payment method."""
        return await self._intents.confirm_async(id, {**params, "expand": CHARGE}, _with(key))

    async def capture(
        self, id: str, params: PaymentIntentCaptureParams, key: str
    ) -> stripe.PaymentIntent:
        """Take an authorized amount."""
        return await self._intents.capture_async(id, {**params, "expand": CHARGE}, _with(key))

    async def cancel(
        self, id: str, params: PaymentIntentCancelParams, key: str
    ) -> stripe.PaymentIntent:
        """Cancel an intent, and give back what is authorized of it."""
        return await self._intents.cancel_async(id, {**params, "expand": CHARGE}, _with(key))

    async def intent(self, id: str) -> stripe.PaymentIntent:
        """Read an intent with its newest charge."""
        return await self._intents.retrieve_async(id, {"expand": CHARGE})

    async def find_intent(self, session_id: str) -> stripe.PaymentIntent | None:
        """Find a session's intent by its metadata; Stripe's search may be a minute behind."""
        query = f"metadata['{SESSION_KEY}']:'{session_id}'"
        found = await self._intents.search_async(
            {"query": query, "limit": 1, "expand": ["data.latest_charge"]}
        )
        return found.data[0] if found.data else None

    async def refund(self, params: RefundCreateParams, key: str) -> stripe.Refund:
        """Give a captured amount back."""
        return await self._refunds.create_async(params, _with(key))

    async def refunds(self, intent_id: str) -> Sequence[stripe.Refund]:
        """List the refunds of an intent, oldest first."""
        page = await self._refunds.list_async({"payment_intent": intent_id, "limit": LONGEST_LIST})
        found = [refund async for refund in page.auto_paging_iter()]
        return found[::-1]

    async def find_refund(self, intent_id: str, key: str) -> stripe.Refund | None:
        """Find the refund of an intent that was asked for with a key."""
        for refund in await self.refunds(intent_id):
            if refund.metadata and refund.metadata.to_dict().get(OPERATION_KEY) == key:
                return refund
        return None

    async def disputes(self, intent_id: str) -> Sequence[stripe.Dispute]:
        """List the disputes of an intent, oldest first."""
        page = await self._disputes.list_async({"payment_intent": intent_id, "limit": LONGEST_LIST})
        return [dispute async for dispute in page.auto_paging_iter()][::-1]

    async def create_customer(self, params: CustomerCreateParams, key: str) -> stripe.Customer:
        """Make a customer."""
        return await self._customers.create_async(params, _with(key))

    async def update_customer(self, id: str, params: CustomerUpdateParams, key: str) -> None:
        """Change a customer."""
        await self._customers.update_async(id, params, _with(key))

    async def delete_customer(self, id: str) -> None:
        """Delete a customer, with every payment method that is attached to them."""
        await self._customers.delete_async(id)

    async def find_customer(self, holder_id: str) -> stripe.Customer | None:
        """Find an account holder's customer by its metadata; Stripe's search may be a minute behind."""
        query = f"metadata['{HOLDER_KEY}']:'{holder_id}'"
        found = await self._customers.search_async({"query": query, "limit": 1})
        return found.data[0] if found.data else None

    async def create_setup(self, params: SetupIntentCreateParams, key: str) -> stripe.SetupIntent:
        """Save a payment method, or let the browser do it."""
        return await self._setups.create_async({**params, "expand": METHOD}, _with(key))

    async def setup(self, id: str) -> stripe.SetupIntent:
        """Read a saving with its payment method."""
        return await self._setups.retrieve_async(id, {"expand": METHOD})

    async def find_setup(self, customer: str, key: str) -> stripe.SetupIntent | None:
        """Find the saving of a customer that was asked for with a key."""
        page = await self._setups.list_async(
            {"customer": customer, "limit": LONGEST_LIST, "expand": ["data.payment_method"]}
        )
        async for setup in page.auto_paging_iter():
            if setup.metadata and setup.metadata.to_dict().get(OPERATION_KEY) == key:
                return setup
        return None

    async def method(self, id: str) -> stripe.PaymentMethod:
        """Read a payment method."""
        return await self._methods.retrieve_async(id)

    async def detach(self, id: str, key: str) -> None:
        """Take a payment method from its customer; it can't be used again."""
        await self._methods.detach_async(id, {}, _with(key))

    async def events(self, params: EventListParams) -> AsyncIterator[stripe.Event]:
        """Read events, newest first."""
        page = await self._events.list_async({**params, "limit": LONGEST_LIST})
        async for event in page.auto_paging_iter():
            yield event


def _with(key: str) -> RequestOptions:
    return {"idempotency_key": key}
