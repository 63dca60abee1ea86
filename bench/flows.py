"""The six steps of a flow, with lean documents: the fields that a shop needs and no more."""

import asyncio
import itertools
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench.wire import Connection

STEPS = ("create", "session", "authorize", "capture", "refund", "read back")
WHOLE = "whole flow"

FAILURE = "... on Failure { code message }"
PAYMENT = f"... on Payment {{ id status capturedAmount refundedAmount }} {FAILURE}"

CREATE = (
    "mutation ($input: CreatePaymentCollectionInput!) { createPaymentCollection(input: $input)"
    f" {{ ... on PaymentCollection {{ id status amount }} {FAILURE} }} }}"
)
SESSION = (
    "mutation ($input: CreatePaymentSessionInput!) { createPaymentSession(input: $input)"
    f" {{ ... on PaymentSession {{ id status amount }} {FAILURE} }} }}"
)
AUTHORIZE = (
    "mutation ($input: AuthorizePaymentSessionInput!) { authorizePaymentSession(input: $input)"
    f" {{ {PAYMENT} }} }}"
)
CAPTURE = (
    f"mutation ($input: CapturePaymentInput!) {{ capturePayment(input: $input) {{ {PAYMENT} }} }}"
)
REFUND = (
    f"mutation ($input: RefundPaymentInput!) {{ refundPayment(input: $input) {{ {PAYMENT} }} }}"
)
READ_BACK = (
    "query ($id: ID!) { paymentCollection(id: $id) { id status amount capturedAmount refundedAmount"
    " payments { id status } } }"
)

numbers = itertools.count()

Timed = dict[str, list[float]]
"""Seconds, by step."""


async def pay_once(connection: Connection, timings: Timed) -> None:
    """Make one payment and refund a part of it."""

    async def step(name: str, query: str, variables: dict[str, Any]) -> Any:
        started = time.perf_counter()
        value = await connection.execute(query, variables)
        timings[name].append(time.perf_counter() - started)
        return value

    key = f"{os.getpid()}-{next(numbers)}"
    collection = await step("create", CREATE, {"input": {"currencyCode": "USD", "amount": "49.90"}})
    given = {"paymentCollectionId": collection["id"], "providerId": "system"}
    session = await step("session", SESSION, {"input": given})
    payment = await step("authorize", AUTHORIZE, {"input": {"id": session["id"]}})
    moved = {"paymentId": payment["id"]}
    await step("capture", CAPTURE, {"input": {**moved, "idempotencyKey": f"capture-{key}"}})
    partly = {**moved, "amount": "10.00", "idempotencyKey": f"refund-{key}"}
    await step("refund", REFUND, {"input": partly})
    end = await step("read back", READ_BACK, {"id": collection["id"]})
    if (end["status"], end["refundedAmount"]) != ("COMPLETED", "10.00"):
        raise RuntimeError(f"The flow ended wrong: {end}")


Flow = Callable[[Connection, Timed], Awaitable[None]]


async def run_flows(port: int, flow: Flow, *, clients: int, flows: int) -> tuple[float, Timed]:
    """Run a number of flows by several clients at once; return the seconds it took, and those of each step and flow."""
    timings: Timed = {name: [] for name in (*STEPS, WHOLE)}
    left = iter(range(flows))

    async def client() -> None:
        connection = await Connection.open(port)
        for _ in left:  # All clients share it.
            started = time.perf_counter()
            await flow(connection, timings)
            timings[WHOLE].append(time.perf_counter() - started)
        connection.close()

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return time.perf_counter() - started, timings
