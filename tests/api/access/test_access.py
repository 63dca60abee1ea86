"""The rights of each caller: secret keys, client secrets, and callers on this machine when no keys are set."""

import hashlib
from collections.abc import Iterator

import orjson
import pytest
from graphql import build_schema
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.api.shops import Shop
from tests.support.callers.raw_requests import answer_to, failure, refused
from tests.support.callers.sockets import WAIT_SECONDS, first_message, open_socket, receive
from tests.support.flow.shop import new_key, open_collection
from tests.support.program.clocks import NOON, STANDING_CLOCK, stop_clock
from tests.support.program.keys import HASHED_KEY, KEYS, SECRET_KEY
from tests.support.program.running import NO_RECOVERY, ROOT, Json, RunningServer, document
from tests.support.stores.evidence import evidence_of, written_in

pytestmark = pytest.mark.once

LIST_PROVIDERS = document("back_end/13_list_payment_providers")

# ── Credentials ────────────────────────────────────────────────────────────────


def _with_header(server: RunningServer, authorization: str | None, body: bytes) -> tuple[int, Json]:
    headers = {"content-type": "application/json"}
    if authorization is not None:
        headers["authorization"] = authorization
    response = server.client.post("/graphql", content=body, headers=headers)
    return response.status_code, orjson.loads(response.content)


WRONG = {
    "none": None,
    "empty": "",
    "no scheme": SECRET_KEY,
    "another scheme": f"Basic {SECRET_KEY}",
    "bearer alone": "Bearer",
    "unknown key": "Bearer a-key-that-nobody-has",
    "key cut short": f"Bearer {SECRET_KEY[:-1]}",
    "key and more": f"Bearer {SECRET_KEY}x",
    "key in another case": f"Bearer {SECRET_KEY.upper()}",
    "two keys": f"Bearer {SECRET_KEY},{SECRET_KEY}",
    "the hash of a key": f"Bearer {hashlib.sha256(HASHED_KEY.encode()).hexdigest()}",
    "the hash as it is configured": f"Bearer sha256:{hashlib.sha256(HASHED_KEY.encode()).hexdigest()}",
    "10 kB": f"Bearer {'x' * 10_000}",
    "a client secret of nobody's": f"Bearer tgcs_01ARZ3NDEKTSV4RRFFQ69G5FAV_1_1_{'A' * 43}",
}


@pytest.mark.parametrize("kind", WRONG)
def test_no_credential_or_a_wrong_one_is_http_401(keyed_server: RunningServer, kind: str) -> None:
    """UNAUTHENTICATED, without data, before the body is looked at."""
    before = evidence_of(keyed_server)
    for body in (orjson.dumps({"query": LIST_PROVIDERS}), b"{"):
        status, answer = _with_header(keyed_server, WRONG[kind], body)
        assert status == 401
        assert "data" not in answer
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
    assert evidence_of(keyed_server) == before


def test_a_401_says_how_to_authenticate(keyed_server: RunningServer) -> None:
    """WWW-Authenticate names the scheme, and the answer has a request id."""
    response = keyed_server.client.post("/graphql", json={"query": LIST_PROVIDERS})
    assert refused(response) == (401, "UNAUTHENTICATED")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {SECRET_KEY}",
        f"bearer {SECRET_KEY}",
        f"BEARER  {SECRET_KEY}",
        f"Bearer {HASHED_KEY}",
    ],
)
def test_a_secret_key_opens_everything(keyed_server: RunningServer, authorization: str) -> None:
    """A key works, and one that is configured by its hash works by its text."""
    body = orjson.dumps({"query": document("back_end/03_list_payment_collections")})
    status, answer = _with_header(keyed_server, authorization, body)
    assert status == 200
    assert "errors" not in answer


def _corrupted(secret: str) -> Iterator[str]:
    prefix, id, version, ends_at, code = secret.split("_", 4)
    assert prefix == "tgcs"
    yield f"{prefix}_{id}_{int(version) + 1}_{ends_at}_{code}"
    yield f"{prefix}_{id}_{version}_{int(ends_at) + 1}_{code}"
    yield f"{prefix}_01ARZ3NDEKTSV4RRFFQ69G5FAV_{version}_{ends_at}_{code}"
    yield f"{prefix}_{id.lower()}_{version}_{ends_at}_{code}"
    yield f"{prefix}_{id}_{version}_{ends_at}_{code[:-1]}"
    yield f"{prefix}_{id}_{version}_{ends_at}_{'A' * 43}"
    yield f"{prefix}_{id}_{version}_{ends_at}_"
    yield secret + "A"
    yield secret[:-1] + chr(ord(secret[-1]) ^ 1)


