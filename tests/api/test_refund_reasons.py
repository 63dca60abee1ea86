"""Why something is refunded: a list to choose from, and what stands on the refund."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.flow.shop import capture, new_key, pay, refund
from tests.support.program.running import Json, RunningServer

STARTING = (
    "requested_by_customer",
    "duplicate",
    "fraudulent",
    "returned",
    "damaged",
    "not_delivered",
)
REASON_OF = """
query ($id: ID!) { payment(id: $id) { refunds { id reason { id code label description } } } }
"""


def new_code() -> str:
    """Make a code that no other test has."""
    return f"code_{new_key()}"


def new_reason(server: RunningServer, **more: Json) -> Json:
    """Add a reason."""
    values = {"code": new_code(), "label": "Too small", **more}
    made = server.change("createRefundReason", values)
    assert made["__typename"] == "RefundReason", made
    return {**made, "code": made["refundReasonCode"]}


def listed(server: RunningServer) -> dict[str, Json]:
    """Read the list, by code."""
    return {one["code"]: one for one in server.run("back_end/26_list_refund_reasons")}


def paid(server: RunningServer) -> str:
    """Pay and capture; return the payment's id."""
    payment = pay(server)
    capture(server, payment["id"])
    return str(payment["id"])


def reason_of(server: RunningServer, payment_id: str) -> Json:
    """Read the reason of a payment's only refund."""
    (found,) = server.execute(REASON_OF, {"id": payment_id})["payment"]["refunds"]
    return found["reason"]


def test_there_are_some_to_start_from(open_server: RunningServer) -> None:
    """They are there in a fresh database, before any that is added."""
    assert tuple(listed(open_server))[: len(STARTING)] == STARTING


def test_a_reason_stands_on_its_refund(open_server: RunningServer) -> None:
    """Changed later, the refund shows how it reads now; off the list, it stays there and can't be chosen."""
    reason, payment_id = new_reason(open_server, description="Of clothes"), paid(open_server)
    refund(open_server, payment_id, amount="10.00", reasonId=reason["id"])
    shown = reason_of(open_server, payment_id)
    assert shown == {
        "id": reason["id"],
        "code": reason["code"],
        "label": "Too small",
        "description": "Of clothes",
    }
    values = {"id": reason["id"], "label": "Did not fit", "description": None}
    changed = open_server.change("updateRefundReason", values)
    assert (changed["label"], changed["description"]) == ("Did not fit", None)
    assert reason_of(open_server, payment_id)["label"] == "Did not fit"
    deleted = open_server.change("deleteRefundReason", {"id": reason["id"]})
    assert deleted["__typename"] == "Deleted"
    assert reason["code"] not in listed(open_server)
    assert reason_of(open_server, payment_id)["code"] == reason["code"]
    refused = refund(open_server, payment_id, amount="1.00", reasonId=reason["id"])
    assert (refused["__typename"], refused["code"], refused["path"]) == (
        "RefundFailed",
        "NOT_FOUND",
        ["reasonId"],
    )


def test_a_refund_needs_no_reason(open_server: RunningServer) -> None:
    """It is null then."""
    payment_id = paid(open_server)
    refund(open_server, payment_id)
    assert reason_of(open_server, payment_id) is None


def test_the_reason_belongs_to_the_request(open_server: RunningServer) -> None:
    """The same key with another reason is another request."""
    payment_id, key = paid(open_server), new_key()
    first, second = new_reason(open_server), new_reason(open_server)
    values = {"amount": "5.00", "idempotencyKey": key}
    refund(open_server, payment_id, reasonId=first["id"], **values)
    refused = refund(open_server, payment_id, reasonId=second["id"], **values)
    assert refused["code"] == "IDEMPOTENCY_KEY_REUSED"


def test_a_code_is_there_once(open_server: RunningServer) -> None:
    """Ten at the same time make one; a deleted reason frees its code."""
    values = {"code": new_code(), "label": "Too small"}
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(lambda _: open_server.change("createRefundReason", values), range(10))
        )
    made = [one for one in answers if one["__typename"] == "RefundReason"]
    refused = {
        (one["code"], tuple(one["path"]))
        for one in answers
        if one["__typename"] == "RequestRejected"
    }
    assert (len(made), refused) == (1, {("INVALID_INPUT", ("code",))})
    open_server.change("deleteRefundReason", {"id": made[0]["id"]})
    again = open_server.change("createRefundReason", values)
    assert again["__typename"] == "RefundReason"
    assert again["id"] != made[0]["id"]


@pytest.mark.once
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("mutation", "given", "code", "path"),
    [
        ("createRefundReason", {"code": ""}, "INVALID_INPUT", ["code"]),
        ("createRefundReason", {"code": "Too Small"}, "INVALID_INPUT", ["code"]),
        ("createRefundReason", {"code": "a" * 64}, "INVALID_INPUT", ["code"]),
        ("createRefundReason", {"code": "duplicate"}, "INVALID_INPUT", ["code"]),
        ("createRefundReason", {"label": " "}, "INVALID_INPUT", ["label"]),
        ("createRefundReason", {"label": "a" * 501}, "INVALID_INPUT", ["label"]),
        ("createRefundReason", {"description": "a\x00"}, "INVALID_INPUT", ["description"]),
        ("updateRefundReason", {"id": "refr_"}, "NOT_FOUND", ["id"]),
        ("deleteRefundReason", {"id": "refr_"}, "NOT_FOUND", ["id"]),
    ],
)
def test_bad_input_changes_nothing(
    open_server: RunningServer, mutation: str, given: Json, code: str, path: list[str]
) -> None:
    """The field is named."""
    whole = {"createRefundReason": {"code": "fine", "label": "Fine"}}.get(mutation, {})
    refused = open_server.change(mutation, {**whole, **given})
    assert (refused["code"], refused["path"]) == (code, path)


def test_a_label_is_not_emptied(open_server: RunningServer) -> None:
    """Null is refused where there has to be something."""
    reason = new_reason(open_server)
    refused = open_server.change("updateRefundReason", {"id": reason["id"], "label": None})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["label"])
