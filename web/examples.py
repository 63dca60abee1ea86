"""Variables for the example documents, filled with new objects, so that each works as it is. For development."""

import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from payments.flow.method_outcomes import Saved
from payments.flow.runtime import Flow
from payments.model.account_holders import AccountHolder
from payments.model.callers import BACK_END
from payments.model.commands import (
    AuthorizePaymentSession,
    Call,
    CapturePayment,
    CreateAccountHolder,
    CreatePaymentCollection,
    CreatePaymentSession,
    CreateRefundReason,
    SavePaymentMethod,
)
from payments.model.entities import Snapshot
from payments.model.ids import EndpointId, ProviderId, new_request_id
from payments.model.outcomes import JsonObject
from payments.ports.provider import manual_provider
from payments.ports.reads import Log
from payments.use_cases import (
    account_holders,
    authorizations,
    captures_and_refunds,
    collections,
    payment_methods,
    refund_reasons,
    sessions,
)
from schema.cursors import event_cursor
from web.documents import ExampleDocument
from webhooks.limits import LAST_POSITION
from webhooks.ports import Webhooks

PLACEHOLDER = re.compile(r'"@([a-zA-Z]+)"')
SANDBOX = ProviderId("sandbox")
NONE = "none"
"""Stands for a customer if no provider saves payment methods, and for an endpoint if there is none."""

Endpoint = Callable[[Request], Awaitable[Response]]

AMOUNT = Decimal("49.90")
CURRENCY = "USD"