def test_a_client_secret_that_was_changed_anywhere_is_wrong(keyed_server: RunningServer) -> None:
    """Collection, version, end and code are all held together by the signature."""
    secret = open_collection(keyed_server)["clientSecret"]
    for wrong in _corrupted(secret):
        response = keyed_server.post(LIST_PROVIDERS, bearer=wrong)
        assert refused(response) == (401, "UNAUTHENTICATED"), wrong


def test_a_client_secret_of_another_server_is_wrong(
    keyed_server: RunningServer, open_server: RunningServer
) -> None:
    """A secret that another signing key made does not open anything here."""
    foreign = open_collection(open_server)["clientSecret"]
    response = keyed_server.post(LIST_PROVIDERS, bearer=foreign)
    assert refused(response) == (401, "UNAUTHENTICATED")


def test_a_client_secret_reads_the_same_each_time(keyed_server: RunningServer) -> None:
    """It is derived from what is stored, so that it can be read again."""
    made = open_collection(keyed_server)
    shown = keyed_server.run("back_end/02_show_payment_collection", id=made["id"])
    assert shown["clientSecret"] == made["clientSecret"]


@pytest.mark.both
def test_no_secret_is_kept_in_the_database(keyed_server: RunningServer) -> None:
    """Neither the secret nor its code is in any row."""
    made = open_collection(keyed_server)
    code = made["clientSecret"].split("_", 4)[4]
    assert code not in written_in(keyed_server)


# ── A browser with the client secret of its collection ─────────────────────────


BROWSER = {
    "Query.node",
    "Query.paymentCollection",
    "Query.paymentSession",
    "Query.payment",
    "Query.accountHolder",
    "Query.paymentProviders",
    "Mutation.createPaymentSession",
    "Mutation.createPaymentSessions",
    "Mutation.updatePaymentSession",
    "Mutation.cancelPaymentSession",
    "Mutation.authorizePaymentSession",
    "Subscription.paymentCollectionUpdates",
}
"""The fields that a client secret permits, on its own collection."""

SECRET = {
    "Query.paymentCollections": "query { paymentCollections { edges { cursor } } }",
    "Query.payments": "query { payments { edges { cursor } } }",
    "Query.paymentEvents": "query { paymentEvents { edges { cursor } } }",
    "Query.accountHolders": 'query { accountHolders(customerReference: "b") { id } }',
    "Query.refundReasons": "query { refundReasons { id } }",
    "Query.webhookEndpoints": "query { webhookEndpoints { id } }",
    "Query.unsettledOperations": "query { unsettledOperations { edges { cursor } } }",
    **{
        f"Mutation.{name}": f"mutation {{ {name}(input: {{{given}}}) {{ __typename }} }}"
        for name, given in {
            "createPaymentCollection": 'amount: "1.00", currencyCode: "USD"',
            "updatePaymentCollection": 'id: "PaymentCollection", amount: "200.00"',
            "cancelPaymentCollection": 'id: "PaymentCollection"',
            "capturePayment": 'paymentId: "Payment", idempotencyKey: "b"',
            "refundPayment": 'paymentId: "Payment", idempotencyKey: "b"',
            "cancelPayment": 'paymentId: "Payment"',
            "askAgain": 'id: "Capture"',
            "settleOperation": 'id: "Capture", outcome: DECLINED, evidence: "b", idempotencyKey: "b"',
            "updatePaymentProvider": 'id: "sandbox", isEnabled: false',
            "createAccountHolder": 'providerId: "sandbox", customerReference: "b"',
            "updateAccountHolder": 'id: "AccountHolder", name: "b"',
            "deleteAccountHolder": 'id: "AccountHolder"',
            "savePaymentMethod": 'accountHolderId: "AccountHolder"',
            "deletePaymentMethod": 'id: "PaymentMethod"',
            "markPaymentCollectionAsPaid": 'id: "PaymentCollection", idempotencyKey: "b"',
            "rotateClientSecret": 'paymentCollectionId: "PaymentCollection"',
            "createRefundReason": 'code: "b", label: "b"',
            "updateRefundReason": 'id: "refr_00000000000000000000000001", label: "b"',
            "deleteRefundReason": 'id: "refr_00000000000000000000000001"',
            "createWebhookEndpoint": 'url: "https://8.8.8.8/"',
            "updateWebhookEndpoint": 'id: "b", url: "https://8.8.8.8/"',
            "deleteWebhookEndpoint": 'id: "b"',
            "rotateWebhookSecret": 'id: "b"',
            "redeliverWebhook": 'id: "b"',
            "recoverWebhookEndpoint": 'id: "b", since: "2026-11-01T00:00:00Z"',
        }.items()
    },
    "Subscription.paymentEvents": "subscription { paymentEvents { cursor } }",
}
"""The fields that only the secret key permits, each with a request that the secret key gets an answer to."""


