"""A transaction may be rolled back and start again: the second run of its function does all that the first one did."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import orjson
import pytest

from db.tables.payments import payment_events
from resolvers.root import executable
from tests.faults.conftest import checked
from tests.providers.packages.test_package import PACKAGE
from tests.support.flow.looking import answer_challenge, answer_page
from tests.support.flow.registering import ALLOWED, postpone
from tests.support.program.files import whole_lines
from tests.support.program.running import NO_RECOVERY, Json, RunningServer
from tests.support.stores import databases
from tests.support.stores.evidence import TABLES
from tests.support.waiting import until

RUNS_TWICE = {"TILLGRAPH_TEST_RUNS_TWICE": "1"}

TIMED = {"webhook_deliveries", "webhook_lanes", "rate_counts"}
"""Tables whose rows change by the clock, beside the calls."""

ID = re.compile(r"\b([a-z]+(?:_[a-z]+)*_)[0-9A-HJKMNP-TV-Z]{26}\b")
ULID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")
OF_A_SERVER = re.compile(
    r"127\.0\.0\.1:[0-9]+|[0-9a-f]{64}|tgcs_[^\"]+|whsec_[^\"]+|[0-9T:.-]+Z|key=[^\"]+"
)
"""Addresses, digests, secrets and instants, which no two servers have in common."""

EARLIEST_INSTANT = 10**15
"""In microseconds: larger than any other number that is written."""

CLOCKED = {"cursor", "startCursor", "endCursor", "retryAfterSeconds", "attempts", "nextAttemptAt"}

Caller = Callable[..., Json]


class Shop:
    """One server's calls, each with its answer."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.answers: list[tuple[str, Json]] = []

    def call(self, mutation: str, **input: Json) -> Json:
        """Run a mutation, whatever comes of it."""
        answer = self.server.change(mutation, input)
        self.answers.append((mutation, answer))
        return answer

    def call_twice(self, mutation: str, **input: Json) -> Json:
        """Run a mutation, and once more with the same idempotency key."""
        keyed = {**input, "idempotencyKey": f"key-{len(self.answers)}"}
        self.call(mutation, **keyed)
        return self.call(mutation, **keyed)

    def collection(self, **more: Json) -> str:
        """Open a collection of 100.00; return its id."""
        opened = self.call_twice(
            "createPaymentCollection", amount="100.00", currencyCode="USD", **more
        )
        return str(opened["id"])

    def session(self, collection_id: str, provider: str, data: Json, **more: Json) -> str:
        """Open a session; return its id."""
        values = {"paymentCollectionId": collection_id, "providerId": provider, "data": data}
        return str(self.call_twice("createPaymentSession", **values, **more)["id"])

    def payment(self, provider: str = "sandbox", **data: Json) -> str:
        """Authorize all of a collection; return the payment's id."""
        session = self.session(self.collection(), provider, data)
        return str(self.call_twice("authorizePaymentSession", id=session)["id"])


def of_collections(shop: Shop) -> None:
    """Open, change, mark, rotate and cancel."""
    id = shop.collection(reference="cart-1")
    shop.call("updatePaymentCollection", id=id, amount="80.00", metadata={"a": "b"})
    shop.call("updatePaymentCollection", id=id, amount="80.00")
    shop.call("rotateClientSecret", paymentCollectionId=id)
    shop.call_twice("markPaymentCollectionAsPaid", id=id)
    shop.call("cancelPaymentCollection", id=id)
    canceled = shop.collection()
    shop.session(canceled, "sandbox", {"token": "approve"})
    for token in ("approve", "challenge"):
        data = {"token": token}
        session = shop.session(canceled, "sandbox", data, amount="40.00")
        shop.call("authorizePaymentSession", id=session)
    shop.call("cancelPaymentCollection", id=canceled)
    shop.call("cancelPaymentCollection", id=canceled)
    for is_enabled in (False, True):
        shop.call("updatePaymentProvider", id="system", isEnabled=is_enabled)


def of_sessions(shop: Shop) -> None:
    """Open at providers that decide at once and at one that is asked, change, authorize and close."""
    collection = shop.collection()
    # One of them is asked: the outcomes of two would be recorded in any order.
    both = ["sandbox", "terminal"]
    shop.call_twice("createPaymentSessions", paymentCollectionId=collection, providerIds=both)
    for words in (["declined"], ["unknown", "opened"]):
        shop.call_twice(
            "createPaymentSession",
            paymentCollectionId=collection,
            providerId="terminal",
            data={"open": words},
        )
    sandbox = shop.session(collection, "sandbox", {"token": "decline:insufficient_funds"})
    shop.call("updatePaymentSession", id=sandbox, amount="60.00", metadata={"a": 1})
    shop.call_twice("authorizePaymentSession", id=sandbox)
    shop.call("cancelPaymentSession", id=sandbox)
    shop.call("cancelPaymentSession", id=sandbox)
    terminal = shop.session(collection, "terminal", {})
    shop.call("updatePaymentSession", id=terminal, amount="50.00")
    shop.call("updatePaymentSession", id=terminal, data={"update": ["declined"]})
    shop.call("cancelPaymentSession", id=terminal)


