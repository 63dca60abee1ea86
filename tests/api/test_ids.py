"""Bad input 30: ids. Whatever is not there looks the same."""

import json
from collections.abc import Callable

import orjson
import pytest

from tests.api.raw import outcome, post_text
from tests.api.sockets import first_message
from tests.running import Json, RunningServer, document
from tests.shop import new_key, pay

MISSING = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

BAD_IDS = {
    "empty": '""',
    "spaces": '" x "',
    "NUL": '"\\u0000"',
    "NUL behind an id": '"{prefix}01ARZ3NDEKTSV4RRFFQ69G5FAV\\u0000"',
    "lone surrogate": '"\\ud800"',
    "surrogate in an id": '"{prefix}01ARZ3NDEKTSV4RRFFQ69G5FA\\udfff"',
    "bidi control": '"\\u202e{prefix}01ARZ3NDEKTSV4RRFFQ69G5FAV"',
    "10 kB": f'"{"x" * 10_000}"',
    "10 kB behind a prefix": f'"{{prefix}}{"0" * 10_000}"',
    "SQL": '"\' OR 1=1 --"',
    "SQL behind a prefix": "\"{prefix}' OR '1'='1\"",
    "wildcard": '"{prefix}%"',
    "line end behind an id": '"{prefix}01ARZ3NDEKTSV4RRFFQ69G5FAV\\n"',
    "lower case": '"{prefix}01arz3ndektsv4rrffq69g5fav"',
    "full-width digits": '"{prefix}０1ARZ3NDEKTSV4RRFFQ69G5FAV"',  # noqa: RUF001
    "prefix alone": '"{prefix}"',
    "another kind": '"refr_01ARZ3NDEKTSV4RRFFQ69G5FAV"',
    "integer": "5",
    "large integer": "123456789012345678901234567890",
}

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
}
"""Each mutation's kind of id, where it stands, and what else is needed."""

QUERIES = {
    "node": "pay_",
    "paymentCollection": "pay_col_",
    "paymentSession": "payses_",
    "payment": "pay_",
}


def _change(server: RunningServer, field_name: str, id_text: str) -> Json:
    _, name, more = MUTATIONS[field_name]
    given = ", ".join(
        [f'"{name}": {id_text}', *(f'"{k}": {json.dumps(v)}' for k, v in more.items())]
    )
    variables = f'{{"input": {{{given}}}}}'
    value = outcome(post_text(server, document(f"complete/{field_name}"), variables))
    return {name: answer for name, answer in value.items() if name != "requestId"}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("kind", BAD_IDS)
@pytest.mark.parametrize("field_name", MUTATIONS)
def test_no_mutation_finds_what_is_not_there(
    open_server: RunningServer, field_name: str, kind: str
) -> None:
    """Any text is an id that is not found: NOT_FOUND, in the very shape of a well-formed id that is missing."""
    prefix, name, _ = MUTATIONS[field_name]
    value = _change(open_server, field_name, BAD_IDS[kind].replace("{prefix}", prefix))
    assert (value["code"], value["path"], value["retryable"]) == ("NOT_FOUND", [name], False)
    assert value == _change(open_server, field_name, f'"{prefix}{MISSING}"')


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("kind", BAD_IDS)
@pytest.mark.parametrize("field_name", QUERIES)
def test_no_query_finds_what_is_not_there(
    open_server: RunningServer, field_name: str, kind: str
) -> None:
    """It is null, without an error."""
    id_text = BAD_IDS[kind].replace("{prefix}", QUERIES[field_name])
    query = f"query ($id: ID!) {{ {field_name}(id: $id) {{ id }} }}"
    response = post_text(open_server, query, f'{{"id": {id_text}}}')
    assert response.status_code == 200
    assert orjson.loads(response.content) == {"data": {field_name: None}}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "id", ["", " x ", "\0", "pay_col_", "pay_col_' OR 1=1", f"pay_col_{MISSING}"]
)
def test_no_subscription_follows_what_is_not_there(open_server: RunningServer, id: str) -> None:
    """It ends before its first item with NOT_FOUND."""
    message = first_message(
        open_server, document("front_end/06_watch_payment_collection"), {"id": id}
    )
    assert message["type"] == "error"
    assert [error["extensions"]["code"] for error in message["payload"]] == ["NOT_FOUND"]


Kinds = dict[str, str]


@pytest.fixture(scope="module")
def kinds(open_server: RunningServer) -> Kinds:
    """Give an object of each kind that exists."""
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
    }


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("other", ["pay_col_", "payses_", "pay_", "capt_", "ref_", "evt_"])
@pytest.mark.parametrize("field_name", MUTATIONS)
def test_an_id_of_another_kind_is_not_found(
    open_server: RunningServer, kinds: Kinds, field_name: str, other: str
) -> None:
    """The id of an object that exists, of another kind, is like one that does not exist."""
    prefix, _, _ = MUTATIONS[field_name]
    if other == prefix:
        other = "evt_"
    value = _change(open_server, field_name, json.dumps(kinds[other]))
    assert value == _change(open_server, field_name, f'"{prefix}{MISSING}"')


@pytest.mark.parametrize("field_name", ["paymentCollection", "paymentSession", "payment"])
@pytest.mark.parametrize("other", ["pay_col_", "payses_", "pay_", "capt_", "ref_", "evt_"])
def test_a_query_finds_its_own_kind_alone(
    open_server: RunningServer, kinds: Kinds, field_name: str, other: str
) -> None:
    """An id finds its object through the field of its kind, and nothing through the others."""
    query = f"query ($id: ID!) {{ {field_name}(id: $id) {{ id }} }}"
    expected = {"id": kinds[other]} if QUERIES[field_name] == other else None
    assert open_server.execute(query, {"id": kinds[other]}) == {field_name: expected}


@pytest.mark.parametrize(
    ("prefix", "typename"),
    [
        ("pay_col_", "PaymentCollection"),
        ("payses_", "PaymentSession"),
        ("pay_", "Payment"),
        ("capt_", "Capture"),
        ("ref_", "Refund"),
        ("evt_", "PaymentEvent"),
    ],
)
def test_node_finds_every_kind(
    open_server: RunningServer, kinds: Kinds, prefix: str, typename: str
) -> None:
    """Each kind of id leads to an object of its type."""
    found = open_server.execute(
        "query ($id: ID!) { node(id: $id) { __typename id } }", {"id": kinds[prefix]}
    )
    assert found["node"] == {"__typename": typename, "id": kinds[prefix]}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("provider_id", ["", "nope", "\0", "SANDBOX", "x" * 10_000, "' OR 1=1"])
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
    provider_id: str,
) -> None:
    """Opening with it is PROVIDER_DISABLED, disabling it NOT_FOUND."""
    value = open_server.change(field_name, make(unpaid, provider_id))
    assert (value["code"], value["path"]) == expected


@pytest.fixture(scope="module")
def unpaid(open_server: RunningServer) -> str:
    """Give a collection without a session."""
    made = open_server.change("createPaymentCollection", {"amount": "10.00", "currencyCode": "USD"})
    return str(made["id"])