def test_every_field_of_the_schema_is_classified() -> None:
    """A new root field fails here until somebody has said who may use it."""
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text())
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    fields = {f"{root.name}.{name}" for root in roots if root for name in root.fields}
    assert not BROWSER & SECRET.keys()
    assert fields == BROWSER | SECRET.keys()


@pytest.mark.parametrize("where", ["own", "stranger", "missing"])
@pytest.mark.parametrize("field_name", [name for name in SECRET if "Subscription" not in name])
def test_what_is_for_the_secret_key_is_forbidden_to_a_browser(
    keyed_server: RunningServer, shop: Shop, field_name: str, where: str
) -> None:
    """HTTP 200, data null, FORBIDDEN; the same whatever id is named; nothing happens."""
    before = evidence_of(keyed_server)
    query = SECRET[field_name]
    if where != "missing":
        for kind, id in (shop.own if where == "own" else shop.stranger).items():
            query = query.replace(f'"{kind}"', f'"{id}"')
    response = keyed_server.post(query, bearer=shop.secret)
    answer = orjson.loads(response.content)
    assert response.status_code == 200
    assert answer["data"] is None
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    assert evidence_of(keyed_server) == before


def test_a_browser_does_not_follow_the_whole_log(keyed_server: RunningServer, shop: Shop) -> None:
    """The stream ends before its first item with FORBIDDEN."""
    for after in (None, shop.own["cursor"], "x"):
        message = first_message(
            keyed_server,
            document("back_end/12_follow_payment_events"),
            {"after": after},
            bearer=shop.secret,
        )
        assert message["type"] == "error"
        assert [error["extensions"]["code"] for error in message["payload"]] == ["FORBIDDEN"]


ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
PREFIXES = {
    "PaymentCollection": "pay_col_",
    "PaymentSession": "payses_",
    "Payment": "pay_",
    "Capture": "capt_",
    "Refund": "ref_",
    "PaymentEvent": "evt_",
    "AccountHolder": "acchld_",
    "PaymentMethod": "paymtd_",
}


@pytest.mark.both
@pytest.mark.parametrize("kind", PREFIXES)
def test_node_reaches_what_hangs_off_the_own_collection_alone(
    keyed_server: RunningServer, shop: Shop, kind: str
) -> None:
    """The own object is there; the stranger's is null like one that is missing."""
    query = "query ($id: ID!) { node(id: $id) { __typename id } }"
    own = keyed_server.execute(query, {"id": shop.own[kind]}, bearer=shop.secret)
    assert own == {"node": {"__typename": kind, "id": shop.own[kind]}}
    for id in (shop.stranger[kind], PREFIXES[kind] + ULID):
        assert keyed_server.execute(query, {"id": id}, bearer=shop.secret) == {"node": None}


@pytest.mark.both
@pytest.mark.parametrize(
    ("field_name", "kind"),
    [
        ("paymentCollection", "PaymentCollection"),
        ("paymentSession", "PaymentSession"),
        ("payment", "Payment"),
        ("accountHolder", "AccountHolder"),
    ],
)
def test_a_query_reaches_the_own_collection_alone(
    keyed_server: RunningServer, shop: Shop, field_name: str, kind: str
) -> None:
    """The own object is there; the stranger's is null like one that is missing."""
    query = f"query ($id: ID!) {{ {field_name}(id: $id) {{ id }} }}"
    own = keyed_server.execute(query, {"id": shop.own[kind]}, bearer=shop.secret)
    assert own == {field_name: {"id": shop.own[kind]}}
    for id in (shop.stranger[kind], PREFIXES[kind] + ULID):
        assert keyed_server.execute(query, {"id": id}, bearer=shop.secret) == {field_name: None}


CHANGES: dict[str, tuple[str, str, dict[str, Json]]] = {
    "createPaymentSession": ("paymentCollectionId", "PaymentCollection", {"providerId": "sandbox"}),
    "createPaymentSessions": ("paymentCollectionId", "PaymentCollection", {}),
    "updatePaymentSession": ("id", "PaymentSession", {"metadata": {"a": 1}}),
    "cancelPaymentSession": ("id", "PaymentSession", {}),
    "authorizePaymentSession": ("id", "PaymentSession", {"data": {"token": "approve"}}),
}


