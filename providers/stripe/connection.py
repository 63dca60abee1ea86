"""The one connection to Stripe's API: the SDK's client with our time limits, and each call that is made."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, cast

import aiohttp
import stripe
from stripe import AIOHTTPClient, RequestOptions, StripeClient
from stripe.params import (
    CustomerCreateParams,
    CustomerListParams,
    CustomerListParamsCreated,
    CustomerUpdateParams,
    DisputeListParams,
    EventListParams,
    PaymentIntentCancelParams,
    PaymentIntentCaptureParams,
    PaymentIntentConfirmParams,
    PaymentIntentCreateParams,
    PaymentIntentListParams,
    PaymentIntentListParamsCreated,
    PaymentIntentUpdateParams,
    RefundCreateParams,
    RefundListParams,
    SetupIntentCreateParams,
    SetupIntentListParams,
)

from payments.model.ids import HolderId, SessionId, made_at
from providers.stripe.intents import HOLDER_KEY, OPERATION_KEY, SESSION_KEY, metadata_of
from providers.stripe.lists import LONGEST_LIST, Listed, latest_span, paged, repeated, spans_after

API_VERSION = "2026-10-28.endive"
"""Pinned: Stripe's answers change with it, and with nothing else."""

CONNECT_SECONDS = 1.0

MOST_PAGES = 50
"""Pages of what belongs to one object, or was created within some minutes: 5,000 objects."""

EVENT_PAGES = 10_000
"""Pages for thirty days: a million objects, which are read in some hours."""

EVENT_TYPES = 20
"""Event types in one list. Source: https://docs.stripe.com/api/events/list."""

SLOWER = 4
"""The extra time of a confirmation and a capture: an issuer or a wallet is contacted meanwhile."""

CHARGE = ["latest_charge"]
METHOD = ["payment_method", "latest_attempt"]


