"""How many statements an answer costs: as many for one collection as for fifty, for a stranger's id as for none."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.lists.copies import copy_everything
from tests.api.lists.everything import PAGE, make_everything
from tests.conftest import CHECKED
from tests.support.flow.shop import (
    authorize,
    capture,
    open_collection,
    open_holder,
    open_session,
    refund,
)
from tests.support.program.keys import SECRET_KEY
from tests.support.program.running import Json, RunningServer, document
from tests.support.waiting import until

COLLECTIONS = 50
TRIES = 5
"""A server's background work can only add statements: the fewest of several tries are the request's own."""

ENDING = 'query { accountHolders(customerReference: "nobody") { id } }'
ENDS = "WHERE account_holders.customer_reference"
"""Sent after a request, and its statement: asyncpg writes each down a moment after it was sent, and in order."""

QUIET = {
    "TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "3600",
    "TILLGRAPH_CHECK_INTERVAL_SECONDS": "0",
    "TILLGRAPH_SECRET_KEYS": SECRET_KEY,
}

PAYMENTS = """query ($first: Int!) { payments(first: $first) { totalCount edges { node {
  id paymentSession { id status metadata } paymentCollection { id events(first: 2) { edges { cursor } } }
  captures { id } refunds { id } disputes { id } events { edges { cursor } }
} } } }"""


class Counted:
    """A server that writes its statements down."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "statements"
        settings = {**QUIET, "TILLGRAPH_TEST_STATEMENTS": str(self._path)}
        self.server = RunningServer(folder, settings, is_test_build=True)
        self.server.credential = SECRET_KEY

    def statements(self, query: str, variables: Json, bearer: str | None = None) -> list[str]:
        """Return the statements that read and write for one request, sorted: some are sent at the same time."""
        found = [self._statements(query, variables, bearer) for _ in range(TRIES)]
        fewest = min(found, key=len)
        return sorted(fewest)

    def _statements(self, query: str, variables: Json, bearer: str | None) -> list[str]:
        before = len(self._path.read_text())
        assert self.server.post(query, variables, bearer=bearer).status_code == 200
        self.server.execute(ENDING)
        until(lambda: ENDS in self._path.read_text()[before:])
        lines = self._path.read_text()[before:].splitlines()
        own = itertools.takewhile(lambda line: ENDS not in line, lines)
        return [line for line in own if line.startswith(("SELECT", "INSERT", "UPDATE", "DELETE"))]


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    """Return a server with fifty collections, each of which has all that belongs to one."""
    counted = Counted(tmp_path_factory.mktemp("counted"))
    counted.server.start()
    make_everything(counted.server)
    copy_everything(counted.server, COLLECTIONS - 1)
    assert counted.server.check() == CHECKED
    yield counted
    counted.server.close()


@pytest.mark.parametrize(
    ("query", "most"), [(PAGE, 20), (PAYMENTS, 12)], ids=["collections", "payments"]
)
def test_a_page_costs_the_same_however_long_it_is(counted: Counted, query: str, most: int) -> None:
    """At most so many statements, whether two are listed or fifty: each kind of thing is read by batches.

    There are mostly 14 and 8. Reads at two places share a batch if both places are reached at the same moment,
    which the database's answers decide.
    """
    for first in (2, COLLECTIONS):
        statements = counted.statements(query, {"first": first})
        assert len(statements) <= most, statements


def test_a_stranger_s_id_costs_what_a_missing_one_does(counted: Counted) -> None:
    """The very same statements, so that nobody learns from the time whether an id exists."""
    server = counted.server
    ((paid,), *_) = server.rows("SELECT collection_id FROM payments")
    own = server.run("back_end/02_show_payment_collection", id=paid)
    stranger = open_collection(server)["clientSecret"]
    payment = own["payments"][0]
    ids = {
        "PaymentCollection": own["id"],
        "PaymentSession": own["paymentSessions"][0]["id"],
        "Payment": payment["id"],
        "Capture": payment["captures"][0]["id"],
        "Refund": payment["refunds"][0]["id"],
        "PaymentEvent": server.rows("SELECT id FROM payment_events LIMIT 1")[0][0],
        "AccountHolder": server.rows("SELECT id FROM account_holders LIMIT 1")[0][0],
        "PaymentMethod": server.rows("SELECT id FROM payment_methods LIMIT 1")[0][0],
        "RefundReason": server.rows("SELECT id FROM refund_reasons LIMIT 1")[0][0],
    }
    query = "query ($id: ID!) { node(id: $id) { id } }"
    for id in ids.values():
        _costs_the_same(counted, query, lambda id: {"id": id}, id, bearer=stranger)