@pytest.mark.both
@pytest.mark.parametrize("field_name", CHANGES)
def test_a_stranger_s_id_looks_exactly_like_a_missing_one_to_a_mutation(
    keyed_server: RunningServer, shop: Shop, field_name: str
) -> None:
    """NOT_FOUND with the same path and words, and nothing of the stranger's in it."""
    before = evidence_of(keyed_server)
    name, kind, more = CHANGES[field_name]
    answers = []
    for id in (shop.stranger[kind], PREFIXES[kind] + ULID):
        value = keyed_server.change(field_name, {name: id, **more}, bearer=shop.secret)
        assert failure(value) == ("NOT_FOUND", [name])
        answers.append({key: part for key, part in value.items() if key != "requestId"})
    assert answers[0] == answers[1]
    assert evidence_of(keyed_server) == before


def test_a_stranger_s_collection_looks_like_a_missing_one_to_a_subscription(
    keyed_server: RunningServer, shop: Shop
) -> None:
    """NOT_FOUND with the same words, with and without a cursor."""
    watch = document("front_end/06_watch_payment_collection")
    for after in (None, shop.stranger["cursor"], shop.own["cursor"]):
        answers = []
        for id in (shop.stranger["PaymentCollection"], f"pay_col_{ULID}"):
            message = first_message(
                keyed_server, watch, {"id": id, "after": after}, bearer=shop.secret
            )
            (error,) = message["payload"]
            assert error["extensions"].pop("requestId")
            assert error["extensions"] == {"code": "NOT_FOUND"}
            answers.append(error)
        assert answers[0] == answers[1]


def test_a_browser_follows_its_own_collection(keyed_server: RunningServer, shop: Shop) -> None:
    """The first item is a snapshot of it."""
    message = first_message(
        keyed_server,
        "subscription ($id: ID!) { paymentCollectionUpdates(id: $id) { event { id } paymentCollection"
        " { id metadata clientSecret } } }",
        {"id": shop.own["PaymentCollection"]},
        bearer=shop.secret,
    )
    assert message["type"] == "next"
    assert message["payload"]["data"]["paymentCollectionUpdates"] == {
        "event": None,
        "paymentCollection": {
            "id": shop.own["PaymentCollection"],
            "metadata": {},
            "clientSecret": None,
        },
    }


EVERYTHING = """query ($id: ID!) { paymentCollection(id: $id) {
  metadata clientSecret
  paymentSessions { metadata payment { id data metadata } }
  payments { data metadata captures { metadata } refunds { metadata note } }
  events { edges { node { payment { data metadata } capture { metadata } refund { note metadata } } } }
} }"""


def test_what_is_the_back_end_s_is_hidden_from_a_browser(
    keyed_server: RunningServer, shop: Shop
) -> None:
    """Metadata and data are empty, note and clientSecret null, wherever they are reached from."""
    id = shop.own["PaymentCollection"]
    response = keyed_server.post(EVERYTHING, {"id": id}, bearer=shop.secret)
    collection = orjson.loads(response.content)["data"]["paymentCollection"]
    assert collection["metadata"] == {}
    assert collection["clientSecret"] is None
    assert [session["metadata"] for session in collection["paymentSessions"]] == [{}, {}]
    (payment,) = collection["payments"]
    assert (payment["data"], payment["metadata"]) == ({}, {})
    assert [one["metadata"] for one in payment["captures"]] == [{}]
    assert [(one["metadata"], one["note"]) for one in payment["refunds"]] == [({}, None)]
    for hidden in ("internal", "margin", "angry"):
        assert hidden not in response.text


def test_the_secret_key_sees_what_is_hidden_from_a_browser(
    keyed_server: RunningServer, shop: Shop
) -> None:
    """The same query with the secret key shows all of it."""
    found = keyed_server.execute(EVERYTHING, {"id": shop.own["PaymentCollection"]})
    collection = found["paymentCollection"]
    assert collection["metadata"] == {"internal": "margin 40 %"}
    assert collection["clientSecret"] == shop.secret
    (payment,) = collection["payments"]
    assert [one["metadata"] for one in payment["captures"]] == [{"internal": "capture"}]
    assert [(one["metadata"], one["note"]) for one in payment["refunds"]] == [
        ({"internal": "refund"}, "angry customer")
    ]


def test_what_a_mutation_answers_a_browser_hides_the_same(keyed_server: RunningServer) -> None:
    """The payment that an authorization makes shows no metadata, no data and no client secret."""
    made = open_collection(keyed_server, metadata={"internal": "margin"})
    secret = made["clientSecret"]
    session = keyed_server.change(
        "createPaymentSession",
        {"paymentCollectionId": made["id"], "providerId": "sandbox"},
        bearer=secret,
    )
    payment = keyed_server.change("authorizePaymentSession", {"id": session["id"]}, bearer=secret)
    assert payment["__typename"] == "Payment"
    assert (payment["data"], payment["metadata"]) == ({}, {})
    assert payment["paymentCollection"]["metadata"] == {}
    assert payment["paymentCollection"]["clientSecret"] is None


