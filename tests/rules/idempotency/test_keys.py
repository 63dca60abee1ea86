"""Idempotency keys: what counts as the same input."""

from collections.abc import Callable

import pytest

from tests.support.flow.looking import unmoved
from tests.support.flow.shop import (
    authorize,
    capture,
    new_key,
    open_collection,
    open_with_session,
    pay,
)
from tests.support.program.running import Json, RunningServer

REUSED = "IDEMPOTENCY_KEY_REUSED"

Input = dict[str, Json]


def a_collection(_server: RunningServer) -> tuple[Input, Input]:
    """Return an input of createPaymentCollection, and another one."""
    first = {"amount": "100.00", "currencyCode": "USD"}
    return first, {**first, "reference": "another"}


def a_session(server: RunningServer) -> tuple[Input, Input]:
    """Return an input of createPaymentSession, and another one."""
    first = {"paymentCollectionId": open_collection(server)["id"], "providerId": "sandbox"}
    return first, {**first, "providerId": "system"}


def sessions(server: RunningServer) -> tuple[Input, Input]:
    """Return an input of createPaymentSessions, and another one."""
    first = {"paymentCollectionId": open_collection(server)["id"], "providerIds": ["sandbox"]}
    return first, {**first, "providerIds": ["sandbox", "system"]}


def an_authorization(server: RunningServer) -> tuple[Input, Input]:
    """Return an input of authorizePaymentSession, and another one."""
    _, session = open_with_session(server)
    return {"id": session}, {"id": session, "data": {"token": "approve"}}


def a_capture(server: RunningServer) -> tuple[Input, Input]:
    """Return an input of capturePayment, and another one."""
    first = {"paymentId": pay(server)["id"], "amount": "40.00"}
    return first, {**first, "amount": "40.01"}


def a_refund(server: RunningServer) -> tuple[Input, Input]:
    """Return an input of refundPayment, and another one."""
    first = {"paymentId": pay(server, token="auto_capture")["id"], "amount": "40.00"}
    return first, {**first, "note": "another"}


MUTATIONS = [
    ("createPaymentCollection", a_collection),
    ("createPaymentSession", a_session),
    ("createPaymentSessions", sessions),
    ("authorizePaymentSession", an_authorization),
    ("capturePayment", a_capture),
    ("refundPayment", a_refund),
]
MUTATION = pytest.mark.parametrize(("name", "make"), MUTATIONS, ids=[one[0] for one in MUTATIONS])

Make = Callable[[RunningServer], tuple[Input, Input]]


def home_of(answer: Json) -> str:
    """Return the id of the collection that a success is about."""
    kind = answer["__typename"]
    if kind == "PaymentCollection":
        return str(answer["id"])
    if kind == "PaymentSessionsCreated":
        return str(answer["paymentSessions"][0]["paymentCollection"]["id"])
    return str(answer["paymentCollection"]["id"])


@MUTATION
def test_the_same_key_and_input(server: RunningServer, name: str, make: Make) -> None:
    """The same call again answers the same, and nothing moves."""
    values = {**make(server)[0], "idempotencyKey": new_key()}
    first = server.change(name, values)
    with unmoved(server, home_of(first)):
        assert server.change(name, values) == first


@MUTATION
def test_the_same_key_and_another_input(server: RunningServer, name: str, make: Make) -> None:
    """The same key with another input is refused with the key's path, and nothing moves."""
    one, other = make(server)
    key = new_key()
    first = server.change(name, {**one, "idempotencyKey": key})
    with unmoved(server, home_of(first)):
        answer = server.change(name, {**other, "idempotencyKey": key})
    assert (answer["code"], answer["path"], answer["retryable"]) == (
        REUSED,
        ["idempotencyKey"],
        False,
    )


RING = list(zip(MUTATIONS, MUTATIONS[1:] + MUTATIONS[:1], strict=True))


@pytest.mark.parametrize(("first", "second"), RING, ids=[f"{a[0]}-{b[0]}" for a, b in RING])
def test_the_same_key_and_another_mutation(
    server: RunningServer, first: tuple[str, Make], second: tuple[str, Make]
) -> None:
    """A key that one mutation bound is refused to every other; each binds its own and looks for others' here."""
    key = new_key()
    name, make = first
    server.change(name, {**make(server)[0], "idempotencyKey": key})
    name, make = second
    answer = server.change(name, {**make(server)[0], "idempotencyKey": key})
    assert (answer["code"], answer["path"]) == (REUSED, ["idempotencyKey"])


