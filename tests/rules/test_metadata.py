"""Metadata and what people write: replaced as a whole, bounded, and never a card number.

tests/parsing/test_card_numbers.py says what a card number is and which metadata is wrong; here each place has one of
both.
"""

import pytest

from tests.support.flow.looking import unmoved
from tests.support.flow.shop import (
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
from tests.support.program.running import Json, RunningServer

pytestmark = pytest.mark.once

CARD_NUMBER = "4242424242424242"
IN_GROUPS = "4242 4242 4242 4242"


def made(server: RunningServer, metadata: Json) -> Json:
    """Open a collection with metadata, whatever comes of it."""
    inputs = {"amount": "1.00", "currencyCode": "USD", "metadata": metadata}
    return server.change("createPaymentCollection", inputs)


def refusal(answer: Json) -> tuple[str, list[str]]:
    """Return a refusal's code and path."""
    return answer["code"], answer["path"]


def test_a_card_number_is_refused(server: RunningServer) -> None:
    """INVALID_INPUT which does not repeat it, as a text or as a number; no row, and no line of the log has it."""
    before = server.rows("SELECT count(*) FROM payment_collections")
    for metadata in ({"card": IN_GROUPS}, {"a": [{IN_GROUPS: "x"}]}, {"card": int(CARD_NUMBER)}):
        answer = made(server, metadata)
        assert refusal(answer) == ("INVALID_INPUT", ["metadata"])
        assert IN_GROUPS not in answer["message"]
        assert CARD_NUMBER not in answer["message"]
    assert server.rows("SELECT count(*) FROM payment_collections") == before
    text = server.log_path.read_text()
    assert IN_GROUPS not in text
    assert CARD_NUMBER not in text


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
        answer = server.change(mutation, {**values, "metadata": {"card": CARD_NUMBER}})
        assert refusal(answer) == ("INVALID_INPUT", ["metadata"]), mutation
    assert collection_of(server, collection["id"]) == before


def test_a_note_holds_no_card_number(server: RunningServer) -> None:
    """Nor does the evidence of an operator; nothing is refunded."""
    payment = pay(server)
    captured = capture(server, payment["id"])
    with unmoved(server, payment["paymentCollection"]["id"]):
        answer = refund(server, payment["id"], note=f"he paid with {IN_GROUPS}")
        assert refusal(answer) == ("INVALID_INPUT", ["note"])
        values = {
            "id": captured["captures"][0]["id"],
            "outcome": "DECLINED",
            "evidence": CARD_NUMBER,
            "idempotencyKey": new_key(),
        }
        assert refusal(server.change("settleOperation", values)) == ("INVALID_INPUT", ["evidence"])


LINES = "Returned:\r\n\tone lamp\n\tone shade\n"


def test_what_people_write_in_lines(server: RunningServer) -> None:
    """A note and a description take line breaks and tabs, and keep them; no other control characters."""
    payment = pay(server)
    capture(server, payment["id"])
    answer = refund(server, payment["id"], amount="1.00", note=LINES)
    assert [one["note"] for one in answer["refunds"]] == [LINES]
    code = f"lines_{new_key()}"
    reason = server.change(
        "createRefundReason", {"code": code, "label": "Lines", "description": LINES}
    )
    assert reason["description"] == LINES
    for odd in ("\x00", "\x1b[31m", "\x85"):
        answer = refund(server, payment["id"], amount="1.00", note=f"a{odd}")
        assert refusal(answer) == ("INVALID_INPUT", ["note"])
        assert "but line breaks and tabs" in answer["message"]
    for name in ("createdBy", "metadata"):
        value: Json = {"a": "b\x1b"} if name == "metadata" else LINES
        answer = refund(server, payment["id"], amount="1.00", **{name: value})
        assert refusal(answer) == ("INVALID_INPUT", [name])


def test_what_people_write_holds_no_card_number(server: RunningServer) -> None:
    """A card number in a name, a reason or createdBy is refused at that field, and neither repeated nor logged."""
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
        text = f"{CARD_NUMBER}@example.com" if name == "email" else f"card {CARD_NUMBER}"
        answer = server.change(mutation, {**values, name: text})
        assert refusal(answer) == ("INVALID_INPUT", [name]), mutation
        assert CARD_NUMBER not in answer["message"]
    assert collection_of(server, collection["id"])["payments"] == []
    assert server.run("back_end/26_list_refund_reasons")[0] == reason
    assert CARD_NUMBER not in server.log_path.read_text()


def test_what_a_system_makes_may_look_like_a_card_number(server: RunningServer) -> None:
    """One in ten order numbers of sixteen digits would be refused otherwise, and nobody could tell why."""
    values = {"reference": CARD_NUMBER, "regionId": CARD_NUMBER}
    collection = open_collection(server, idempotencyKey=CARD_NUMBER, **values)
    assert (collection["reference"], collection["regionId"]) == (CARD_NUMBER,) * 2


@pytest.mark.parametrize(
    "metadata",
    [{"a": [{"__proto__": 1}]}, {f"key {n}": n for n in range(51)}, [], "text", 5],
)
def test_wrong_metadata(server: RunningServer, metadata: Json) -> None:
    """A key that changes what objects are made of, 51 keys, and what is no object."""
    assert refusal(made(server, metadata)) == ("INVALID_INPUT", ["metadata"])


@pytest.mark.both
def test_what_metadata_may_be(server: RunningServer) -> None:
    """Fifty keys, lines, tabs, every script, numbers and nulls come back as they were."""
    metadata = {f"key {n}": n for n in range(45)} | {
        "lines": "one\ntwo\tthree\r\n",
        "имя": "名前 👍🏽",
        "deep": {"a": [1, 2.5, None, True]},
        "no card": "4242424242424241",
        "proto": "__proto__",
    }
    assert made(server, metadata)["metadata"] == metadata


@pytest.mark.both
def test_metadata_is_replaced_as_a_whole(server: RunningServer) -> None:
    """A key that the update does not name is gone; null empties metadata; omitted, it stays."""
    collection = made(server, {"a": 1, "b": 2})

    def update(**more: Json) -> Json:
        return server.change("updatePaymentCollection", {"id": collection["id"], **more})

    assert update(metadata={"b": 3})["metadata"] == {"b": 3}
    assert update(reference="cart-1")["metadata"] == {"b": 3}
    assert update(metadata=None)["metadata"] == {}
