"""Bad input 30: ids. Whatever is not there looks the same. tests/parsing/test_ids.py says what is no id."""

import json
from collections.abc import Callable

import orjson
import pytest
from graphql import build_schema, get_named_type, is_input_object_type, is_interface_type

from tests.support.callers.raw_requests import outcome, post_text
from tests.support.callers.sockets import first_message
from tests.support.flow.shop import (
    capture,
    new_key,
    open_collection,
    open_holder,
    open_session,
    pay,
    save_method,
)
from tests.support.program.running import ROOT, Json, RunningServer, document

pytestmark = pytest.mark.once

MISSING = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
UNSTORABLE = '"{prefix}01ARZ3NDEKTSV4RRFFQ69G5FA\\udfff"'
"""No database can look up a lone surrogate: if it is NOT_FOUND, it was seen to be no id before."""

Kinds = dict[str, str]
"""An object of each kind that exists, by its prefix."""

MUTATIONS: dict[str, tuple[str, str, dict[str, Json]]] = {
    "updatePaymentCollection": ("pay_col_", "id", {"reference": "changed"}),
    "cancelPaymentCollection": ("pay_col_", "id", {}),
    "createPaymentSession": ("pay_col_", "paymentCollectionId", {"providerId": "sandbox"}),
    "createPaymentSessions": ("pay_col_", "paymentCollectionId", {}),
    "updatePaymentSession": ("payses_", "id", {"metadata": {"a": 1}}),
    "cancelPaymentSession": ("payses_", "id", {}),
    "authorizePaymentSession": ("payses_", "id", {}),
    "capturePayment": ("pay_", "paymentId", {"idempotencyKey": "unknown-id"}),
    "refundPayment": ("pay_", "paymentId", {"idempotencyKey": "unknown-id"}),
    "cancelPayment": ("pay_", "paymentId", {}),
    "markPaymentCollectionAsPaid": ("pay_col_", "id", {"idempotencyKey": "unknown-id"}),
    "rotateClientSecret": ("pay_col_", "paymentCollectionId", {}),
    "askAgain": ("capt_", "id", {}),
    "settleOperation": (
        "capt_",
        "id",
        {"outcome": "DECLINED", "evidence": "b", "idempotencyKey": "unknown-id"},
    ),
    "updateRefundReason": ("refr_", "id", {"label": "changed"}),
    "deleteRefundReason": ("refr_", "id", {}),
    "updateAccountHolder": ("acchld_", "id", {"name": "changed"}),
    "deleteAccountHolder": ("acchld_", "id", {}),
    "savePaymentMethod": ("acchld_", "accountHolderId", {}),
    "deletePaymentMethod": ("paymtd_", "id", {}),
    "updateWebhookEndpoint": ("whep_", "id", {"description": "changed"}),
    "deleteWebhookEndpoint": ("whep_", "id", {}),
    "rotateWebhookSecret": ("whep_", "id", {}),
    "recoverWebhookEndpoint": ("whep_", "id", {"since": "2026-11-01T00:00:00Z"}),
    "redeliverWebhook": ("whdl_", "id", {}),
}
"""Each mutation's kind of id, where it stands, and what else is needed."""

BESIDES = {
    "createPaymentCollection": ("acchld_", "accountHolderIds"),
    "updatePaymentCollection": ("acchld_", "accountHolderIds"),
    "createPaymentSession": ("acchld_", "accountHolderId"),
    "authorizePaymentSession": ("paymtd_", "paymentMethodId"),
    "refundPayment": ("refr_", "reasonId"),
    "savePaymentMethod": ("setup_", "setupId"),
}
"""The ids that stand beside a right one."""

QUERIES = {
    "accountHolder": "acchld_",
    "node": "capt_",
    "paymentCollection": "pay_col_",
    "paymentSession": "payses_",
    "payment": "pay_",
}


def test_every_mutation_with_an_id_is_here() -> None:
    """Every id in a mutation's input is in one of the tables, except a provider's, which has tests below."""
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text())
    assert schema.mutation_type is not None
    named = set()
    for field_name, field in schema.mutation_type.fields.items():
        kind = get_named_type(field.args["input"].type)
        assert is_input_object_type(kind)
        for name, one in kind.fields.items():
            if get_named_type(one.type).name == "ID" and not name.startswith("providerId"):
                named.add((field_name, name))
    own = {(field_name, name) for field_name, (_, name, _) in MUTATIONS.items()}
    besides = {(field_name, name) for field_name, (_, name) in BESIDES.items()}
    assert named == own | besides | {("updatePaymentProvider", "id")}