def test_the_same_key_and_input_in_another_mutation(server: RunningServer) -> None:
    """A refund with a capture's key is refused, although both inputs read the same."""
    payment = pay(server)
    values = {"paymentId": payment["id"], "amount": "40.00", "idempotencyKey": new_key()}
    server.change("capturePayment", values)
    with unmoved(server, payment["paymentCollection"]["id"]):
        assert server.change("refundPayment", values)["code"] == REUSED


@pytest.mark.once
def test_what_is_the_same_collection(server: RunningServer) -> None:
    """Null and the default read like a field that is left out, and an amount and a currency as they are meant."""
    nothing: Input = {"reference": None, "regionId": None, "metadata": None}
    values = {"amount": "100.00", "currencyCode": "USD", "idempotencyKey": new_key()}
    first = server.change("createPaymentCollection", values)
    spellings: tuple[Input, ...] = (
        {**nothing, "allowsSplitPayment": False},
        {**nothing, "allowsSplitPayment": None},
        {"metadata": {}},
        {"currencyCode": "usd"},
        {"amount": 100},
        {"amount": "100.0"},
    )
    for same in spellings:
        assert server.change("createPaymentCollection", {**values, **same}) == first, same


@pytest.mark.once
def test_what_is_the_same_capture(server: RunningServer) -> None:
    """Null, the default, any spelling of an amount and any order of JSON keys make no other input."""
    payment = pay(server)
    values: Input = {
        "amount": "5.00",
        "metadata": {"a": 1, "b": {"c": [1, 2], "d": None}},
        "idempotencyKey": new_key(),
    }
    first = capture(server, payment["id"], **values, isFinal=None)
    spellings: tuple[Input, ...] = (
        {},
        {"isFinal": False, "createdBy": None},
        {"amount": 5},
        {"amount": 5.0},
        {"amount": "5"},
        {"metadata": {"b": {"d": None, "c": [1, 2]}, "a": 1}},
    )
    for same in spellings:
        assert capture(server, payment["id"], **{**values, **same}) == first, same


@pytest.mark.once
def test_a_capture_of_all_again(server: RunningServer) -> None:
    """Null is all, as an amount that is left out; the amount that all was is another input."""
    payment, key = pay(server), new_key()
    first = capture(server, payment["id"], idempotencyKey=key)
    assert capture(server, payment["id"], amount=None, metadata=None, idempotencyKey=key) == first
    with unmoved(server, payment["paymentCollection"]["id"]):
        answer = capture(server, payment["id"], amount="100.00", idempotencyKey=key)
    assert answer["code"] == REUSED


@pytest.mark.once
def test_null_is_absent_for_a_session(server: RunningServer) -> None:
    """Null reads like a field that is left out."""
    values: Input = {
        "paymentCollectionId": open_collection(server)["id"],
        "providerId": "sandbox",
        "idempotencyKey": new_key(),
    }
    first = server.change("createPaymentSession", values)
    for field in ("amount", "currencyCode", "data", "metadata", "returnUrl"):
        assert server.change("createPaymentSession", {**values, field: None}) == first, field


@pytest.mark.once
def test_null_is_absent_for_an_authorization(server: RunningServer) -> None:
    """Null data reads like data that is left out."""
    _, session = open_with_session(server)
    key = new_key()
    first = authorize(server, session, idempotencyKey=key, data=None)
    assert authorize(server, session, idempotencyKey=key) == first


@pytest.mark.once
def test_every_field_of_a_capture_counts(server: RunningServer) -> None:
    """Each field of a capture's input makes another input; see test_fingerprints.py for every mutation's."""
    payment = pay(server)
    values = {"amount": "40.00", "metadata": {"a": [1, 2]}, "idempotencyKey": new_key()}
    capture(server, payment["id"], **values)
    others: tuple[Input, ...] = (
        {"amount": "39.00"},
        {"amount": f"40.{'0' * 30}1"},
        {"isFinal": True},
        {"createdBy": "ann"},
        {"metadata": {"a": [2, 1]}},
    )
    for other in others:
        with unmoved(server, payment["paymentCollection"]["id"]):
            again = capture(server, payment["id"], **{**values, **other})
        assert again["code"] == REUSED, other
