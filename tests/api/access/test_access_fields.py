"""Every field of the schema, read by each kind of caller.

Each stands in one of two tables: shown to a browser as to a back end, or hidden from it. A new field that is in neither
fails here until somebody has said who may read it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from graphql import (
    GraphQLNamedType,
    get_named_type,
    is_composite_type,
    is_interface_type,
    is_object_type,
    is_union_type,
)

from tests.api.shops import full_collection
from tests.support.callers.schema import committed_schema
from tests.support.flow.shop import (
    authorize,
    capture,
    collection_of,
    open_session,
    refund,
    settle_by_hand,
)
from tests.support.program.running import Json, RunningServer

SCHEMA = committed_schema()

_node = SCHEMA.type_map["Node"]
assert is_interface_type(_node)
FOUND_BY_ID = SCHEMA.get_possible_types(_node)

SHOWN: Mapping[str, str] = {
    "PaymentCollection": (
        "id status currencyCode amount authorizedAmount capturedAmount refundedAmount "
        "outstandingAmount reference regionId allowsSplitPayment completedAt createdAt "
        "updatedAt accountHolders paymentSessions payments events"
    ),
    "PaymentSession": (
        "id status amount currencyCode data returnUrl authorizedAt expiresAt createdAt "
        "updatedAt provider requiredAction failure payment paymentCollection"
    ),
    "Payment": (
        "id status amount currencyCode capturedAmount refundedAmount releasedAmount "
        "capturableAmount refundableAmount paidWith captureBefore isCancellationPending "
        "cancellationReason capturedAt canceledAt createdAt updatedAt provider captures "
        "refunds events paymentSession paymentCollection"
    ),
    "Capture": (
        "id amount currencyCode status failure createdBy source createdAt updatedAt payment"
    ),
    "Refund": (
        "id amount currencyCode status failure createdBy source createdAt updatedAt payment reason"
    ),
    "AccountHolder": (
        "id customerReference externalId email name createdAt updatedAt provider paymentMethods"
    ),
    "PaymentMethod": "id details createdAt provider",
    "PaymentMethodDetails": "type label brand lastFour expiryMonth expiryYear",
    "PaymentProvider": "id name clientConfiguration supportedCurrencies isEnabled",
    "PaymentEvent": (
        "id cursor type source occurredAt amount failureCode declineCode collectionStatus "
        "sessionStatus paymentStatus paymentCollection paymentSession payment capture refund"
    ),
    "PaymentEventConnection": "edges pageInfo",
    "PaymentEventEdge": "cursor node",
    "PageInfo": "hasNextPage hasPreviousPage startCursor endCursor",
    "AuthorizationFailed": (
        "code message path retryable requestId declineCode maximumAmount failedSession"
    ),
    "MovementFailed": "code message path retryable requestId declineCode",
    "RedirectToUrl": "kind expiresAt fallbackUrl url",
    "AwaitProvider": "kind expiresAt fallbackUrl retryAfterSeconds",
}
"""The fields of its own objects that a browser reads as a back end does."""

HIDDEN: dict[str, Json] = {
    "PaymentCollection.metadata": {},
    "PaymentCollection.clientSecret": None,
    "PaymentCollection.paymentProviders": [{"id": "sandbox"}],
    "PaymentSession.metadata": {},
    "Payment.data": {},
    "Payment.metadata": {},
    "Payment.disputes": [],
    "Payment.disputedAmount": None,
    "Capture.metadata": {},
    "Refund.metadata": {},
    "Refund.note": None,
    "AccountHolder.metadata": {},
    "PaymentEvent.evidence": None,
    "PaymentEvent.dispute": None,
}
"""The fields of its own objects that a browser reads differently from a back end, with what it reads."""

COUNTED_DOWN = {"AwaitProvider.retryAfterSeconds"}
"""The fields that are shown to both and decrease between two readings."""

WITHOUT_EXAMPLE = {
    # No input gives a payment metadata.
    "Payment.metadata",
    # The sandbox has none: tests/providers/stripe has disputes (test_disputes.py) and what Stripe gives a browser.
    "Payment.disputes",
    "PaymentEvent.dispute",
    "PaymentSession.data",
    "PaymentSession.expiresAt",
    "PaymentProvider.clientConfiguration",
    "PaymentProvider.supportedCurrencies",
    "PaymentMethodDetails.expiryMonth",
    "PaymentMethodDetails.expiryYear",
    "RedirectToUrl.expiresAt",
    "AwaitProvider.expiresAt",
    "AwaitProvider.fallbackUrl",
    # Paid in full, a collection has no session that waits, fails or acts.
    "PaymentCollection.completedAt",
    # Of a refusal before anything was asked, which a session does not keep.
    "AuthorizationFailed.path",
    "AuthorizationFailed.maximumAmount",
    "MovementFailed.path",
}
"""The fields that have no value here with any credential, each with the reason."""

NODES = (
    "PaymentCollection",
    "PaymentSession",
    "Payment",
    "Capture",
    "Refund",
    "PaymentEvent",
    "AccountHolder",
    "PaymentMethod",
)
"""The kinds of object that a browser finds by id if they belong to its own collection."""

BEYOND = {
    # Shown with a refund, and not found by its id.
    "RefundReason",
    # What the sandbox never asks of a customer, or never has.
    "ConfirmWithSdk",
    "DisplayInstructions",
    "Dispute",
    # What mutations and lists answer a back end alone with.
    "CancelFailed",
    "CancelPending",
    "CaptureFailed",
    "CapturePending",
    "Deleted",
    "PaymentCollectionConnection",
    "PaymentCollectionEdge",
    "PaymentConnection",
    "PaymentEdge",
    "RefundFailed",
    "RefundPending",
    "SaveRequiresAction",
    "Settled",
    "UnsettledOperation",
    "UnsettledOperationConnection",
    "UnsettledOperationEdge",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookDeliveryConnection",
    "WebhookDeliveryEdge",
    "WebhookEndpoint",
    # What the mutations of a browser answer with, around the objects: test_access.py goes through them.
    "PaymentCollectionUpdate",
    "PaymentSessionsCreated",
    "RequestRejected",
    "RequiresMoreAction",
    # The roots, which test_access.py classifies field by field.
    "Mutation",
    "Query",
    "Subscription",
}
"""Types that are not compared below, each with the reason."""


def selection(kind: GraphQLNamedType) -> str:
    """Select every field of a type; another object that has an id shows no more than that."""
    if is_union_type(kind):
        members = " ".join(f"... on {one.name} {{ {selection(one)} }}" for one in kind.types)
        return f"__typename {members}"
    assert is_object_type(kind)
    return " ".join(_selected(name, one.type) for name, one in kind.fields.items())


def _selected(name: str, of: Any) -> str:
    kind = get_named_type(of)
    if not is_composite_type(kind):
        return name
    if kind is _node or kind in FOUND_BY_ID:
        return f"{name} {{ __typename id }}"
    return f"{name} {{ {selection(kind)} }}"


@dataclass
class Compared:
    """A browser's reading of objects compared with a back end's, by type and field."""

    seen: set[str] = field(default_factory=set)
    examples: set[str] = field(default_factory=set)
    """Fields that had a value for a back end at least once."""
    differences: dict[str, Json] = field(default_factory=dict)

    def take(self, kind: GraphQLNamedType, full: Json, shown: Json) -> None:
        """Compare two readings of one object, field by field."""
        if is_union_type(kind):
            assert full["__typename"] == shown["__typename"]
            kind = next(one for one in kind.types if one.name == full["__typename"])
        assert is_object_type(kind)
        for name, one in kind.fields.items():
            place = f"{kind.name}.{name}"
            self.seen.add(place)
            if full[name] not in (None, [], {}):
                self.examples.add(place)
            self._value(place, get_named_type(one.type), full[name], shown[name])

    def _value(self, place: str, kind: GraphQLNamedType, full: Json, shown: Json) -> None:
        are_lists = isinstance(full, list) and isinstance(shown, list) and len(full) == len(shown)
        if are_lists:
            for each_full, each_shown in zip(full, shown, strict=True):
                self._value(place, kind, each_full, each_shown)
        elif (
            isinstance(full, dict) and isinstance(shown, dict) and set(full) - {"__typename", "id"}
        ):
            if is_composite_type(kind):
                self.take(kind, full, shown)
            elif full != shown:
                self.differences[place] = shown
        elif place in COUNTED_DOWN:
            assert 0 <= shown <= full
        elif full != shown:
            self.differences[place] = shown


@dataclass(frozen=True)
class Rich:
    """A collection with an example of all that the sandbox can bring about."""

    secret: str
    ids: Mapping[str, tuple[str, ...]]


@pytest.fixture(scope="module")
def rich(keyed_server: RunningServer) -> Rich:
    """Return a collection whose objects have a value wherever the sandbox can give them one."""
    server = keyed_server
    secret, ids = full_collection(server)
    collection = ids["PaymentCollection"]
    declined = open_session(server, collection, "decline:stolen_card", amount="5.00")
    authorize(server, declined["id"])
    acting = open_session(server, collection, "challenge", amount="5.00")
    authorize(server, acting["id"])
    waiting = open_session(server, collection, "pending", amount="5.00")
    authorize(server, waiting["id"])
    unsettled = open_session(server, collection, "approve,capture=lost_reply", amount="5.00")
    pending = capture(server, authorize(server, unsettled["id"])["id"])
    settle_by_hand(server, pending["capture"]["id"], "DECLINED")
    canceled = open_session(server, collection, amount="5.00", returnUrl="http://localhost:3000/")
    server.change("cancelPayment", {"paymentId": authorize(server, canceled["id"])["id"]})
    token = "approve,expires=3600,refund=decline:expired_card"
    ended = authorize(server, open_session(server, collection, token, amount="5.00")["id"])["id"]
    capture(server, ended, createdBy="till 3")
    refund(server, ended)
    reason = server.run("back_end/26_list_refund_reasons")[0]["id"]
    refund(server, ids["Payment"], amount="1.00", reasonId=reason, note="why", createdBy="till 3")
    events = server.rows("SELECT id FROM payment_events WHERE collection_id = ?", collection)
    shown = collection_of(server, collection)
    several = {
        "PaymentSession": tuple(one["id"] for one in shown["paymentSessions"]),
        "Payment": tuple(one["id"] for one in shown["payments"]),
        "Capture": tuple(one["id"] for each in shown["payments"] for one in each["captures"]),
        "Refund": tuple(one["id"] for each in shown["payments"] for one in each["refunds"]),
        "PaymentEvent": tuple(row[0] for row in events),
    }
    return Rich(secret, {kind: several.get(kind, (ids.get(kind, ""),)) for kind in NODES})


def read(server: RunningServer, kind: str, id: str, bearer: str | None = None) -> Json:
    """Read every field of an object."""
    inner = selection(SCHEMA.type_map[kind])
    query = f"query ($id: ID!) {{ node(id: $id) {{ __typename ... on {kind} {{ {inner} }} }} }}"
    return server.execute(query, {"id": id}, bearer=bearer)["node"]


@pytest.mark.once
def test_a_browser_reads_what_a_back_end_reads_but_for_the_table(
    keyed_server: RunningServer, rich: Rich
) -> None:
    """Every field of every object, read with both credentials: what differs is the table, no more and no less."""
    compared = Compared()
    for kind, ids in rich.ids.items():
        for id in ids:
            full = read(keyed_server, kind, id)
            compared.take(SCHEMA.type_map[kind], full, read(keyed_server, kind, id, rich.secret))
    hidden = {name: shown for name, shown in HIDDEN.items() if name not in WITHOUT_EXAMPLE}
    found = {
        name: [{"id": one["id"]} for one in shown] if name.endswith("Providers") else shown
        for name, shown in compared.differences.items()
    }
    assert found == hidden
    objects = {name for name, kind in SCHEMA.type_map.items() if is_object_type(kind)}
    every = {
        f"{name}.{one}"
        for name in objects - BEYOND
        if not name.startswith("__")
        for one in _fields(name)
    }
    assert compared.seen == every
    assert compared.examples == every - WITHOUT_EXAMPLE
    shown = {f"{name}.{one}" for name, names in SHOWN.items() for one in names.split()}
    assert not shown & HIDDEN.keys()
    assert every == shown | HIDDEN.keys()


def _fields(name: str) -> Iterator[str]:
    kind = SCHEMA.type_map[name]
    assert is_object_type(kind)
    yield from kind.fields


@pytest.mark.once
@pytest.mark.parametrize("kind", NODES)
def test_whoever_is_somebody_else_reads_nothing(
    keyed_server: RunningServer, rich: Rich, strangers: Mapping[str, str], kind: str
) -> None:
    """Another collection's browser finds nothing; whoever has no credential, or one that has ended, is nobody."""
    query = "query ($id: ID!) { node(id: $id) { id } }"
    for id in rich.ids[kind]:
        for who, bearer in strangers.items():
            response = keyed_server.client.post(
                "/graphql",
                json={"query": query, "variables": {"id": id}},
                headers={"authorization": f"Bearer {bearer}"} if bearer else {},
            )
            if who == "another browser":
                assert response.json() == {"data": {"node": None}}
            else:
                assert response.status_code == 401, who
                assert "data" not in response.json()