class Examples:
    """The objects that a document's variables name, "@collection", "@payment" and so on, each newly created."""

    def __init__(self, flow: Flow, log: Log, webhooks: Webhooks, request_id: str) -> None:
        self._flow = flow
        self._log = log
        self._webhooks = webhooks
        self._call = Call(BACK_END, request_id)
        self._has_sandbox = SANDBOX in flow.providers
        self._provider = SANDBOX if self._has_sandbox else manual_provider(flow.providers)
        self._in_wallet = NONE
        self._makers: dict[str, Callable[[], Awaitable[str]]] = {
            "key": self._key,
            "collection": self._collection,
            "session": self._session,
            "challenge": self._challenge,
            "payment": self._payment,
            "capturedPayment": self._captured_payment,
            "cursor": self._cursor,
            "unsettled": self._unsettled,
            "customer": self._customer,
            "holder": self._holder,
            "savedMethod": self._saved_method,
            "walletSession": self._wallet_session,
            "walletMethod": self._wallet_method,
            "reasonCode": self._reason_code,
            "reason": self._reason,
            "webhookUrl": self._webhook_url,
            "yesterday": self._yesterday,
            "endpoint": self._endpoint,
            "delivery": self._delivery,
        }

    async def fill(self, document: ExampleDocument) -> str:
        """Return a document's variables as JSON text, each placeholder replaced."""
        filled = document.variables
        for name in dict.fromkeys(PLACEHOLDER.findall(document.variables)):
            made = orjson.dumps(await self._makers[name]()).decode()
            filled = filled.replace(f'"@{name}"', made)
        return filled

    async def _key(self) -> str:
        return secrets.token_urlsafe(12)

    async def _opened(self, *of: AccountHolder) -> Snapshot:
        command = CreatePaymentCollection(
            currency=CURRENCY,
            amount=AMOUNT,
            reference="example",
            allows_split_payment=True,
            account_holder_ids=tuple(holder.id for holder in of),
        )
        return await collections.create(self._flow, self._call, command)

    async def _collection(self) -> str:
        return (await self._opened()).collection.id

    async def _session(self, data: JsonObject | None = None) -> str:
        command = CreatePaymentSession(
            collection_id=await self._collection(), provider_id=self._provider, data=data
        )
        _, id = await sessions.create(self._flow, self._call, command)
        return id

    async def _challenge(self) -> str:
        return await self._session({"token": "challenge"} if self._has_sandbox else None)

    async def _payment(self) -> str:
        command = AuthorizePaymentSession(id=await self._session())
        answer = await authorizations.authorize(self._flow, self._call, command)
        assert isinstance(answer, authorizations.Paid)
        return answer.payment.id

    async def _captured_payment(self) -> str:
        id = await self._payment()
        command = CapturePayment(payment_id=id, idempotency_key=await self._key())
        await captures_and_refunds.capture(self._flow, self._call, command)
        return id

    async def _unsettled(self) -> str:
        data: JsonObject | None = (
            {"token": "approve,capture=pending"} if self._has_sandbox else None
        )
        command = AuthorizePaymentSession(id=await self._session(data))
        answer = await authorizations.authorize(self._flow, self._call, command)
        assert isinstance(answer, authorizations.Paid)
        capture = CapturePayment(payment_id=answer.payment.id, idempotency_key=await self._key())
        return (await captures_and_refunds.capture(self._flow, self._call, capture)).operation.id

    async def _customer(self) -> str:
        holder = await self._made_holder()
        return NONE if holder is None else holder.customer_reference

    async def _holder(self) -> str:
        holder = await self._made_holder()
        return NONE if holder is None else holder.id

    async def _saved_method(self) -> str:
        holder = await self._made_holder()
        return NONE if holder is None else await self._kept(holder)

    async def _wallet_session(self) -> str:
        holder = await self._made_holder()
        if holder is None:
            return await self._session()
        self._in_wallet = await self._kept(holder)
        opened = await self._opened(holder)
        command = CreatePaymentSession(
            collection_id=opened.collection.id,
            provider_id=self._provider,
            account_holder_id=holder.id,
        )
        _, id = await sessions.create(self._flow, self._call, command)
        return id

    async def _wallet_method(self) -> str:
        """Return a payment method that the previous session's account holder can pay with."""
        return self._in_wallet

    async def _made_holder(self) -> AccountHolder | None:
        """Create a customer, if there is a provider that saves payment methods without an external account."""
        if not self._has_sandbox:
            return None
        command = CreateAccountHolder(
            provider_id=self._provider, customer_reference=f"example-{await self._key()}"
        )
        return await account_holders.create(self._flow, self._call, command)

    async def _kept(self, holder: AccountHolder) -> str:
        command = SavePaymentMethod(account_holder_id=holder.id)
        answer = await payment_methods.save(self._flow, self._call, command)
        assert isinstance(answer, Saved)
        return answer.method.id

    async def _reason_code(self) -> str:
        return f"example_{secrets.token_hex(8)}"

    async def _reason(self) -> str:
        command = CreateRefundReason(code=await self._reason_code(), label="An example")
        made = await refund_reasons.create(self._flow, command)
        return made.id

    async def _webhook_url(self) -> str:
        return "http://127.0.0.1:9000/webhooks"

    async def _yesterday(self) -> str:
        return (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="seconds")

    async def _endpoint(self) -> str:
        """Return the newest endpoint's id: a new endpoint would receive everything from then on."""
        there = await self._webhooks.endpoints()
        return there[-1].id if there else NONE

    async def _delivery(self) -> str:
        id = EndpointId(await self._endpoint())
        page = await self._webhooks.delivery_page(id, None, before=LAST_POSITION, limit=1)
        return page[0].id if page else NONE

    async def _cursor(self) -> str:
        last = await self._log.last_event_of((await self._opened()).collection.id)
        assert last is not None
        return event_cursor(last.id)


def examples_route(
    flow: Flow,
    log: Log,
    webhooks: Webhooks,
    documents: Sequence[ExampleDocument],
    guard: Callable[[Endpoint], Endpoint],
) -> Route:
    """Return the route that answers with GraphiQL's tabs, their variables filled with new objects.

    `guard` restricts it to secret keys.
    """

    async def make(_request: Request) -> Response:
        examples = Examples(flow, log, webhooks, new_request_id())
        tabs = [
            {"title": one.title, "query": one.text, "variables": await examples.fill(one)}
            for one in documents
        ]
        return JSONResponse(tabs, headers={"cache-control": "no-store"})

    guarded = guard(make)

    async def make_for_json(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            # A page of another origin can send anything except JSON without a preflight.
            return Response(status_code=415)
        return await guarded(request)

    return Route("/graphql/examples", make_for_json, methods=["POST"])