def of_attempts(shop: Shop) -> None:
    """Authorize before and after the customer's action, and at a provider that is not reached at first."""
    challenged = shop.session(shop.collection(), "sandbox", {"token": "challenge"})
    shop.call("authorizePaymentSession", id=challenged)
    answer_challenge(shop.server, challenged, "approve")
    shop.call_twice("authorizePaymentSession", id=challenged)
    for word in ("authorized", "declined", "unknown"):
        data = {"open": ["browser"], "look": [word]}
        session = shop.session(shop.collection(), "terminal", data)
        shop.call_twice("authorizePaymentSession", id=session)
    unreached = shop.session(
        shop.collection(), "terminal", {"authorize": [*["not_reached"] * 3, "authorized"]}
    )
    shop.call_twice("authorizePaymentSession", id=unreached)


def of_movements(shop: Shop) -> None:
    """Capture, refund and cancel, too much included; what stays open is requested again, and settled by hand."""
    reason = shop.call("createRefundReason", code="came_back", label="Goods returned")["id"]
    shop.call("createRefundReason", code="came_back", label="Goods returned")
    shop.call("updateRefundReason", id=reason, label="Returned")
    for provider in ("sandbox", "terminal", "system"):
        payment = shop.payment(provider)
        shop.call_twice("capturePayment", paymentId=payment, amount="60.00")
        shop.call_twice("capturePayment", paymentId=payment, amount="60.00")
        shop.call_twice("refundPayment", paymentId=payment, amount="20.00", reasonId=reason)
        shop.call("cancelPayment", paymentId=payment)
        shop.call("cancelPayment", paymentId=payment)
    shop.call("deleteRefundReason", id=reason)
    pending = shop.payment(token="approve,capture=pending,cancel=pending")
    shop.call_twice("capturePayment", paymentId=pending)
    shop.call("cancelPayment", paymentId=pending)
    ((operation,),) = shop.server.rows(
        "SELECT id FROM operations WHERE payment_id = ? AND kind = 'capture'", pending
    )
    shop.call("askAgain", id=operation)
    shop.call_twice(
        "settleOperation", id=operation, outcome="SUCCEEDED", evidence="Statement, line 14"
    )
    canceled = shop.payment(token="approve,cancel=pending")
    shop.call("cancelPayment", paymentId=canceled)
    shop.call("cancelPayment", paymentId=canceled)


def of_holders(shop: Shop) -> None:
    """Make a customer known, save methods, pay with one, and forget all of it."""
    values = {"providerId": "sandbox", "customerReference": "customer-1"}
    holder = shop.call_twice("createAccountHolder", **values)["id"]
    shop.call("createAccountHolder", **values)
    shop.call("updateAccountHolder", id=holder, name="Ada", email="ada@example.com")
    method = shop.call_twice("savePaymentMethod", accountHolderId=holder)["id"]
    shop.call_twice("savePaymentMethod", accountHolderId=holder, data={"token": "decline"})
    setup = shop.call_twice(
        "savePaymentMethod", accountHolderId=holder, data={"token": "challenge"}
    )
    answer_page(shop.server, setup["action"]["url"], "approve")
    shop.call("savePaymentMethod", accountHolderId=holder, setupId=setup["setupId"])
    collection = shop.collection(accountHolderIds=[holder])
    session = shop.session(collection, "sandbox", {}, accountHolderId=holder)
    shop.call_twice("authorizePaymentSession", id=session, paymentMethodId=method)
    shop.call("deletePaymentMethod", id=method)
    shop.call("deleteAccountHolder", id=holder)