@pytest.fixture
def browser(keyed_server: RunningServer) -> tuple[str, str]:
    """Return a fresh collection's id and client secret."""
    made = open_collection(keyed_server)
    return made["id"], made["clientSecret"]


@pytest.mark.both
def test_a_browser_goes_the_whole_way_to_a_payment(
    keyed_server: RunningServer, browser: tuple[str, str]
) -> None:
    """It opens, changes, cancels, opens again and authorizes; then it may not capture."""
    id, secret = browser
    inputs = {"paymentCollectionId": id, "providerId": "sandbox"}
    first = keyed_server.change("createPaymentSession", inputs, bearer=secret)
    changed = keyed_server.change(
        "updatePaymentSession",
        {"id": first["id"], "returnUrl": "http://localhost:3000/back"},
        bearer=secret,
    )
    assert changed["returnUrl"] == "http://localhost:3000/back"
    canceled = keyed_server.change("cancelPaymentSession", {"id": first["id"]}, bearer=secret)
    assert canceled["status"] == "CANCELED"
    (second,) = keyed_server.change(
        "createPaymentSessions", {"paymentCollectionId": id}, bearer=secret
    )["paymentSessions"]
    payment = keyed_server.change(
        "authorizePaymentSession", {"id": second["id"], "data": {"token": "approve"}}, bearer=secret
    )
    assert (payment["__typename"], payment["amount"]) == ("Payment", "100.00")


def test_system_is_not_offered_to_a_browser(
    keyed_server: RunningServer, browser: tuple[str, str]
) -> None:
    """Neither among all providers nor among its collection's, though the secret key sees it in both."""
    id, secret = browser
    usable = "query ($id: ID!) { paymentCollection(id: $id) { paymentProviders { id } } }"
    all_providers = "query { paymentProviders(enabledOnly: false) { id } }"
    seen = keyed_server.execute(all_providers, bearer=secret)["paymentProviders"]
    assert seen == [{"id": "sandbox"}]
    offered = keyed_server.execute(usable, {"id": id}, bearer=secret)["paymentCollection"]
    assert offered["paymentProviders"] == [{"id": "sandbox"}]
    back_end = keyed_server.execute(usable, {"id": id})["paymentCollection"]["paymentProviders"]
    assert {provider["id"] for provider in back_end} == {"system", "sandbox"}


def test_a_disabled_provider_is_not_offered_to_a_browser(
    keyed_server: RunningServer, browser: tuple[str, str]
) -> None:
    """However it asks; a back end still sees that there is one."""
    _, secret = browser
    every = "query { paymentProviders(enabledOnly: false) { id isEnabled } }"
    keyed_server.change("updatePaymentProvider", {"id": "sandbox", "isEnabled": False})
    try:
        for query in (every, "query { paymentProviders { id isEnabled } }"):
            seen = keyed_server.execute(query, bearer=secret)
            assert seen == {"paymentProviders": []}
        there = keyed_server.execute(every)["paymentProviders"]
        assert {"id": "sandbox", "isEnabled": False} in there
    finally:
        keyed_server.change("updatePaymentProvider", {"id": "sandbox", "isEnabled": True})


@pytest.mark.parametrize(
    ("field_name", "more", "path"),
    [
        ("createPaymentSession", {"providerId": "system"}, ["providerId"]),
        ("createPaymentSessions", {"providerIds": ["system"]}, ["providerIds"]),
        ("createPaymentSessions", {"providerIds": ["sandbox", "system"]}, ["providerIds"]),
    ],
)
def test_a_browser_opens_no_system_session(
    keyed_server: RunningServer,
    browser: tuple[str, str],
    field_name: str,
    more: Json,
    path: list[str],
) -> None:
    """PROVIDER_DISABLED, and not one session is opened."""
    id, secret = browser
    before = evidence_of(keyed_server)
    value = keyed_server.change(field_name, {"paymentCollectionId": id, **more}, bearer=secret)
    assert failure(value) == ("PROVIDER_DISABLED", path)
    assert evidence_of(keyed_server) == before


def test_a_browser_may_give_what_is_outstanding_as_the_amount(
    keyed_server: RunningServer, browser: tuple[str, str]
) -> None:
    """The same number in another spelling is the same amount."""
    id, secret = browser
    inputs = {"paymentCollectionId": id, "providerId": "sandbox", "amount": 100}
    made = keyed_server.change("createPaymentSession", inputs, bearer=secret)
    assert made["amount"] == "100.00"


