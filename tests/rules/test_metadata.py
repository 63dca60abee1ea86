"""Metadata and what people write: replaced as a whole, bounded, and never a card number."""

import pytest

from tests.support.looking import unmoved
from tests.support.running import Json, RunningServer
from tests.support.shop import (
    authorize,
    capture,
    collection_of,
    new_key,
    open_collection,
    open_holder,
    open_session,
    pay,
    refund,
)

CARD_NUMBERS = [
    "4242424242424242",
    "4242 4242 4242 4242",
    "4242-4242-4242-4242",
    "4222222222222",
    "paid with 5555 5555 5555 4444, he said",
    "2223003122003222",
    "3782 822463 10005",
    "order 77 6011111111111117",
    "3566.0020.2036.0505",
    "30569309025904",
    "6200000000000005",
    "4242 - 4242 - 4242 - 4242",
    "4242\u00a04242\u00a04242\u00a04242",
    "4242\u20134242\u20134242\u20134242",
]

NO_CARD_NUMBERS = [
    "4242424242424241",
    "42424242424242424242424242",
    "+49 30 901820, +49 170 1234567",
    "1764000000000",
    "2026-11-24T10:00:00.000Z",
    "0242424242424242",
    "order 1234567890123456",
    "01M83Z0VFZ74CBMTKCMF7JQCQP",
    "4242 4242 and 4242 4242",
]


def made(server: RunningServer, metadata: Json) -> Json:
    """Open a collection with metadata, whatever comes of it."""
    inputs = {"amount": "1.00", "currencyCode": "USD", "metadata": metadata}
    return server.change("createPaymentCollection", inputs)


def refusal(answer: Json) -> tuple[str, list[str]]:
    """Give a refusal's code and path."""
    return answer["code"], answer["path"]


@pytest.mark.parametrize("text", CARD_NUMBERS)
def test_a_card_number_is_refused(server: RunningServer, text: str) -> None:
    """As a value, a key, deep down; INVALID_INPUT which does not repeat it, no row, and no line of the log has it."""
    before = server.rows("SELECT count(*) FROM payment_collections")
    for metadata in ({"card": text}, {text: "x"}, {"a": [{"b": [text]}]}):
        answer = made(server, metadata)
        assert refusal(answer) == ("INVALID_INPUT", ["metadata"])
        assert text not in answer["message"]
    assert server.rows("SELECT count(*) FROM payment_collections") == before
    assert text not in server.log_path.read_text()


def test_a_card_number_as_a_number(server: RunningServer) -> None:
    """A JSON number is as good as a text, with a fraction of nothing too."""
    for number in (4242424242424242, 4242424242424242.0, [4_000_000_000_000_000_006]):
        assert refusal(made(server, {"card": number})) == ("INVALID_INPUT", ["metadata"])


@pytest.mark.parametrize("text", NO_CARD_NUMBERS)
def test_other_numbers_are_kept(server: RunningServer, text: str) -> None:
    """Telephone numbers, instants, ids and orders that are no issuer's number, or whose last digit does not fit."""
    assert made(server, {"it": text, text: 1})["metadata"] == {"it": text, text: 1}


def test_metadata_everywhere(server: RunningServer) -> None:
    """Each of the inputs that take metadata refuses a card number, and what stands there stays as it was."""
    holder = open_holder(server)
    collection = open_collection(server, metadata={"kept": True})
    session = open_session(server, collection["id"], amount="40.00")
    payment = authorize(server, open_session(server, collection["id"], amount="60.00")["id"])
    capture(server, payment["id"], amount="10.00")
    inputs: dict[str, Json] = {
        "createPaymentCollection": {"amount": "1.00", "currencyCode": "USD"},
        "updatePaymentCollection": {"id": collection["id"]},
        "createPaymentSession": {"paymentCollectionId": collection["id"], "providerId": "sandbox"},
        "updatePaymentSession": {"id": session["id"]},
        "capturePayment": {"paymentId": payment["id"], "idempotencyKey": new_key()},
        "refundPayment": {"paymentId": payment["id"], "idempotencyKey": new_key()},
        "createAccountHolder": {"providerId": "sandbox", "customerReference": new_key()},
        "updateAccountHolder": {"id": holder["id"]},
    }
    before = collection_of(server, collection["id"])
    for mutation, values in inputs.items():
        answer = server.change(mutation, {**values, "metadata": {"card": CARD_NUMBERS[0]}})
        assert refusal(answer) == ("INVALID_INPUT", ["metadata"]), mutation
    assert collection_of(server, collection["id"]) == before


