"""The ways of paying and of capturing, and the reconciliation."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.providers.stripe.faults.test_faults import (
    MOVES,
    called,
    effects,
    prepared,
    session_id_of,
)
from tests.providers.stripe.site import PUBLISHABLE_KEY, THREE_D_SECURE, VISA, Site, site
from tests.providers.stripe.test_closing import closed_while_processing, is_settled
from tests.providers.stripe.test_flow import reference_of
from tests.support.callers.calling import is_open
from tests.support.flow.shop import (
    authorize,
    capture,
    collection_of,
    event_types,
    new_key,
    open_collection,
    refund,
    unsettled,
)
from tests.support.forms import in_short
from tests.support.program.running import Json
from tests.support.stores.records import put_off
from tests.support.waiting import until

# Stripe's type, a currency, and one that it is not for.
WAYS = {
    "stripe_bancontact": ("bancontact", "EUR", "USD"),
    "stripe_blik": ("blik", "PLN", "EUR"),
    "stripe_ideal": ("ideal", "EUR", "GBP"),
    "stripe_przelewy24": ("p24", "PLN", "USD"),
    "stripe_promptpay": ("promptpay", "THB", "EUR"),
    "stripe_oxxo": ("oxxo", "MXN", "USD"),
}


@pytest.mark.once
@pytest.mark.parametrize("provider", WAYS)
def test_a_way_of_paying(shop: Site, provider: str) -> None:
    """It is a provider of its own with its currencies; its intent takes that alone and is captured at once."""
    type_, currency, other = WAYS[provider]
    session = shop.opened("50.00", currency, provider=provider)
    intent = shop.stripe.intent(reference_of(session))
    assert (intent["payment_method_types"], intent["capture_method"]) == ([type_], "automatic")
    assert session["provider"]["clientConfiguration"] == {"publishableKey": PUBLISHABLE_KEY}
    collection = open_collection(shop.server, "50.00", other)
    refused = shop.server.change(
        "createPaymentSession", {"paymentCollectionId": collection["id"], "providerId": provider}
    )
    assert (refused["code"], refused["path"]) == ("PROVIDER_DISABLED", ["providerId"])


@pytest.mark.once
def test_a_browser_is_offered_what_takes_its_currency(shop: Site) -> None:
    """Among all providers as among its collection's; a back end is told of every one."""
    query = "query ($id: ID!) { paymentProviders { id } paymentCollection(id: $id) { paymentProviders { id } } }"
    collection = open_collection(shop.server, "50.00", "PLN")
    seen = shop.server.execute(query, {"id": collection["id"]}, bearer=collection["clientSecret"])
    names = [one["id"] for one in seen["paymentProviders"]]
    assert names == [one["id"] for one in seen["paymentCollection"]["paymentProviders"]]
    assert set(WAYS) & set(names) == {"stripe_blik", "stripe_przelewy24"}
    there = shop.server.execute(query, {"id": collection["id"]})["paymentProviders"]
    assert set(WAYS) <= {one["id"] for one in there}


def test_paid_by_a_way_of_its_own(shop: Site) -> None:
    """A payment by iDEAL is authorized and captured at once by Stripe's report, and can be refunded."""
    session = shop.opened("50.00", "EUR", provider="stripe_ideal")
    shop.stripe.in_browser(session, "ideal")
    shop.stripe.control("authenticate", id=reference_of(session), succeeds=True)
    until(lambda: shop.session(session["id"])["status"] == "CAPTURED")
    payment = shop.session(session["id"])["payment"]
    assert refund(shop.server, payment["id"], amount="20.00")["__typename"] == "Payment"
    found = shop.payment(payment["id"])
    assert (found["capturedAmount"], found["refundedAmount"]) == ("50.00", "20.00")
    assert len(found["captures"]) == 1