def _change(server: RunningServer, field_name: str, id_text: str) -> Json:
    _, name, more = MUTATIONS[field_name]
    given = ", ".join(
        [f'"{name}": {id_text}', *(f'"{k}": {json.dumps(v)}' for k, v in more.items())]
    )
    variables = f'{{"input": {{{given}}}}}'
    value = outcome(post_text(server, document(f"complete/{field_name}"), variables))
    return {name: answer for name, answer in value.items() if name != "requestId"}


@pytest.mark.both
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("field_name", MUTATIONS)
def test_no_mutation_finds_what_is_not_there(
    open_server: RunningServer, kinds: Kinds, field_name: str
) -> None:
    """A malformed id and an id of another kind are NOT_FOUND, exactly as a well-formed id that is missing."""
    prefix, name, _ = MUTATIONS[field_name]
    value = _change(open_server, field_name, UNSTORABLE.replace("{prefix}", prefix))
    assert (value["code"], value["path"], value["retryable"]) == ("NOT_FOUND", [name], False)
    other = "pay_col_" if prefix == "pay_" else "pay_"
    for id in (f"{prefix}{MISSING}", kinds[other], kinds["evt_"]):
        assert _change(open_server, field_name, json.dumps(id)) == value


@pytest.mark.both
@pytest.mark.usefixtures("beside", "unchanged")
@pytest.mark.parametrize("field_name", BESIDES)
def test_no_mutation_finds_what_is_not_there_beside_what_is(
    open_server: RunningServer, beside: dict[str, Json], field_name: str
) -> None:
    """An id within a request that is right otherwise: NOT_FOUND at that field, as for one that is missing."""
    prefix, name = BESIDES[field_name]
    answers = []
    for text in (UNSTORABLE.replace("{prefix}", prefix), f'"{prefix}{MISSING}"'):
        id_text = f"[{text}]" if name.endswith("Ids") else text
        whole = json.dumps(beside[field_name])[:-1] + f', "{name}": {id_text}}}'
        query = document(f"complete/{field_name}")
        value = outcome(post_text(open_server, query, f'{{"input": {whole}}}'))
        assert (value["code"], value["path"], value["retryable"]) == ("NOT_FOUND", [name], False)
        answers.append({key: part for key, part in value.items() if key != "requestId"})
    assert answers[0] == answers[1]


@pytest.mark.both
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("field_name", QUERIES)
def test_no_query_finds_what_is_not_there(open_server: RunningServer, field_name: str) -> None:
    """It is null, without an error: what is no id, a number, and a right id that is missing."""
    prefix = QUERIES[field_name]
    query = f"query ($id: ID!) {{ {field_name}(id: $id) {{ id }} }}"
    for id_text in (UNSTORABLE.replace("{prefix}", prefix), "5", f'"{prefix}{MISSING}"'):
        response = post_text(open_server, query, f'{{"id": {id_text}}}')
        assert response.status_code == 200
        assert orjson.loads(response.content) == {"data": {field_name: None}}


@pytest.mark.both
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("id", [f"pay_col_{MISSING}\0", f"pay_col_{MISSING}", f"pay_{MISSING}"])
def test_no_subscription_follows_what_is_not_there(open_server: RunningServer, id: str) -> None:
    """It ends before its first item with NOT_FOUND."""
    message = first_message(
        open_server, document("front_end/06_watch_payment_collection"), {"id": id}
    )
    assert message["type"] == "error"
    assert [error["extensions"]["code"] for error in message["payload"]] == ["NOT_FOUND"]


@pytest.fixture(scope="module")
def beside(open_server: RunningServer) -> dict[str, Json]:
    """Return inputs that are right, each without one more id."""
    holder = open_holder(open_server)["id"]
    collection = open_collection(open_server, accountHolderIds=[holder])["id"]
    session = open_session(open_server, collection)["id"]
    payment = pay(open_server)["id"]
    capture(open_server, payment)
    return {
        "createPaymentCollection": {"amount": "1.00", "currencyCode": "USD"},
        "updatePaymentCollection": {"id": collection},
        "createPaymentSession": {"paymentCollectionId": collection, "providerId": "sandbox"},
        "authorizePaymentSession": {"id": session},
        "refundPayment": {"paymentId": payment, "idempotencyKey": "unknown-reason"},
        "savePaymentMethod": {"accountHolderId": holder},
    }