@pytest.mark.parametrize("amount", ["0.01", "50.00", "99.99"])
def test_a_browser_may_not_pay_a_part(
    keyed_server: RunningServer, browser: tuple[str, str], amount: str
) -> None:
    """Opening and updating for less than is outstanding are refused at the amount."""
    id, secret = browser
    inputs = {"paymentCollectionId": id, "providerId": "sandbox"}
    session = keyed_server.change("createPaymentSession", inputs, bearer=secret)
    before = evidence_of(keyed_server)
    opened_value = keyed_server.change(
        "createPaymentSession", {**inputs, "amount": amount}, bearer=secret
    )
    assert failure(opened_value) == ("INVALID_INPUT", ["amount"])
    updated = keyed_server.change(
        "updatePaymentSession", {"id": session["id"], "amount": amount}, bearer=secret
    )
    assert failure(updated) == ("INVALID_INPUT", ["amount"])
    assert evidence_of(keyed_server) == before


def test_a_browser_may_pay_a_part_where_the_collection_allows_it(
    keyed_server: RunningServer,
) -> None:
    """With allowsSplitPayment a session may be for less, and no more than is outstanding."""
    made = open_collection(keyed_server, allowsSplitPayment=True)
    inputs = {"paymentCollectionId": made["id"], "providerId": "sandbox"}
    part = keyed_server.change(
        "createPaymentSession", {**inputs, "amount": "40.00"}, bearer=made["clientSecret"]
    )
    assert part["amount"] == "40.00"
    more = keyed_server.change(
        "createPaymentSession", {**inputs, "amount": "100.01"}, bearer=made["clientSecret"]
    )
    assert failure(more) == ("AMOUNT_TOO_LARGE", ["amount"])


@pytest.mark.parametrize("key", ["capture_method", "amount", "__proto__", ""])
def test_a_browser_sends_no_key_that_is_not_the_browser_s(
    keyed_server: RunningServer, browser: tuple[str, str], key: str
) -> None:
    """INVALID_INPUT at that key of `data`, whether opening, updating or authorizing."""
    id, secret = browser
    inputs = {"paymentCollectionId": id, "providerId": "sandbox"}
    session = keyed_server.change("createPaymentSession", inputs, bearer=secret)
    before = evidence_of(keyed_server)
    data = {"token": "approve", key: "x"}
    for field_name, given in (
        ("createPaymentSession", inputs),
        ("updatePaymentSession", {"id": session["id"]}),
        ("authorizePaymentSession", {"id": session["id"]}),
    ):
        value = keyed_server.change(field_name, {**given, "data": data}, bearer=secret)
        assert failure(value) == ("INVALID_INPUT", ["data", key]), field_name
    assert evidence_of(keyed_server) == before


@pytest.mark.both
def test_a_browser_s_keys_are_its_own(keyed_server: RunningServer) -> None:
    """The same idempotency key of two browsers and of the back end makes three sessions."""
    key = new_key()
    ids = set()
    for bearer in ("own", "own", "own", None):
        made = open_collection(keyed_server)
        secret = made["clientSecret"] if bearer else None
        inputs = {
            "paymentCollectionId": made["id"],
            "providerId": "sandbox",
            "idempotencyKey": key,
        }
        ids.add(keyed_server.change("createPaymentSession", inputs, bearer=secret)["id"])
    assert len(ids) == 4


# ── The other addresses ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sandbox/ledger"),
        ("POST", "/sandbox/reports/payses_01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("POST", "/graphql/examples"),
    ],
)
def test_an_address_for_the_secret_key_refuses_everybody_else(
    keyed_server: RunningServer, shop: Shop, method: str, path: str
) -> None:
    """401 without a credential or with a wrong one, 403 for a client secret."""
    before = evidence_of(keyed_server)
    statuses = []
    for authorization in (None, "Bearer a-key-that-nobody-has", f"Bearer {shop.secret}"):
        headers = {} if authorization is None else {"authorization": authorization}
        response = keyed_server.client.request(
            method, path, json={"result": "approve"}, headers=headers
        )
        statuses.append(response.status_code)
    assert statuses == [401, 401, 403]
    assert evidence_of(keyed_server) == before


@pytest.mark.parametrize("bearer", ["a-key-that-nobody-has", f"tgcs_{ULID}_1_1_{'A' * 43}"])
def test_a_socket_with_a_wrong_credential_is_closed(
    keyed_server: RunningServer, bearer: str
) -> None:
    """4403, before anything is answered."""
    with open_socket(keyed_server, bearer=bearer) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=WAIT_SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403


# ── Without secret keys ────────────────────────────────────────────────────────