def test_a_note_holds_no_card_number(server: RunningServer) -> None:
    """Nor does the evidence of a person; nothing is refunded."""
    payment = pay(server)
    captured = capture(server, payment["id"])
    with unmoved(server, payment["paymentCollection"]["id"]):
        answer = refund(server, payment["id"], note=f"he paid with {CARD_NUMBERS[1]}")
        assert refusal(answer) == ("INVALID_INPUT", ["note"])
        values = {
            "id": captured["captures"][0]["id"],
            "outcome": "DECLINED",
            "evidence": CARD_NUMBERS[0],
            "idempotencyKey": new_key(),
        }
        assert refusal(server.change("settleOperation", values)) == ("INVALID_INPUT", ["evidence"])


def test_what_people_write_holds_no_card_number(server: RunningServer) -> None:
    """Who did it, a name, a reason: refused at that field, and not repeated; no row and no line of the log has it."""
    collection, holder = open_collection(server), open_holder(server)
    reason = server.run("back_end/26_list_refund_reasons")[0]
    payment = pay(server)
    capture(server, payment["id"], amount="50.00")
    movement = {"paymentId": payment["id"], "amount": "1.00", "idempotencyKey": new_key()}
    customer = {"providerId": "sandbox", "customerReference": new_key()}
    inputs: list[tuple[str, Json, str]] = [
        (
            "markPaymentCollectionAsPaid",
            {"id": collection["id"], "idempotencyKey": new_key()},
            "createdBy",
        ),
        ("capturePayment", movement, "createdBy"),
        ("refundPayment", movement, "createdBy"),
        ("createAccountHolder", customer, "name"),
        ("createAccountHolder", customer, "email"),
        ("updateAccountHolder", {"id": holder["id"]}, "name"),
        ("updateAccountHolder", {"id": holder["id"]}, "email"),
        ("createRefundReason", {"code": "fine", "label": "Fine"}, "label"),
        ("createRefundReason", {"code": "fine", "label": "Fine"}, "description"),
        ("updateRefundReason", {"id": reason["id"]}, "label"),
        ("updateRefundReason", {"id": reason["id"]}, "description"),
    ]
    for mutation, values, name in inputs:
        text = f"{CARD_NUMBERS[0]}@example.com" if name == "email" else f"card {CARD_NUMBERS[0]}"
        answer = server.change(mutation, {**values, name: text})
        assert refusal(answer) == ("INVALID_INPUT", [name]), mutation
        assert CARD_NUMBERS[0] not in answer["message"]
    assert collection_of(server, collection["id"])["payments"] == []
    assert server.run("back_end/26_list_refund_reasons")[0] == reason
    assert CARD_NUMBERS[0] not in server.log_path.read_text()


def test_what_a_system_makes_may_look_like_a_card_number(server: RunningServer) -> None:
    """One in ten order numbers of sixteen digits would be refused otherwise, and nobody could tell why."""
    values = {"reference": CARD_NUMBERS[0], "regionId": CARD_NUMBERS[0]}
    collection = open_collection(server, idempotencyKey=CARD_NUMBERS[0], **values)
    assert (collection["reference"], collection["regionId"]) == (CARD_NUMBERS[0],) * 2


@pytest.mark.parametrize(
    "metadata",
    [
        {"__proto__": {"isAdmin": True}},
        {"a": [{"__proto__": 1}]},
        {"a": "bell \u0007"},
        {"a\u0001": 1},
        {"a": "\u009b31m"},
        {f"key {n}": n for n in range(51)},
        [],
        "text",
        5,
    ],
)
def test_wrong_metadata(server: RunningServer, metadata: Json) -> None:
    """A key that changes what objects are made of, control characters, 51 keys, and what is no object."""
    assert refusal(made(server, metadata)) == ("INVALID_INPUT", ["metadata"])


def test_what_metadata_may_be(server: RunningServer) -> None:
    """Fifty keys, lines, tabs, every script, numbers and nulls come back as they were."""
    metadata = {f"key {n}": n for n in range(46)} | {
        "lines": "one\ntwo\tthree\r\n",
        "имя": "名前 👍🏽",
        "deep": {"a": [1, 2.5, None, True]},
        "proto": "__proto__",
    }
    assert made(server, metadata)["metadata"] == metadata


def test_metadata_is_replaced_as_a_whole(server: RunningServer) -> None:
    """What the update does not name is gone; null empties it; left out it stays."""
    collection = made(server, {"a": 1, "b": 2})

    def update(**more: Json) -> Json:
        return server.change("updatePaymentCollection", {"id": collection["id"], **more})

    assert update(metadata={"b": 3})["metadata"] == {"b": 3}
    assert update(reference="cart-1")["metadata"] == {"b": 3}
    assert update(metadata=None)["metadata"] == {}