KINDS = {
    "pay_col_": "PaymentCollection",
    "payses_": "PaymentSession",
    "pay_": "Payment",
    "capt_": "Capture",
    "ref_": "Refund",
    "evt_": "PaymentEvent",
    "refr_": "RefundReason",
    "acchld_": "AccountHolder",
    "paymtd_": "PaymentMethod",
}
"""The prefix of each type's ids."""

ELSEWHERE = {"Dispute", "WebhookEndpoint", "WebhookDelivery"}
"""Stripe has disputes (tests/providers/stripe/test_disputes.py), and webhooks have receivers (tests/webhooks)."""


@pytest.fixture(scope="module")
def kinds(open_server: RunningServer) -> Kinds:
    """Return an object of each kind that exists."""
    payment = pay(open_server)
    captured = open_server.change(
        "capturePayment", {"paymentId": payment["id"], "idempotencyKey": new_key()}
    )
    refunded = open_server.change(
        "refundPayment",
        {"paymentId": payment["id"], "amount": "1.00", "idempotencyKey": new_key()},
    )
    events = open_server.run("back_end/11_list_payment_events", first=1)
    return {
        "pay_col_": payment["paymentCollection"]["id"],
        "payses_": payment["paymentSession"]["id"],
        "pay_": payment["id"],
        "capt_": captured["captures"][0]["id"],
        "ref_": refunded["refunds"][0]["id"],
        "evt_": events["edges"][0]["node"]["id"],
        "refr_": open_server.run("back_end/26_list_refund_reasons")[0]["id"],
        "acchld_": (holder := open_holder(open_server)["id"]),
        "paymtd_": save_method(open_server, holder)["id"],
    }


@pytest.mark.both
@pytest.mark.parametrize(
    "field_name", ["paymentCollection", "paymentSession", "payment", "accountHolder"]
)
def test_a_query_finds_its_own_kind_alone(
    open_server: RunningServer, kinds: Kinds, field_name: str
) -> None:
    """An id finds its object through the field of its kind, and nothing through the others."""
    query = f"query ($id: ID!) {{ {field_name}(id: $id) {{ id }} }}"
    for kind, id in kinds.items():
        expected = {"id": id} if QUERIES[field_name] == kind else None
        assert open_server.execute(query, {"id": id}) == {field_name: expected}


def test_every_node_has_its_kind_of_id() -> None:
    """A new type that has an id fails here until it is found by it."""
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text())
    node = schema.type_map["Node"]
    assert is_interface_type(node)
    assert {one.name for one in schema.get_possible_types(node)} == {*KINDS.values(), *ELSEWHERE}


@pytest.mark.both
@pytest.mark.parametrize(("prefix", "typename"), KINDS.items())
def test_node_finds_every_kind(
    open_server: RunningServer, kinds: Kinds, prefix: str, typename: str
) -> None:
    """Each kind of id leads to an object of its type."""
    found = open_server.execute(
        "query ($id: ID!) { node(id: $id) { __typename id } }", {"id": kinds[prefix]}
    )
    assert found["node"] == {"__typename": typename, "id": kinds[prefix]}


NO_PROVIDERS = ["", "nope", "\0", "SANDBOX", "x" * 10_000, "' OR 1=1"]


@pytest.mark.both
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("field_name", "make", "expected"),
    [
        (
            "createPaymentSession",
            lambda collection, id: {"paymentCollectionId": collection, "providerId": id},
            ("PROVIDER_DISABLED", ["providerId"]),
        ),
        (
            "createPaymentSessions",
            lambda collection, id: {"paymentCollectionId": collection, "providerIds": [id]},
            ("PROVIDER_DISABLED", ["providerIds"]),
        ),
        (
            "updatePaymentProvider",
            lambda _, id: {"id": id, "isEnabled": False},
            ("NOT_FOUND", ["id"]),
        ),
    ],
)
def test_a_provider_that_is_not_there_is_refused(
    open_server: RunningServer,
    unpaid: str,
    field_name: str,
    make: Callable[[str, str], Json],
    expected: tuple[str, list[str]],
) -> None:
    """Opening with it is PROVIDER_DISABLED, disabling it NOT_FOUND."""
    for provider_id in NO_PROVIDERS:
        value = open_server.change(field_name, make(unpaid, provider_id))
        assert (value["code"], value["path"]) == expected, provider_id


@pytest.fixture(scope="module")
def unpaid(open_server: RunningServer) -> str:
    """Return a collection without a session."""
    made = open_server.change("createPaymentCollection", {"amount": "10.00", "currencyCode": "USD"})
    return str(made["id"])
