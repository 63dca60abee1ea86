"""Faults of the network and of Stripe during a request: one effect, one outcome, and never a wrong one."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from payments.model.instants import SECOND
from tests.providers.stripe.site import VISA, Site, on_both
from tests.providers.stripe.test_flow import reference_of
from tests.support.callers.calling import OPEN
from tests.support.flow.shop import authorize, capture, new_key, open_collection, refund, unsettled
from tests.support.forms import in_short
from tests.support.program.running import Json
from tests.support.stores.records import days_ago, operation_in
from tests.support.waiting import until

NAMES = {"authorize": "confirm", "capture": "capture", "refund": "refund", "cancel": "cancel"}
AN_HOUR_LATER = """UPDATE operations SET absent_since = absent_since - ?, due_at = 1
    WHERE session_id = ? AND status = 'UNKNOWN' AND holder IS NULL"""
MOVES = {"authorize": 10_000, "capture": 6_000, "refund": 3_000, "cancel": 10_000}


def prepared(shop: Site, kind: str) -> Json:
    """Do everything that comes before a movement; return the session or the payment."""
    if kind == "authorize":
        return shop.opened()
    payment = shop.paid()
    if kind == "refund":
        capture(shop.server, payment["id"])
    return shop.payment(payment["id"])


def called(shop: Site, kind: str, one: Json, key: str) -> Json:
    """Call the movement."""
    match kind:
        case "authorize":
            data = {"paymentMethod": VISA}
            return authorize(shop.server, one["id"], data=data, idempotencyKey=key)
        case "capture":
            return capture(shop.server, one["id"], amount="60.00", idempotencyKey=key)
        case "refund":
            return refund(shop.server, one["id"], amount="30.00", idempotencyKey=key)
        case _:
            return shop.server.change("cancelPayment", {"paymentId": one["id"]})


def effects(shop: Site, kind: str, one: Json) -> list[int]:
    """Return what Stripe moved by movements of the kind."""
    session = one if kind == "authorize" else one["paymentSession"]
    return [amount for what, amount in shop.stripe.ledger(reference_of(session)) if what == kind]


def session_id_of(kind: str, one: Json) -> str:
    """Return the session's id."""
    return str((one if kind == "authorize" else one["paymentSession"])["id"])


def _wait_until_settled(shop: Site, kind: str, one: Json) -> None:
    until(lambda: not unsettled(shop.server, session_id_of(kind, one)))


FAULTS = {
    "DROP_BEFORE": "f09_the_connection_breaks_before_the_effect",
    "DROP_AFTER": "f10_the_reply_is_lost",
    "FAIL_BEFORE": "f11_a_500_before_the_effect",
    "FAIL_AFTER": "f11_a_500_behind_the_effect",
    "HTML": "f12_a_page_of_html",
    "CONFLICT": "f13_a_409",
    "TOO_MANY": "f14_a_429",
    "MALFORMED": "f12_an_answer_that_is_none",
}


IN_SHORT = {
    "DROP_BEFORE": "authorize",
    "FAIL_AFTER": "refund",
    "HTML": "cancel",
    "CONFLICT": "capture",
    "TOO_MANY": "refund",
    "MALFORMED": "authorize",
}
"""The movement of a fault in the short form, where what it means is the same of each; of the others all are run."""

BEFALLEN = [(fault, kind) for fault in FAULTS for kind in NAMES]


@pytest.mark.once
@pytest.mark.parametrize(
    "befallen",
    in_short(BEFALLEN, *(one for one in BEFALLEN if IN_SHORT.get(one[0], one[1]) == one[1])),
    ids=lambda one: f"{FAULTS[one[0]]}-{one[1]}",
)
def test_one_effect(deaf: Site, befallen: tuple[str, str]) -> None:
    """Despite each fault the movement happens once and is settled by evidence; its key answers with it."""
    fault, kind = befallen
    one = prepared(deaf, kind)
    key = new_key()
    deaf.stripe.fault(fault, NAMES[kind])
    answer = called(deaf, kind, one, key)
    assert "Failed" not in answer["__typename"], answer
    _wait_until_settled(deaf, kind, one)
    again = called(deaf, kind, one, key)
    assert again["__typename"] == "Payment", again
    assert effects(deaf, kind, one) == [MOVES[kind]]


@pytest.mark.parametrize("kind", ["capture", "cancel"])
def test_a_500_that_its_key_keeps(deaf: Site, kind: str) -> None:
    """Stripe answers the key with it for a day; an intent that is read unchanged twice is asked with a further key."""
    one, key = prepared(deaf, kind), new_key()
    deaf.stripe.fault("FAIL_KEPT", NAMES[kind])
    answer = called(deaf, kind, one, key)
    assert answer["__typename"] == OPEN[kind], answer
    _wait_until_settled(deaf, kind, one)
    assert called(deaf, kind, one, key)["__typename"] == "Payment"
    assert effects(deaf, kind, one) == [MOVES[kind]]
    session_id = session_id_of(kind, one)
    id = operation_in(deaf.server, "SUCCEEDED", kind, session_id)
    # The first time, again after the first step, and then with a key that Stripe has no answer for.
    asked = {key: times for key, times in deaf.stripe.keys().items() if key.startswith(id)}
    assert asked == {id: 2, f"{id}:2": 1}