FROM_ELSEWHERE = [
    {"Forwarded": "for=192.0.2.1"},
    {"X-Forwarded-For": "192.0.2.1"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-For": ""},
    {"X-Forwarded-Host": "localhost"},
    {"X-Forwarded-Proto": "https"},
    {"X-Forwarded-Port": "443"},
    {"x-forwarded-anything": "1"},
    {"Via": "1.1 proxy"},
    {"X-Real-IP": "192.0.2.1"},
    {"CF-Connecting-IP": "192.0.2.1"},
    {"X-Forwarded": "for=192.0.2.1"},
    {"X-Original-Forwarded-For": "192.0.2.1"},
    {"X-Envoy-External-Address": "192.0.2.1"},
    {"Host": "evil.example"},
    {"Host": "evil.example:8000"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "localhost.evil.example"},
    {"Host": "192.0.2.1"},
    {"Host": "localhost@evil.example"},
    {"Host": "0.0.0.0"},  # noqa: S104 - compared, not bound
]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("headers", FROM_ELSEWHERE, ids=str)
def test_whoever_is_not_on_this_machine_is_unauthenticated(
    open_server: RunningServer, headers: dict[str, str]
) -> None:
    """A proxy's header, or a Host that is no loopback name, is HTTP 401 though no keys are set."""
    response = open_server.client.post("/graphql", json={"query": LIST_PROVIDERS}, headers=headers)
    assert refused(response) == (401, "UNAUTHENTICATED")
    ledger = open_server.client.get("/sandbox/ledger", headers=headers)
    assert ledger.status_code == 401
    examples = open_server.client.post("/graphql/examples", json={}, headers=headers)
    assert examples.status_code == 401
    page = open_server.client.get("/graphql", headers={**headers, "accept": "text/html"})
    assert refused(page) == (401, "UNAUTHENTICATED")


def test_a_server_without_keys_says_so(
    open_server: RunningServer, keyed_server: RunningServer
) -> None:
    """A line of the log names what that means and the setting; with keys there is none."""
    warning = "anyone who reaches this port can act"
    (line,) = [line for line in open_server.log_lines() if line["event"] == warning]
    assert (line["level"], line["reason"]) == ("warning", "TILLGRAPH_SECRET_KEYS is not set")
    assert warning not in keyed_server.log_path.read_text()


@pytest.mark.usefixtures("unchanged")
def test_a_proxy_that_adds_nothing_is_seen_by_its_version(open_server: RunningServer) -> None:
    """Nginx as it comes writes loopback's Host and speaks HTTP/1.0; the sentence says what to set."""
    body = orjson.dumps({"query": LIST_PROVIDERS})
    head = f"POST /graphql HTTP/1.0\r\nHost: 127.0.0.1:{open_server.port}\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    status, answer = answer_to(open_server, head.encode() + body)
    assert status == 401
    assert "set TILLGRAPH_SECRET_KEYS" in answer["errors"][0]["message"]


@pytest.mark.parametrize(
    "headers", [headers for headers in FROM_ELSEWHERE if "Host" not in headers], ids=str
)
def test_a_socket_from_elsewhere_is_refused(
    open_server: RunningServer, headers: dict[str, str]
) -> None:
    """The same over a WebSocket: closed with 4403 instead of an acknowledgement."""
    with open_socket(open_server, headers=headers) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=WAIT_SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:1", "LOCALHOST", "127.0.0.1", "127.9.9.9:80", "[::1]", "a.localhost"],
)
def test_every_loopback_name_is_this_machine(open_server: RunningServer, host: str) -> None:
    """A Host that names loopback, in whatever way and case, is trusted."""
    response = open_server.client.post(
        "/graphql", json={"query": LIST_PROVIDERS}, headers={"Host": host}
    )
    assert response.status_code == 200, response.text


def test_a_wrong_credential_is_refused_though_none_is_needed(open_server: RunningServer) -> None:
    """A wrong credential is refused even if the server requires none."""
    response = open_server.post(LIST_PROVIDERS, bearer="a-key-that-nobody-has")
    assert refused(response) == (401, "UNAUTHENTICATED")


def test_a_page_that_reaches_this_machine_by_a_name_of_its_own_gets_nothing(
    open_server: RunningServer,
) -> None:
    """A name that was made to lead here (DNS rebinding) passes as its own origin, and is not trusted for it."""
    host = f"evil.example:{open_server.port}"
    with open_socket(open_server, host=host, origin=f"http://{host}") as socket:
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=WAIT_SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403


def test_a_client_secret_is_a_browser_s_where_no_keys_are_set(open_server: RunningServer) -> None:
    """On a trusted machine too it may do no more than a browser."""
    secret = open_collection(open_server)["clientSecret"]
    response = open_server.post(SECRET["Query.payments"], bearer=secret)
    assert orjson.loads(response.content)["errors"][0]["extensions"]["code"] == "FORBIDDEN"


# ── Origins ────────────────────────────────────────────────────────────────────

