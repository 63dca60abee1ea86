"""What is measured on a database: each cost is a function that does one thing once, and returns how long it took."""

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from bench.flows import pay_once, run_flows
from bench.size.sized import Sized
from bench.wire import Connection
from db.event_log import SqlLog
from db.flow_store import SqlStore
from db.invariants import SqlInvariants
from db.statements.log_order import EVENTS_A_TRANSACTION
from db.webhook_store import SqlWebhooks
from payments.model.ids import WEBHOOK_ENDPOINT, EndpointId, ProviderId, new_id
from payments.model.instants import now
from payments.ports.transactions import Transaction
from webhooks.deliveries import feed
from webhooks.model import WebhookEndpoint
from webhooks.ports import WebhookTransaction

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cost:
    """Something whose cost should not depend on the size of the database."""

    name: str
    seconds: Callable[[Sized], Awaitable[float]]
    times: int = 10
    """Measurements of a round."""


FLOWS: Final = 40
CLIENTS: Final = 8

COLLECTIONS_PAGE: Final = (
    "query ($filter: PaymentCollectionFilter, $sort: SortOrder) { paymentCollections(first: 50,"
    " filter: $filter, sort: $sort) { edges { cursor node { id status amount reference } }"
    " pageInfo { hasNextPage } } }"
)
PAYMENTS_PAGE: Final = (
    "query ($filter: PaymentFilter, $sort: SortOrder) { payments(first: 50, filter: $filter,"
    " sort: $sort) { edges { cursor node { id status capturedAmount } } pageInfo { hasNextPage } } }"
)
WHOLE_PAGE: Final = (
    "{ paymentCollections(first: 50) { edges { node { id status paymentSessions { id status payment"
    " { id } } payments { id captures { id } refunds { id } } events(first: 5) { edges { node { type"
    " } } } } } } }"
)
TOTAL: Final = "{ paymentCollections(first: 1) { totalCount } }"
EVENTS_PAGE: Final = "{ paymentEvents(first: 50) { edges { cursor node { id type } } } }"
UNSETTLED_PAGE: Final = "{ unsettledOperations(first: 50) { edges { cursor } } }"

SYSTEM: Final = {"providerId": "system"}

COLLECTION_FILTERS: Final[dict[str, Callable[[Sized], Json]]] = {
    "all, newest first": lambda _: {"sort": "NEWEST_FIRST"},
    "all, oldest first": lambda _: {"sort": "OLDEST_FIRST"},
    "a reference": lambda one: {"filter": {"reference": one.values["reference"]}},
    "a region": lambda _: {"filter": {"regionId": "region 3"}},
    "a currency": lambda _: {"filter": {"currencyCode": "EUR"}},
    "a frequent status": lambda _: {"filter": {"statuses": ["COMPLETED"]}},
    "a rare status": lambda _: {"filter": {"statuses": ["AUTHORIZED"]}},
    "three statuses": lambda _: {"filter": {"statuses": ["COMPLETED", "AUTHORIZED", "CANCELED"]}},
    "a status that none has": lambda _: {"filter": {"statuses": ["CANCELED"]}},
    "a currency and a status that none has": lambda _: {
        "filter": {"currencyCode": "USD", "statuses": ["CANCELED"]}
    },
    "ids": lambda one: {"filter": {"ids": [one.values["id"]]}},
}
PAYMENT_FILTERS: Final[dict[str, Callable[[Sized], Json]]] = {
    "all, newest first": lambda _: {"sort": "NEWEST_FIRST"},
    "all, oldest first": lambda _: {"sort": "OLDEST_FIRST"},
    "a collection": lambda one: {"filter": {"paymentCollectionId": one.values["id"]}},
    "a provider": lambda _: {"filter": SYSTEM},
    "a currency": lambda _: {"filter": {"currencyCode": "EUR"}},
    "a frequent status": lambda _: {"filter": {"statuses": ["PARTIALLY_REFUNDED"]}},
    "a rare status": lambda _: {"filter": {"statuses": ["AUTHORIZED"]}},
    "a provider and a status": lambda _: {"filter": {**SYSTEM, "statuses": ["AUTHORIZED"]}},
    "a provider and a status that none has": lambda _: {
        "filter": {**SYSTEM, "statuses": ["CAPTURED"]}
    },
    "a provider and two statuses that none has": lambda _: {
        "filter": {**SYSTEM, "statuses": ["CAPTURED", "CANCELED"]}
    },
    "a provider that none has": lambda _: {"filter": {"providerId": "sandbox"}},
    "ids": lambda one: {"filter": {"ids": [one.values["middle"]["payments"]]}},
}