def _costs_the_same(
    counted: Counted, query: str, variables: Callable[[str], Json], id: str, *, bearer: str
) -> None:
    """Assert that another customer's id costs as many statements as a missing one."""
    missing = f"{id[:-26]}01ARZ3NDEKTSV4RRFFQ69G5FAV"
    of_each = [
        [one.replace(each, "id") for one in counted.statements(query, variables(each), bearer)]
        for each in (id, missing)
    ]
    assert of_each[0] == of_each[1], id


MUTATIONS: dict[str, tuple[str, str, dict[str, Json]]] = {
    "createPaymentSession": ("collection", "paymentCollectionId", {"providerId": "sandbox"}),
    "createPaymentSessions": ("collection", "paymentCollectionId", {}),
    "updatePaymentSession": ("session", "id", {"metadata": {"a": 1}}),
    "cancelPaymentSession": ("session", "id", {}),
    "authorizePaymentSession": ("session", "id", {}),
}
"""The mutations open to a browser: the kind of the id, its field, and the other input needed."""


@pytest.mark.parametrize("field_name", MUTATIONS)
def test_a_stranger_s_id_costs_a_mutation_what_a_missing_one_does(
    counted: Counted, field_name: str
) -> None:
    """The very same statements."""
    kind, name, more = MUTATIONS[field_name]
    own, stranger = (open_collection(counted.server) for _ in range(2))
    id = own["id"] if kind == "collection" else open_session(counted.server, own["id"])["id"]
    _costs_the_same(
        counted,
        document(f"complete/{field_name}"),
        lambda id: {"input": {name: id, **more}},
        id,
        bearer=stranger["clientSecret"],
    )


def test_a_stranger_s_holder_and_method_cost_what_missing_ones_do(counted: Counted) -> None:
    """A stranger's holder or method costs a browser's own session the same statements as a missing one."""
    server = counted.server
    holder = open_holder(server)["id"]
    method = server.change("savePaymentMethod", {"accountHolderId": holder})["id"]
    own = open_collection(server)
    session = open_session(server, own["id"])["id"]
    for field_name, given, name, id in (
        (
            "createPaymentSession",
            {"paymentCollectionId": own["id"], "providerId": "sandbox"},
            "accountHolderId",
            holder,
        ),
        ("authorizePaymentSession", {"id": session}, "paymentMethodId", method),
    ):
        _costs_the_same(
            counted,
            document(f"complete/{field_name}"),
            lambda id, given=given, name=name: {"input": {**given, name: id}},  # type: ignore[misc]
            id,
            bearer=own["clientSecret"],
        )


OWN_ROWS = ("payment_collections", "payment_sessions", "payments")
"""The tables of what a transaction reads of a collection when it has locked it."""


@pytest.mark.parametrize(
    "field_name", ["authorizePaymentSession", "capturePayment", "refundPayment", "cancelPayment"]
)
def test_a_refusal_shows_what_its_transaction_read(counted: Counted, field_name: str) -> None:
    """The session or payment that it is about, with its collection, is not read again for the answer."""
    server = counted.server
    collection = open_collection(server)
    session = open_session(server, collection["id"])
    if field_name == "authorizePaymentSession":
        server.change("cancelPaymentSession", {"id": session["id"]})
        given: Json = {"id": session["id"]}
    else:
        payment = authorize(server, session["id"])
        refund(server, capture(server, payment["id"])["id"])
        given = {"paymentId": payment["id"]}
    if field_name in ("capturePayment", "refundPayment"):
        given["idempotencyKey"] = f"refused-{field_name}"
    refused = server.change(field_name, given)
    assert refused["code"] == "INVALID_STATE"
    statements = counted.statements(document(f"complete/{field_name}"), {"input": given})
    reads = {
        table: sum(one.startswith(f"SELECT {table}.id") for one in statements) for table in OWN_ROWS
    }
    # On PostgreSQL one statement reads all three.
    wholes = sum(one.startswith("SELECT c.xmin") for one in statements)
    assert reads == dict.fromkeys(OWN_ROWS, 1 - wholes), statements