@pytest.mark.once
def test_a_500_that_every_key_keeps(deaf: Site) -> None:
    """Every second ask sends a further key; the next one reads what came of that, and sends nothing that is new."""
    one = prepared(deaf, "capture")
    deaf.stripe.fault("FAIL_KEPT", "capture", times=50)
    called(deaf, "capture", one, new_key())
    session_id = session_id_of("capture", one)

    def is_declined() -> str:
        deaf.server.rows(AN_HOUR_LATER, 3_600 * SECOND, session_id)
        return operation_in(deaf.server, "DECLINED", "capture", session_id)

    id = until(is_declined)
    deaf.stripe.control("go_on")
    asked = {key: times for key, times in deaf.stripe.keys().items() if key.startswith(id)}
    assert asked == {id: 5, f"{id}:2": 1, f"{id}:4": 1}
    assert effects(deaf, "capture", one) == []


def test_a_500_that_a_refund_s_key_keeps(deaf: Site) -> None:
    """A refund is not asked with a further key, which could give back twice: it is read until it is proven absent."""
    one = prepared(deaf, "refund")
    deaf.stripe.fault("FAIL_KEPT", "refund")
    called(deaf, "refund", one, new_key())
    session_id = session_id_of("refund", one)

    def is_declined() -> str:
        days_ago(deaf.server, session_id)
        return operation_in(deaf.server, "DECLINED", "refund", session_id)

    until(is_declined)
    assert effects(deaf, "refund", one) == []
    assert deaf.payment(one["id"])["refundableAmount"] == "100.00"


@pytest.mark.parametrize(
    "fault",
    on_both(["DROP_BEFORE", "DROP_AFTER", "FAIL_AFTER", "HTML", "TOO_MANY"], "DROP_AFTER"),
)
def test_opening_a_session(deaf: Site, fault: str) -> None:
    """However an opening's answer is lost, the session is opened with one intent."""
    collection = open_collection(deaf.server)
    deaf.stripe.fault(fault, "create")
    made = deaf.server.change(
        "createPaymentSession", {"paymentCollectionId": collection["id"], "providerId": "stripe"}
    )
    assert made["__typename"] == "PaymentSession", made
    until(lambda: deaf.session(made["id"])["status"] == "REQUIRES_MORE")
    assert deaf.stripe.intents_of(made["id"]) == [reference_of(deaf.session(made["id"]))]


@pytest.mark.once
@pytest.mark.parametrize("kind", NAMES)
def test_f08_stripe_can_not_be_reached(deaf: Site, kind: str) -> None:
    """Nothing was sent: PROVIDER_UNAVAILABLE, nothing is reserved, and the same key goes through later."""
    one = prepared(deaf, kind)
    key = new_key()
    deaf.stripe.stop()
    answer = called(deaf, kind, one, key)
    assert (answer["code"], answer["retryable"]) == ("PROVIDER_UNAVAILABLE", True)
    deaf.stripe.start()
    assert called(deaf, kind, one, key)["__typename"] == "Payment"
    assert effects(deaf, kind, one) == [MOVES[kind]]


def requests_for(shop: Site, kind: str, one: Json) -> int:
    """Count the requests that Stripe got for a session's one operation of a kind."""
    query = "SELECT id FROM operations WHERE session_id = ? AND kind = ?"
    ((id,),) = shop.server.rows(query, session_id_of(kind, one), kind)
    return shop.stripe.keys()[id]


@pytest.mark.once
def test_f15_an_answer_that_never_comes(deaf: Site) -> None:
    """Each call answers, while Stripe does not, that the outcome is open; recovery asks again: one effect of each."""
    each = {kind: prepared(deaf, kind) for kind in NAMES}
    for name in NAMES.values():
        deaf.stripe.fault("HOLD_AFTER", name)
    with ThreadPoolExecutor(len(each)) as pool:
        calls = {kind: pool.submit(called, deaf, kind, each[kind], new_key()) for kind in NAMES}
    # All of them have answered by now, and wait for recovery.
    assert {kind: call.result()["__typename"] for kind, call in calls.items()} == OPEN
    deaf.stripe.control("go_on")
    for kind, one in each.items():
        _wait_until_settled(deaf, kind, one)
        assert effects(deaf, kind, one) == [MOVES[kind]]
    # What takes long at Stripe was not given up: its answer came after the call's, and nobody asked again.
    for kind in ("authorize", "capture"):
        assert requests_for(deaf, kind, each[kind]) == 1


def test_f16_stripe_has_moved_on_meanwhile(deaf: Site) -> None:
    """Captured in the dashboard, with no report yet: our own capture is declined, and nothing is lost."""
    payment = deaf.paid()
    reference = reference_of(deaf.payment(payment["id"])["paymentSession"])
    deaf.stripe.call("POST", f"payment_intents/{reference}/capture", amount_to_capture="7000")
    answer = capture(deaf.server, payment["id"], amount="60.00")
    assert (answer["__typename"], answer["code"]) == ("CaptureFailed", "DECLINED")
    assert deaf.stripe.ledger(reference) == [("authorize", 10_000), ("capture", 7_000)]


def test_canceling_what_is_canceled(deaf: Site) -> None:
    """Canceled in the dashboard already, with no report yet: canceling finds the wanted state."""
    payment = deaf.paid()
    reference = reference_of(deaf.payment(payment["id"])["paymentSession"])
    deaf.stripe.control("cancel", id=reference, reason="requested_by_customer")
    answer = deaf.server.change("cancelPayment", {"paymentId": payment["id"]})
    assert answer["__typename"] == "Payment"
    assert deaf.payment(payment["id"])["status"] == "CANCELED"
    assert deaf.stripe.ledger(reference) == [("authorize", 10_000), ("cancel", 10_000)]