FOREIGN = [
    "https://evil.example",
    "http://localhost.evil.example",
    "null",
    "http://evil.example:8000",
    "file://",
]


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_origin_opens_no_socket(open_server: RunningServer, origin: str) -> None:
    """HTTP 403 instead of an upgrade."""
    with pytest.raises(InvalidStatus) as refusal, open_socket(open_server, origin=origin):
        pass
    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:1"]
)
def test_a_loopback_origin_opens_a_socket_in_development(
    open_server: RunningServer, origin: str
) -> None:
    """A front end that is being built on this machine may connect."""
    with open_socket(open_server, origin=origin) as socket:
        assert receive(socket) == {"type": "connection_ack"}


def _preflight(server: RunningServer, origin: str, headers: str) -> tuple[int, str | None]:
    response = server.client.request(
        "OPTIONS",
        "/graphql",
        headers={
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": headers,
        },
    )
    return response.status_code, response.headers.get("access-control-allow-origin")


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:5173"])
def test_an_allowed_origin_may_send_a_credential(open_server: RunningServer, origin: str) -> None:
    """The preflight is answered with that very origin."""
    wanted = "authorization, content-type, x-request-id"
    assert _preflight(open_server, origin, wanted) == (200, origin)


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_origin_is_not_allowed_by_cors(open_server: RunningServer, origin: str) -> None:
    """Neither the preflight nor an answer names it, so that no page there can read one."""
    status, allowed = _preflight(open_server, origin, "content-type")
    assert (status, allowed) == (400, None)
    response = open_server.client.post(
        "/graphql", json={"query": LIST_PROVIDERS}, headers={"origin": origin}
    )
    assert "access-control-allow-origin" not in response.headers


def test_a_page_on_an_allowed_origin_can_read_every_answer(keyed_server: RunningServer) -> None:
    """A 401 too names the origin, and shows the request id."""
    origin = "http://localhost:3000"
    response = keyed_server.client.post(
        "/graphql", json={"query": LIST_PROVIDERS}, headers={"origin": origin}
    )
    assert response.status_code == 401
    assert response.headers["access-control-allow-origin"] == origin
    exposed = response.headers["access-control-expose-headers"].lower()
    assert {"x-request-id", "retry-after"} <= {name.strip() for name in exposed.split(",")}
    assert "access-control-allow-credentials" not in response.headers


def test_the_keys_are_not_sent_anywhere(keyed_server: RunningServer) -> None:
    """No answer of this module's server, health included, contains a configured key."""
    text = keyed_server.client.get("/health/ready").text + keyed_server.post(LIST_PROVIDERS).text
    for key in (SECRET_KEY, HASHED_KEY, KEYS["TILLGRAPH_SECRET_KEYS"]):
        assert key not in text


# ── Settings of access ─────────────────────────────────────────────────────────

HOUR_SECONDS = 3600


@pytest.fixture(scope="module")
def strict_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server whose client secrets end after an hour and may open system sessions alone; its clock stands."""
    environment = {
        **NO_RECOVERY,
        **STANDING_CLOCK,
        "TILLGRAPH_CLIENT_SECRET_HOURS": "1",
        "TILLGRAPH_BROWSER_PROVIDERS": "system",
    }
    server = RunningServer(tmp_path_factory.mktemp("strict"), environment)
    stop_clock(server.folder)
    yield server.start()
    server.close()


def test_the_operator_says_which_providers_are_for_browsers(strict_server: RunningServer) -> None:
    """TILLGRAPH_BROWSER_PROVIDERS is what a client secret is offered and can open, and no more."""
    made = open_collection(strict_server)
    secret = made["clientSecret"]
    offered = strict_server.execute("{ paymentProviders { id } }", bearer=secret)
    assert offered == {"paymentProviders": [{"id": "system"}]}
    refusal = strict_server.change(
        "createPaymentSession",
        {"paymentCollectionId": made["id"], "providerId": "sandbox"},
        bearer=secret,
    )
    assert failure(refusal) == ("PROVIDER_DISABLED", ["providerId"])


@pytest.mark.sqlite  # On PostgreSQL the database tells the time.
def test_a_client_secret_ends_with_time(strict_server: RunningServer) -> None:
    """After TILLGRAPH_CLIENT_SECRET_HOURS it is UNAUTHENTICATED, for a request and for a new socket."""
    secret = open_collection(strict_server)["clientSecret"]
    stop_clock(strict_server.folder, NOON + HOUR_SECONDS - 1)
    assert strict_server.execute("{ __typename }", bearer=secret) == {"__typename": "Query"}
    stop_clock(strict_server.folder, NOON + HOUR_SECONDS)
    response = strict_server.post("{ __typename }", bearer=secret)
    assert refused(response) == (401, "UNAUTHENTICATED")
    with open_socket(strict_server, bearer=secret) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=WAIT_SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403