async def _flow(sized: Sized) -> float:
    seconds, _ = await run_flows(sized.server.port, pay_once, clients=CLIENTS, flows=FLOWS)
    return seconds / FLOWS


def _request(name: str, query: str, variables: Callable[[Sized], Json]) -> Cost:
    async def seconds(sized: Sized) -> float:
        connection = await Connection.open(sized.server.port)
        try:
            began = time.perf_counter()
            await connection.execute(query, variables(sized))
            return time.perf_counter() - began
        finally:
            connection.close()

    return Cost(name, seconds)


def _here(name: str, work: Callable[[Sized], Awaitable[object]]) -> Cost:
    """Return the cost of what no request does, done by the program's own classes in this process."""

    async def seconds(sized: Sized) -> float:
        began = time.perf_counter()
        await work(sized)
        return time.perf_counter() - began

    return Cost(name, seconds)


async def _metrics(sized: Sized) -> float:
    async with httpx2.AsyncClient() as client:
        began = time.perf_counter()
        answer = await client.get(f"{sized.server.url}/metrics")
        answer.raise_for_status()
        return time.perf_counter() - began


class _RolledBack(Exception):
    """Ends a transaction so that the next one finds the same again."""


async def _feed(sized: Sized) -> None:
    """Feed an endpoint that is behind by half of the log with one batch, and undo that."""

    def work(tx: WebhookTransaction) -> None:
        tx.insert_endpoint(
            WebhookEndpoint(
                id=EndpointId(new_id(WEBHOOK_ENDPOINT)),
                url="https://127.0.0.1/",
                secret="whsec_of_nobody",  # noqa: S106 - signs nothing
                position=sized.values["position"],
                created_at=now(),
                updated_at=now(),
            )
        )
        feed(tx)
        raise _RolledBack

    with suppress(_RolledBack):
        await SqlWebhooks(sized.database).transact(work)


async def _claim(sized: Sized) -> None:
    """Do what recovery does at each interval where nothing is due."""
    providers = [ProviderId("system"), ProviderId("sandbox")]

    def work(tx: Transaction) -> None:
        tx.claim_due(providers, leased_by="bench", lease_seconds=1, limit=10)
        tx.expired_payments(providers, limit=10)
        tx.next_due_at(providers)

    await SqlStore(sized.database).transact(work)


def _slice(table: str) -> Cost:
    return _here(
        f"check: a slice of {table}",
        lambda sized: SqlInvariants(sized.database).slice(sized.values["middle"][table]),
    )


async def _start(sized: Sized) -> float:
    sized.server.stop()
    began = time.perf_counter()
    sized.server.start()
    return time.perf_counter() - began


COSTS: Final = (
    Cost("flow, 8 clients", _flow, times=3),
    *(
        _request(f"paymentCollections: {name}", COLLECTIONS_PAGE, variables)
        for name, variables in COLLECTION_FILTERS.items()
    ),
    *(
        _request(f"payments: {name}", PAYMENTS_PAGE, variables)
        for name, variables in PAYMENT_FILTERS.items()
    ),
    _request("paymentCollections: totalCount", TOTAL, lambda _: {}),
    _request("paymentCollections: with everything under them", WHOLE_PAGE, lambda _: {}),
    _request("unsettledOperations", UNSETTLED_PAGE, lambda _: {}),
    _request("paymentEvents: from the beginning", EVENTS_PAGE, lambda _: {}),
    _here(
        "paymentEvents: from the middle",
        lambda one: SqlLog(one.database).events(after=one.values["position"], limit=50),
    ),
    _here(
        "paymentEvents: the newest",
        lambda one: SqlLog(one.database).events(after=one.values["last_position"], limit=50),
    ),
    _here("webhooks: one feeding", _feed),
    _here("recovery: looking for what is due", _claim),
    Cost("/metrics", _metrics),
    *(
        _slice(table)
        for table in ("payment_collections", "payment_sessions", "payments", "operations")
    ),
    _here(
        "check: what has changed",
        lambda one: SqlInvariants(one.database).changes(
            one.values["last_position"] - EVENTS_A_TRANSACTION
        ),
    ),
    Cost("start-up", _start, times=1),
)