class Connection:
    """The calls to Stripe. Only reads are repeated here: the flow knows how much time is left for everything else."""

    def __init__(self, secret_key: str, api_base: str | None, read_seconds: float) -> None:
        self.is_live = "_live_" in secret_key
        self.slow_seconds = CONNECT_SECONDS + SLOWER * read_seconds
        """How long a confirmation or a capture may take."""
        self._http = _http(read_seconds)
        self._slow_http = _http(SLOWER * read_seconds)
        client = _client(secret_key, api_base, self._http)
        slow = _client(secret_key, api_base, self._slow_http)
        self._slow_intents = slow.v1.payment_intents
        self._intents = client.v1.payment_intents
        self._refunds = client.v1.refunds
        self._disputes = client.v1.disputes
        self._events = client.v1.events
        self._customers = client.v1.customers
        self._methods = client.v1.payment_methods
        self._setups = client.v1.setup_intents
        self._accounts = client.v1.accounts

    async def close(self) -> None:
        """Close the connections."""
        for http in (self._http, self._slow_http):
            await http.close_async()  # type: ignore[no-untyped-call]  # the SDK's own

    async def account(self) -> stripe.Account:
        """Return the account that the key belongs to."""
        return await repeated(self._accounts.retrieve_current_async)

    async def create(self, params: PaymentIntentCreateParams, key: str) -> stripe.PaymentIntent:
        """Create an intent."""
        return await self._intents.create_async(params, _with(key))

    async def update(
        self, id: str, params: PaymentIntentUpdateParams, key: str
    ) -> stripe.PaymentIntent:
        """Update an intent."""
        return await self._intents.update_async(id, params, _with(key))

    async def confirm(
        self, id: str, params: PaymentIntentConfirmParams, key: str
    ) -> stripe.PaymentIntent:
        """Authorize an intent with a payment method."""
        return await self._slow_intents.confirm_async(id, {**params, "expand": CHARGE}, _with(key))

    async def capture(
        self, id: str, params: PaymentIntentCaptureParams, key: str
    ) -> stripe.PaymentIntent:
        """Capture an authorized amount."""
        return await self._slow_intents.capture_async(id, {**params, "expand": CHARGE}, _with(key))

    async def cancel(
        self, id: str, params: PaymentIntentCancelParams, key: str
    ) -> stripe.PaymentIntent:
        """Cancel an intent, and give back its authorized amount."""
        return await self._intents.cancel_async(id, {**params, "expand": CHARGE}, _with(key))

    async def intent(self, id: str) -> stripe.PaymentIntent:
        """Return an intent with its newest charge."""
        return await repeated(lambda: self._intents.retrieve_async(id, {"expand": CHARGE}))

    async def find_intent(
        self, session_id: SessionId, customer: str | None
    ) -> stripe.PaymentIntent | None:
        """Return a session's intent among those created since; raises ListTooLong.

        Lists show new objects at once; a search may lag, and there is none in India.
        Source: https://docs.stripe.com/search#data-freshness.
        """
        of: PaymentIntentListParams = {} if customer is None else {"customer": customer}
        for span in spans_after(made_at(session_id)):
            params: PaymentIntentListParams = {
                **of,
                "created": cast(PaymentIntentListParamsCreated, span),
                "limit": LONGEST_LIST,
                "expand": ["data.latest_charge"],
            }
            async for one in paged(_lists(self._intents.list_async, params), MOST_PAGES):
                if metadata_of(one).get(SESSION_KEY) == session_id:
                    return one
        return None

    async def refund(self, params: RefundCreateParams, key: str) -> stripe.Refund:
        """Refund a captured amount."""
        return await self._refunds.create_async(params, _with(key))

    async def refunds(self, intent_id: str) -> Sequence[stripe.Refund]:
        """Return the refunds of an intent, oldest first."""
        params: RefundListParams = {"payment_intent": intent_id, "limit": LONGEST_LIST}
        pages = paged(_lists(self._refunds.list_async, params), MOST_PAGES)
        return [refund async for refund in pages][::-1]

    async def find_refund(self, intent_id: str, key: str) -> stripe.Refund | None:
        """Return the refund of an intent that was requested with a key."""
        for refund in await self.refunds(intent_id):
            if metadata_of(refund).get(OPERATION_KEY) == key:
                return refund
        return None

    async def disputes(self, intent_id: str) -> Sequence[stripe.Dispute]:
        """Return the disputes of an intent, oldest first."""
        params: DisputeListParams = {"payment_intent": intent_id, "limit": LONGEST_LIST}
        pages = paged(_lists(self._disputes.list_async, params), MOST_PAGES)
        return [dispute async for dispute in pages][::-1]

    async def create_customer(self, params: CustomerCreateParams, key: str) -> stripe.Customer:
        """Create a customer."""
        return await self._customers.create_async(params, _with(key))

    async def customer(self, id: str) -> stripe.Customer:
        """Return a customer; a deleted one is marked as such."""
        return await self._customers.retrieve_async(id)

    async def update_customer(self, id: str, params: CustomerUpdateParams, key: str) -> None:
        """Update a customer."""
        await self._customers.update_async(id, params, _with(key))

    async def delete_customer(self, id: str) -> None:
        """Delete a customer, with every payment method that is attached to them."""
        await self._customers.delete_async(id)

    async def find_customer(self, holder_id: HolderId) -> stripe.Customer | None:
        """Return an account holder's customer among those created since, or lately; raises ListTooLong.

        The first request may have failed, and a later one created the customer.
        """
        for span in (*spans_after(made_at(holder_id)), latest_span()):
            params: CustomerListParams = {
                "created": cast(CustomerListParamsCreated, span),
                "limit": LONGEST_LIST,
            }
            async for one in paged(_lists(self._customers.list_async, params), MOST_PAGES):
                if metadata_of(one).get(HOLDER_KEY) == holder_id:
                    return one
        return None

    async def create_setup(self, params: SetupIntentCreateParams, key: str) -> stripe.SetupIntent:
        """Save a payment method, or let the browser do it."""
        return await self._setups.create_async({**params, "expand": METHOD}, _with(key))

    async def setup(self, id: str) -> stripe.SetupIntent:
        """Return a saving with its payment method."""
        return await repeated(lambda: self._setups.retrieve_async(id, {"expand": METHOD}))

    async def find_setup(self, customer: str, key: str) -> stripe.SetupIntent | None:
        """Return the saving of a customer that was requested with a key."""
        params: SetupIntentListParams = {
            "customer": customer,
            "limit": LONGEST_LIST,
            "expand": [f"data.{name}" for name in METHOD],
        }
        async for setup in paged(_lists(self._setups.list_async, params), MOST_PAGES):
            if metadata_of(setup).get(OPERATION_KEY) == key:
                return setup
        return None

    async def method(self, id: str) -> stripe.PaymentMethod:
        """Return a payment method."""
        return await repeated(lambda: self._methods.retrieve_async(id))

    async def detach(self, id: str, key: str) -> None:
        """Detach a payment method from its customer; it can't be used again."""
        await self._methods.detach_async(id, {}, _with(key))

    async def events(self, since: int, types: Collection[str]) -> AsyncIterator[stripe.Event]:
        """Yield events of some types since a second, newest first for each twenty types."""
        names = sorted(types)
        for start in range(0, len(names), EVENT_TYPES):
            params: EventListParams = {
                "created": {"gte": since},
                "types": names[start : start + EVENT_TYPES],
                "limit": LONGEST_LIST,
            }
            async for event in paged(_lists(self._events.list_async, params), EVENT_PAGES):
                yield event


def _lists(
    list_: Callable[[Any], Awaitable[stripe.ListObject[Listed]]], params: Mapping[str, Any]
) -> Callable[[str | None], Awaitable[stripe.ListObject[Listed]]]:
    """Return a function that reads the page of a list after an object."""
    return lambda after: list_(params if after is None else {**params, "starting_after": after})


def _http(read_seconds: float) -> AIOHTTPClient:
    return AIOHTTPClient(
        timeout=aiohttp.ClientTimeout(
            total=CONNECT_SECONDS + read_seconds, connect=CONNECT_SECONDS, sock_read=read_seconds
        )
    )


def _client(secret_key: str, api_base: str | None, http: AIOHTTPClient) -> StripeClient:
    return StripeClient(
        secret_key,
        stripe_version=API_VERSION,
        base_addresses={"api": api_base} if api_base is not None else {},
        max_network_retries=0,
        http_client=http,
    )


def _with(key: str) -> RequestOptions:
    return {"idempotency_key": key}
