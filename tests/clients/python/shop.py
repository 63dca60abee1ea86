"""Pays, captures and refunds with the generated client, and prints what each answer is narrowed to."""

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from decimal import Decimal

import httpx
from tillgraph import Client
from tillgraph.authorize_payment_session import (
    AuthorizePaymentSessionAuthorizePaymentSessionPayment as Paid,
)
from tillgraph.authorize_payment_session import (
    AuthorizePaymentSessionAuthorizePaymentSessionRequiresMoreAction as RequiresMoreAction,
)
from tillgraph.authorize_payment_session import (
    AuthorizePaymentSessionAuthorizePaymentSessionRequiresMoreActionActionRedirectToUrl as RedirectToUrl,
)
from tillgraph.capture_payment import CapturePaymentCapturePaymentCapturePending as CapturePending
from tillgraph.capture_payment import CapturePaymentCapturePaymentPayment as Captured
from tillgraph.create_payment_collection import (
    CreatePaymentCollectionCreatePaymentCollectionPaymentCollection as PaymentCollection,
)
from tillgraph.create_payment_session import (
    CreatePaymentSessionCreatePaymentSessionPaymentSession as PaymentSession,
)
from tillgraph.create_refund_reason import (
    CreateRefundReasonCreateRefundReasonRefundReason as Reason,
)
from tillgraph.input_types import (
    AuthorizePaymentSessionInput,
    CapturePaymentInput,
    CreatePaymentCollectionInput,
    CreatePaymentSessionInput,
    CreateRefundReasonInput,
    DateTimeRange,
    PaymentCollectionFilter,
    RefundPaymentInput,
)
from tillgraph.refund_payment import RefundPaymentRefundPaymentPayment as Refunded
from tillgraph.watch_payment_collection import WatchPaymentCollection


async def open_collection(till: Client) -> str:
    """Open a collection; return its id."""
    input = CreatePaymentCollectionInput(
        currencyCode="USD",
        amount=Decimal("49.90"),
        reference="cart-1001",
        metadata={"shelf": 7},
    )
    match (await till.create_payment_collection(input)).create_payment_collection:
        case PaymentCollection() as made:
            print(f"collection {made.status.value} {made.outstanding_amount} {made.currency_code}")
            return made.id
        case failure:
            raise RuntimeError(failure.message)


async def open_session(till: Client, collection_id: str, token: str) -> str:
    """Open a session at the sandbox; return its id."""
    input = CreatePaymentSessionInput(
        paymentCollectionId=collection_id, providerId="sandbox", data={"token": token}
    )
    match (await till.create_payment_session(input)).create_payment_session:
        case PaymentSession() as made:
            return made.id
        case failure:
            raise RuntimeError(failure.message)


async def approve(address: str | None) -> None:
    """Approve a challenge, as the customer would in a browser."""
    assert address is not None
    async with httpx.AsyncClient() as browser:
        await browser.post(address, json={"result": "approve"})


async def pay(till: Client, id: str) -> str:
    """Authorize a session, and approve a challenge where there is one; return the payment's id."""
    input = AuthorizePaymentSessionInput(id=id)
    match (await till.authorize_payment_session(input)).authorize_payment_session:
        case Paid() as paid:
            paid_with = paid.paid_with and paid.paid_with.type_
            print(f"payment {paid.status.value} {paid.amount} {paid_with}")
            return paid.id
        case RequiresMoreAction() as more:
            print(f"action {more.action.kind} {more.payment_session.status.value}")
            match more.action:
                case RedirectToUrl() as redirect:
                    await approve(redirect.url)
                case action:
                    # Every action has this, one that was added later too.
                    await approve(action.fallback_url)
            return await pay(till, id)
        case failure:
            raise RuntimeError(failure.message)


async def capture(till: Client, payment_id: str, amount: str) -> None:
    """Capture a part of a payment."""
    input = CapturePaymentInput(
        paymentId=payment_id, amount=Decimal(amount), idempotencyKey=f"{payment_id}-{amount}"
    )
    match (await till.capture_payment(input)).capture_payment:
        case Captured() as captured:
            print(f"captured {captured.captured_amount} of {captured.amount}")
        case CapturePending() as pending:
            print(f"pending {pending.capture.status.value}")
        case failure:
            # Every failure has these, one that was added later too.
            read = failure.code.value, ".".join(failure.path or []), str(failure.retryable).lower()
            print(failure.typename__, *read)


async def refund(till: Client, payment_id: str, amount: str) -> None:
    """Refund a part of a payment, for a reason that is made for it."""
    reason = CreateRefundReasonInput(code="wrong_colour", label="The colour is wrong")
    made = (await till.create_refund_reason(reason)).create_refund_reason
    assert isinstance(made, Reason)
    input = RefundPaymentInput(
        paymentId=payment_id,
        amount=Decimal(amount),
        reasonId=made.id,
        idempotencyKey=f"{payment_id}-back",
    )
    refunded = (await till.refund_payment(input)).refund_payment
    assert isinstance(refunded, Refunded)
    print(f"refunded {refunded.refunded_amount} for {made.reason_code}")


async def show_all(till: Client, reference: str) -> None:
    """Print the collections with a reference."""
    since = DateTimeRange(**{"from": datetime(2026, 1, 1, tzinfo=UTC)})
    filter = PaymentCollectionFilter(reference=reference, createdAt=since)
    found = (await till.list_payment_collections(filter_=filter)).payment_collections
    for edge in found.edges:
        print(f"listed {edge.node.status.value} {edge.node.captured_amount}")


async def show_next(updates: AsyncIterator[WatchPaymentCollection]) -> None:
    """Print the next item of a stream."""
    update = (await anext(updates)).payment_collection_updates
    if update.event is None:
        print(f"watching {update.payment_collection.status.value}")
    else:
        print(f"event {update.event.type_.value} {update.event.amount}")


async def main(url: str, key: str) -> None:
    """Go through the flow."""
    credential = {"authorization": f"Bearer {key}"}
    async with Client(
        url=f"{url}/graphql",
        headers=credential,
        ws_url=f"{url.replace('http', 'ws')}/graphql",
        ws_connection_init_payload=credential,
    ) as till:
        collection = await open_collection(till)
        payment = await pay(till, await open_session(till, collection, "challenge"))
        updates = till.watch_payment_collection(id=collection)
        assert isinstance(updates, AsyncGenerator)
        async with aclosing(updates):
            await show_next(updates)
            await capture(till, payment, "20.00")
            await show_next(updates)
            await show_next(updates)
        await capture(till, payment, "40.00")
        await refund(till, payment, "5.00")
        await show_all(till, "cart-1001")
        other = await open_collection(till)
        session = await open_session(till, other, "approve,capture=pending")
        await capture(till, await pay(till, session), "49.90")


asyncio.run(main(*sys.argv[1:]))