def of_webhooks(shop: Shop) -> None:
    """Register an endpoint where nobody listens, change it, send again, and delete it."""
    endpoint = shop.call("createWebhookEndpoint", url="http://127.0.0.1:9/")
    shop.call("updateWebhookEndpoint", id=endpoint["id"], description="Nobody")
    shop.call("rotateWebhookSecret", id=endpoint["id"])
    shop.collection()
    made = "SELECT id FROM webhook_deliveries WHERE endpoint_id = ? AND tried_times > 0"
    ((delivery,),) = until(lambda: shop.server.rows(made, endpoint["id"]))
    postpone(shop.server, endpoint)
    failed = "UPDATE webhook_deliveries SET status = 'FAILED', next_attempt_at = NULL WHERE id = ?"
    shop.server.rows(failed, delivery)
    shop.call("redeliverWebhook", id=delivery)
    shop.call("recoverWebhookEndpoint", id=endpoint["id"], since=endpoint["createdAt"])
    shop.call("deleteWebhookEndpoint", id=endpoint["id"])


PARTS = (of_collections, of_sessions, of_attempts, of_movements, of_holders, of_webhooks)


class Plain:
    """Rewrites what a server says or keeps as another one would say or keep it."""

    def __init__(self) -> None:
        self._numbers: dict[str, str] = {}

    def __call__(self, value: Json) -> Json:
        """Return a value with its ids numbered as they come, without what the clock or a secret decides."""
        match value:
            case dict():
                return {key: self(item) for key, item in value.items() if key not in CLOCKED}
            case list() | tuple():
                return [self(item) for item in value]
            case str():
                text = ULID.sub("one", ID.sub(self._numbered, value))
                return OF_A_SERVER.sub("its own", text)
            case int() if value > EARLIEST_INSTANT:
                return "its own"
            case _:
                return value

    def _numbered(self, match: re.Match[str]) -> str:
        return self._numbers.setdefault(match[0], f"{match[1]}{len(self._numbers)}")


EVENT_COLUMNS = ", ".join(one.name for one in payment_events.columns if one.name != "position")
"""On PostgreSQL an event's position is made of its transaction's number."""

STATEMENTS = {
    **{table: f"SELECT * FROM {table} ORDER BY 1" for table in TABLES if table not in TIMED},  # noqa: S608
    "idempotency_keys": "SELECT * FROM idempotency_keys ORDER BY created_at, key",
    "payment_events": f"SELECT {EVENT_COLUMNS} FROM payment_events ORDER BY position",  # noqa: S608
}


def kept(server: RunningServer) -> dict[str, list[databases.Row]]:
    """Read every row whose place and values follow from the calls."""
    found = databases.rows_of_each(server.database, list(STATEMENTS.values()))
    return dict(zip(STATEMENTS, found, strict=True))


def journal(server: RunningServer) -> list[Json]:
    """Read what the terminal was asked: recovery asks beside the calls, so that the order is that of the sessions."""
    asked = [orjson.loads(line) for line in whole_lines(server.folder / "terminal.jsonl")]
    return sorted(asked, key=lambda one: (one["session"], one["kind"], one["key"]))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, ...]]:
    """Return an ordinary server, and one whose transactions all run twice."""
    settings = {**NO_RECOVERY, **ALLOWED, "PYTHONPATH": str(PACKAGE)}
    with ExitStack() as stack:
        yield tuple(
            stack.enter_context(
                checked(
                    RunningServer(
                        tmp_path_factory.mktemp("twice"),
                        {**settings, **more},
                        is_test_build=True,
                    )
                )
            )
            for more in ({}, RUNS_TWICE)
        )


def is_quiet(server: RunningServer) -> bool:
    """Return whether recovery has closed at the sandbox what was closed here, which it does at once."""
    return not server.rows("SELECT id FROM operations WHERE status = 'ASKING'")


@pytest.fixture(scope="module")
def shops(servers: tuple[RunningServer, ...]) -> list[Shop]:
    """Go through everything at both servers."""
    shops = [Shop(server) for server in servers]
    for shop in shops:
        for part in PARTS:
            part(shop)
        until(partial(is_quiet, shop.server))
    return shops


def test_every_mutation_is_gone_through(shops: list[Shop]) -> None:
    """The comparison below includes every mutation of the schema, so that no transaction is left out."""
    mutation = executable().mutation_type
    assert mutation is not None
    assert {name for name, _ in shops[0].answers} == set(mutation.fields)


def test_a_transaction_that_starts_again_does_the_same(shops: list[Shop]) -> None:
    """Answers, rows, events and what the gateways were asked are those of a server whose transactions run once."""
    once, twice = (
        (
            plain(shop.answers),
            plain(kept(shop.server)),
            plain(sorted(shop.server.ledger(), key=lambda entry: (entry["session"], entry["key"]))),
            plain(journal(shop.server)),
        )
        for shop in shops
        for plain in [Plain()]
    )
    for one, other in zip(once, twice, strict=True):
        assert other == one