def test_captured_at_once(at_once: Site) -> None:
    """By setting: the authorization is the capture, and Stripe's reports make no second one."""
    session = at_once.opened()
    payment = authorize(at_once.server, session["id"], data={"paymentMethod": VISA})
    assert payment["__typename"] == "Payment"
    until(lambda: at_once.payment(payment["id"])["status"] == "CAPTURED")
    assert at_once.stripe.ledger(reference_of(session)) == [("authorize", 10_000)]
    found = at_once.payment(payment["id"])
    assert (found["capturedAmount"], len(found["captures"])) == ("100.00", 1)


def test_a_second_payment_that_does_not_fit_is_refunded(at_once: Site) -> None:
    """Two browsers pay one collection: the later payment is given back, and the log says so."""
    collection = open_collection(at_once.server)
    sessions = [
        at_once.server.change(
            "createPaymentSession",
            {"paymentCollectionId": collection["id"], "providerId": "stripe"},
        )
        for _ in range(2)
    ]
    with at_once.stripe.silence():
        for session in sessions:
            at_once.stripe.in_browser(session, VISA)
        answers = [authorize(at_once.server, session["id"])["__typename"] for session in sessions]
    assert answers[0] == "Payment"
    until(lambda: "AUTHORIZATION_RETURNED" in _types_of(at_once, collection))
    moved = [("authorize", 10_000), ("refund", 10_000)]
    until(lambda: at_once.stripe.ledger(reference_of(sessions[1])) == moved)


def test_canceled_when_it_was_paid_already(at_once: Site) -> None:
    """A customer who was asked to pay has paid when their session is canceled: one attempt, and all of it goes back."""
    server, session = at_once.server, at_once.opened()
    with at_once.stripe.silence():
        answer = authorize(server, session["id"], data={"paymentMethod": THREE_D_SECURE})
        assert answer["__typename"] == "RequiresMoreAction"
        # Recovery learns of the attempt by what closes the session.
        put_off(server, session["id"])
        at_once.stripe.control("authenticate", id=reference_of(session), succeeds=True)
        server.change("cancelPaymentSession", {"id": session["id"]})
        moved = [("authorize", 10_000), ("refund", 10_000)]
        until(lambda: at_once.stripe.ledger(reference_of(session)) == moved)
    until(lambda: not unsettled(server, session["id"]))
    found = server.rows(
        "SELECT status FROM operations WHERE session_id = ? AND kind = 'authorize'", session["id"]
    )
    assert found == [("SUCCEEDED",)]


def test_closed_while_its_bank_debit_is_processing(at_once: Site) -> None:
    """Stripe cancels no intent that is processing: paid in the end, all of it goes back, and nobody has to look."""
    session, reference = closed_while_processing(at_once)
    at_once.stripe.control("settle", id=reference, succeeds=True)
    payment = until(lambda: at_once.session(session["id"])["payment"])
    until(lambda: at_once.payment(payment["id"])["status"] == "REFUNDED")
    until(is_settled(at_once, session))
    assert at_once.stripe.ledger(reference) == [("authorize", 10_000), ("refund", 10_000)]


def _types_of(shop: Site, collection: Json) -> list[str]:
    return event_types(collection_of(shop.server, collection["id"]))


def test_the_books_agree(own: Site) -> None:
    """`check --provider stripe` compares every open and recent payment with Stripe's, and prints what differs."""
    payment = own.paid()
    capture(own.server, payment["id"], amount="60.00")
    refund(own.server, payment["id"], amount="10.00")
    canceled = own.paid()
    own.server.change("cancelPayment", {"paymentId": canceled["id"]})
    open_one = own.opened()
    assert own.server.command("check", "--provider", "stripe") == (
        0,
        "Every invariant holds.\n3 sessions compared with stripe, 0 differences.\n",
    )
    reference = reference_of(own.payment(payment["id"])["paymentSession"])
    own.stripe.call("POST", "refunds", payment_intent=reference, amount="1500")
    own.stripe.in_browser(open_one, VISA)
    code, printed = own.server.command("check", "--provider", "stripe")
    assert code == 1
    assert set(printed.splitlines()) == {
        "Every invariant holds.",
        f"{payment['id']}: refunded 10.00 USD here, 25.00 USD at the provider ({reference})",
        f"{open_one['id']}: authorized 0.00 USD here, 100.00 USD at the provider ({reference_of(open_one)})",
        "3 sessions compared with stripe, 2 differences.",
    }


