"""Idempotency keys: what counts as the same input."""

import itertools
from collections.abc import Callable

import pytest

from tests.support.looking import (
    unmoved,
)
from tests.support.running import Json, RunningServer
from tests.support.shop import (
    authorize,
    capture,
    new_key,
    open_collection,
    open_session,
    pay,
)

REUSED = "IDEMPOTENCY_KEY_REUSED"

Input = dict[str, Json]


def opened(server: RunningServer, token: str | None = None, **more: Json) -> tuple[str, str]:
    """Open a collection of 100.00 with a session, and give their ids."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], token, **more)
    return collection["id"], session["id"]


def a_collection(_server: RunningServer) -> tuple[Input, Input]:
    """Give an input of createPaymentCollection, and another one."""
    first = {"amount": "100.00", "currencyCode": "USD"}
    return first, {**first, "reference": "another"}


def a_session(server: RunningServer) -> tuple[Input, Input]:
    """Give an input of createPaymentSession, and another one."""
    first = {"paymentCollectionId": open_collection(server)["id"], "providerId": "sandbox"}
    return first, {**first, "providerId": "system"}


def sessions(server: RunningServer) -> tuple[Input, Input]:
    """Give an input of createPaymentSessions, and another one."""
    first = {"paymentCollectionId": open_collection(server)["id"], "providerIds": ["sandbox"]}
    return first, {**first, "providerIds": ["sandbox", "system"]}


def an_authorization(server: RunningServer) -> tuple[Input, Input]:
    """Give an input of authorizePaymentSession, and another one."""
    _, session = opened(server)
    return {"id": session}, {"id": session, "data": {"token": "approve"}}


def a_capture(server: RunningServer) -> tuple[Input, Input]:
    """Give an input of capturePayment, and another one."""
    first = {"paymentId": pay(server)["id"], "amount": "40.00"}
    return first, {**first, "amount": "40.01"}


def a_refund(server: RunningServer) -> tuple[Input, Input]:
    """Give an input of refundPayment, and another one."""
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
    """Give the id of the collection that a success is about."""
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


PAIRS = list(itertools.permutations(MUTATIONS, 2))


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=[f"{a[0]}-{b[0]}" for a, b in PAIRS])
def test_the_same_key_and_another_mutation(
    server: RunningServer, first: tuple[str, Make], second: tuple[str, Make]
) -> None:
    """A key that one mutation bound is refused to every other."""
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


@pytest.mark.parametrize(
    "more",
    [
        {"reference": None},
        {"regionId": None},
        {"metadata": None},
        {"allowsSplitPayment": False},
        {"allowsSplitPayment": None},
        {"reference": None, "regionId": None, "metadata": None, "allowsSplitPayment": False},
    ],
)
def test_null_and_default_are_absent_for_a_collection(server: RunningServer, more: Json) -> None:
    """Null and the default read like a field that is left out."""
    values = {"amount": "100.00", "currencyCode": "USD", "idempotencyKey": new_key()}
    first = server.change("createPaymentCollection", values)
    assert server.change("createPaymentCollection", {**values, **more}) == first


@pytest.mark.parametrize(
    "more",
    [
        {"amount": None},
        {"isFinal": False},
        {"isFinal": None},
        {"createdBy": None},
        {"metadata": None},
    ],
)
def test_null_and_default_are_absent_for_a_capture(server: RunningServer, more: Json) -> None:
    """Null and the default read like a field that is left out, both ways."""
    key = new_key()
    payment = pay(server)
    first = capture(server, payment["id"], idempotencyKey=key, **more)
    assert capture(server, payment["id"], idempotencyKey=key) == first


@pytest.mark.parametrize("field", ["amount", "currencyCode", "data", "metadata", "returnUrl"])
def test_null_is_absent_for_a_session(server: RunningServer, field: str) -> None:
    """Null reads like a field that is left out."""
    collection, key = open_collection(server)["id"], new_key()
    values: Input = {
        "paymentCollectionId": collection,
        "providerId": "sandbox",
        "idempotencyKey": key,
    }
    first = server.change("createPaymentSession", values)
    assert server.change("createPaymentSession", {**values, field: None}) == first


def test_null_is_absent_for_an_authorization(server: RunningServer) -> None:
    """Null data reads like data that is left out."""
    _, session = opened(server)
    key = new_key()
    first = authorize(server, session, idempotencyKey=key, data=None)
    assert authorize(server, session, idempotencyKey=key) == first


@pytest.mark.parametrize("amount", [5, 5.0, "5", "5.0", "5.00"])
def test_amounts_are_compared_as_minor_units(server: RunningServer, amount: Json) -> None:
    """5, 5.0 and 5.00, as text and as numbers, are one amount."""
    payment, key = pay(server), new_key()
    first = capture(server, payment["id"], amount="5.00", idempotencyKey=key)
    assert capture(server, payment["id"], amount=amount, idempotencyKey=key) == first


def test_every_digit_of_an_amount_counts(server: RunningServer) -> None:
    """An amount that differs behind the thirtieth digit is another input."""
    payment, key = pay(server), new_key()
    capture(server, payment["id"], amount="5.00", idempotencyKey=key)
    answer = capture(server, payment["id"], amount=f"5.{'0' * 30}1", idempotencyKey=key)
    assert answer["code"] == REUSED


def test_empty_metadata_is_absent(server: RunningServer) -> None:
    """Empty metadata reads like metadata that is left out, as both become the same."""
    values = {"amount": "100.00", "currencyCode": "USD", "idempotencyKey": new_key()}
    first = server.change("createPaymentCollection", values)
    assert server.change("createPaymentCollection", {**values, "metadata": {}}) == first


@pytest.mark.parametrize("amount", [100, "100", "100.0"])
def test_a_collection_s_amount_is_compared_as_minor_units(
    server: RunningServer, amount: Json
) -> None:
    """A round amount, however it is written, is one amount."""
    values = {"amount": "100.00", "currencyCode": "USD", "idempotencyKey": new_key()}
    first = server.change("createPaymentCollection", values)
    assert server.change("createPaymentCollection", {**values, "amount": amount}) == first


def test_an_absent_amount_stays_absent(server: RunningServer) -> None:
    """A capture of all is another input than a capture of the amount that all was."""
    payment, key = pay(server), new_key()
    capture(server, payment["id"], idempotencyKey=key)
    with unmoved(server, payment["paymentCollection"]["id"]):
        answer = capture(server, payment["id"], amount="100.00", idempotencyKey=key)
    assert answer["code"] == REUSED


def test_json_is_compared_without_key_order(server: RunningServer) -> None:
    """Metadata with its keys in another order, at every level, is the same input."""
    payment, key = pay(server), new_key()
    one = {"a": 1, "b": {"c": [1, 2], "d": None}}
    other = {"b": {"d": None, "c": [1, 2]}, "a": 1}
    first = capture(server, payment["id"], metadata=one, idempotencyKey=key)
    assert capture(server, payment["id"], metadata=other, idempotencyKey=key) == first


@pytest.mark.parametrize("other", [{"a": [2, 1]}, {"a": [1]}, {"a": [1, 2], "b": 1}, {"a": "1"}])
def test_other_json_is_another_input(server: RunningServer, other: Json) -> None:
    """The order of a list, a further key and another type make another input."""
    payment, key = pay(server), new_key()
    capture(server, payment["id"], metadata={"a": [1, 2]}, idempotencyKey=key)
    answer = capture(server, payment["id"], metadata=other, idempotencyKey=key)
    assert answer["code"] == REUSED


def test_a_currency_s_case_makes_no_other_input(server: RunningServer) -> None:
    """A currency in lower case is the same input."""
    values = {"amount": "100.00", "currencyCode": "usd", "idempotencyKey": new_key()}
    first = server.change("createPaymentCollection", values)
    assert server.change("createPaymentCollection", {**values, "currencyCode": "USD"}) == first


@pytest.mark.parametrize(
    "more", [{"amount": "39.00"}, {"isFinal": True}, {"createdBy": "ann"}, {"metadata": {"a": 1}}]
)
def test_every_field_of_a_capture_counts(server: RunningServer, more: Json) -> None:
    """Each field of a capture's input makes another input."""
    payment, key = pay(server), new_key()
    values = {"amount": "40.00", "idempotencyKey": key}
    capture(server, payment["id"], **values)
    with unmoved(server, payment["paymentCollection"]["id"]):
        assert capture(server, payment["id"], **{**values, **more})["code"] == REUSED