@pytest.mark.once
@pytest.mark.parametrize("gateway", ["paypal", "system", "sandbox"])
def test_books_that_can_not_be_compared(shop: Site, gateway: str) -> None:
    """It is refused with a sentence."""
    code, printed = shop.server.command("check", "--provider", gateway)
    assert code == 2
    assert f"--provider: {gateway} can't be reconciled; choose stripe." in printed


def test_what_a_restored_database_does_not_know(own: Site) -> None:
    """`recover` reads Stripe's events, and what became of each intent: nothing is done twice."""
    session = own.opened()
    payment = own.paid()
    own.stripe.in_browser(session, VISA)
    reference = reference_of(own.payment(payment["id"])["paymentSession"])
    own.stripe.call("POST", f"payment_intents/{reference}/capture", amount_to_capture="6000")
    code, printed = own.server.command("recover", "--since", "2020-01-01T00:00:00Z")
    # Two authorizations, the capture, and what it gave back.
    assert (code, printed) == (0, "4 effects read, 3 recorded.\n")
    assert own.session(session["id"])["status"] == "AUTHORIZED"
    assert own.payment(payment["id"])["capturedAmount"] == "60.00"
    assert (
        own.server.command("recover", "--since", "2020-01-01T00:00:00Z")[1]
        == "4 effects read, 0 recorded.\n"
    )


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site whose server is killed and started again by each test."""
    folder = tmp_path_factory.mktemp("killed")
    with site(folder, hears_reports=False, is_test_build=True) as made:
        yield made


POINTS = ["after prepare", "before ask", "after ask", "before record", "after record"]
KILLS = [(kind, point) for kind in MOVES for point in POINTS]


@pytest.mark.parametrize("kill", in_short(KILLS, *KILLS[::3]), ids=" ".join)
def test_killed_at_each_named_point(killed: Site, kill: tuple[str, str]) -> None:
    """Kill -9 at a named point of a movement: one effect at Stripe, and it is recorded by whoever comes next."""
    kind, point = kill
    one, key = prepared(killed, kind), new_key()
    _kill_at(killed, kind, one, key, point=point)
    # Its lease is over.
    killed.server.rows("UPDATE operations SET due_at = 1 WHERE status = 'ASKING'")
    _start_again(killed)
    _has_one_effect(killed, kind, one, key)


@pytest.mark.long
@pytest.mark.parametrize("kind", MOVES)
def test_killed_while_its_lease_lasts(killed: Site, kind: str) -> None:
    """Nobody works on what a dead server was asking before its lease is over, and then somebody does."""
    one, key = prepared(killed, kind), new_key()
    _kill_at(killed, kind, one, key, point="after ask")
    ((lease_end,),) = killed.server.rows("SELECT due_at FROM operations WHERE status = 'ASKING'")
    _start_again(killed)
    _has_one_effect(killed, kind, one, key)
    ((settled_at,),) = killed.server.rows(
        "SELECT MAX(updated_at) FROM operations WHERE session_id = ?", session_id_of(kind, one)
    )
    assert settled_at >= lease_end


def _kill_at(shop: Site, kind: str, one: Json, key: str, *, point: str) -> None:
    shop.server.fail_at(point)
    with pytest.raises(httpx2.TransportError):
        called(shop, kind, one, key)
    assert shop.server.process is not None
    shop.server.process.wait()


def _start_again(shop: Site) -> None:
    shop.server.start()
    shop.server.reconnect()


def _has_one_effect(shop: Site, kind: str, one: Json, key: str) -> None:
    answer: Json = until(lambda: _settled(called(shop, kind, one, key)))
    assert answer["__typename"] == "Payment", answer
    assert effects(shop, kind, one) == [MOVES[kind]]


def _settled(answer: Json) -> Json:
    return None if is_open(answer) or answer.get("code") == "IN_PROGRESS" else answer
