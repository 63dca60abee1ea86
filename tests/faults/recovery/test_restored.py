"""A backup that is restored knows nothing of what was asked since; the gateway's records do."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.conftest import CHECKED
from tests.support.flow.looking import answer_challenge
from tests.support.flow.shop import (
    authorize,
    capture,
    collection_of,
    event_types,
    new_key,
    open_collection,
    open_session,
    pay,
    refund,
)
from tests.support.gateways.sites import Site
from tests.support.program.running import NO_RECOVERY, Json, RunningServer
from tests.support.stores import databases
from tests.support.stores.records import effects, everything
from tests.support.waiting import until


def payment_of(server: RunningServer, id: str) -> Json:
    """Read a payment, without what tells when and how it was recorded."""
    found = server.run("back_end/06_show_payment", id=id)
    found.pop("updatedAt", None)
    return found


def facts_of(payment: Json) -> Json:
    """Return what a payment's money came to."""
    names = ("status", "capturedAmount", "refundedAmount", "releasedAmount", "capturableAmount")
    movements = [
        (one["id"], one["status"], one["amount"])
        for one in payment["captures"] + payment["refunds"]
    ]
    return [payment[name] for name in names], movements


def put_back(server: RunningServer, backup: Path, since: str) -> tuple[int, str]:
    """Kill a server, restore its database, recover and start again; return what the recovery said."""
    server.kill()
    databases.restore(server.database, backup)
    said = server.command("recover", "--since", since)
    server.start()
    return said


def test_what_was_asked_after_the_backup_is_found_again(
    make_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    """Captures, refunds, cancellations and authorizations since then are read back; those without a place are named."""
    server = make_server(TILLGRAPH_SANDBOX_DATABASE=str(tmp_path / "ledger.db")).start()
    since = datetime.now(UTC).isoformat()
    captured, canceled, other = (pay(server) for _ in range(3))
    collection = open_collection(server)
    session = open_session(server, collection["id"])
    databases.back_up(server.database, tmp_path / "backup")

    capture(server, captured["id"], amount="60.00")
    refund(server, captured["id"], amount="20.00")
    capture(server, captured["id"], amount="10.00", isFinal=True)
    server.change("cancelPayment", {"paymentId": canceled["id"]})
    capture(server, other["id"], amount="50.00")
    late = authorize(server, session["id"])
    assert late["__typename"] == "Payment"
    lost = pay(server)
    (effect,) = effects(server, lost["paymentSession"]["id"])
    ids = [captured["id"], canceled["id"], other["id"]]
    wanted = [facts_of(payment_of(server, id)) for id in ids]
    server.kill()

    databases.restore(server.database, tmp_path / "backup")
    code, printed = server.command("recover", "--since", since)
    assert (code, printed.splitlines()) == (
        1,
        [
            "10 effects read, 6 recorded.",
            f"Not known here: sandbox's authorize {effect['key']} of 100.00 USD"
            f" for {lost['paymentSession']['id']}.",
        ],
    )
    assert server.check() == CHECKED
    server.start()
    assert [facts_of(payment_of(server, id)) for id in ids] == wanted
    found = server.run("back_end/02_show_payment_collection", id=collection["id"])
    assert (found["status"], found["authorizedAmount"]) == ("AUTHORIZED", "100.00")
    sources = {
        row[0]
        for row in server.rows("SELECT source FROM payment_events WHERE type = 'PAYMENT_REFUNDED'")
    }
    assert sources == {"RECONCILIATION"}

    before = everything(server)
    assert server.command("recover", "--since", since)[1].startswith("10 effects read, 0 recorded.")
    assert everything(server) == before


@pytest.mark.once
def test_what_was_given_back_is_not_given_back_again(
    make_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    """The surplus is decided anew here: what the gateway did for it before is taken for its outcome, with its key."""
    settings = {**NO_RECOVERY, "TILLGRAPH_SANDBOX_DATABASE": str(tmp_path / "ledger.db")}
    server = make_server(**settings).start()
    collection = open_collection(server)
    sessions = [open_session(server, collection["id"], "challenge") for _ in range(2)]
    since = datetime.now(UTC).isoformat()
    databases.back_up(server.database, tmp_path / "backup")
    for session in sessions:
        authorize(server, session["id"])
    for session in sessions:
        answer_challenge(server, session["id"], "approve")
    answers = [authorize(server, session["id"])["__typename"] for session in sessions]
    assert answers == ["Payment", "AuthorizationFailed"]
    until(lambda: effects(server, sessions[1]["id"], "cancel"))
    before = server.ledger()
    said = put_back(server, tmp_path / "backup", since)
    assert said == (0, "3 effects read, 3 recorded.\n")
    found = collection_of(server, collection["id"])
    assert [one["status"] for one in found["payments"]] == ["AUTHORIZED", "CANCELED"]
    assert server.ledger() == before


@pytest.mark.once
def test_an_attempt_that_failed_meanwhile(
    make_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    """The backup waits for its customer; the gateway declined that and authorized the next: the latter counts."""
    settings = {**NO_RECOVERY, "TILLGRAPH_SANDBOX_DATABASE": str(tmp_path / "ledger.db")}
    server = make_server(**settings).start()
    collection = open_collection(server)
    session = open_session(server, collection["id"], "challenge")
    since = datetime.now(UTC).isoformat()
    authorize(server, session["id"])
    databases.back_up(server.database, tmp_path / "backup")
    answer_challenge(server, session["id"], "fail")
    assert authorize(server, session["id"])["__typename"] == "AuthorizationFailed"
    paid = authorize(server, session["id"], data={"token": "approve"})
    assert paid["__typename"] == "Payment"
    assert put_back(server, tmp_path / "backup", since)[0] == 0
    found = collection_of(server, collection["id"])
    assert (found["status"], found["authorizedAmount"]) == ("AUTHORIZED", "100.00")
    assert event_types(found).count("SESSION_FAILED") == 1
    (payment,) = found["payments"]
    assert capture(server, payment["id"])["capturedAmount"] == "100.00"


@pytest.mark.once
def test_what_was_not_reached_before_the_backup_and_done_after(
    killed_site: Site, tmp_path: Path
) -> None:
    """The same key was sent again after the backup: the operation that had failed is the one that happened."""
    server = killed_site.server
    payment = pay(server)
    key = new_key()
    with killed_site.between.closed():
        failed = capture(server, payment["id"], idempotencyKey=key)
    assert (failed["__typename"], failed["code"]) == ("CaptureFailed", "PROVIDER_UNAVAILABLE")
    databases.back_up(server.database, tmp_path / "backup")
    since = datetime.now(UTC).isoformat()
    assert capture(server, payment["id"], idempotencyKey=key)["capturedAmount"] == "100.00"
    assert put_back(server, tmp_path / "backup", since)[0] == 0
    found = payment_of(server, payment["id"])
    assert (found["status"], found["capturableAmount"]) == ("CAPTURED", "0.00")


@pytest.mark.once
def test_books_that_can_not_be_read_to_the_end(killed_site: Site) -> None:
    """The command says that not all was read, and that it has to be run again."""
    killed_site.gateway.stop()
    try:
        code, printed = killed_site.server.command("recover", "--since", "2026-11-23T10:00:00Z")
    finally:
        killed_site.gateway.start()
    assert code == 2
    assert printed.startswith("Not all was read: run it again. ")


@pytest.mark.once
@pytest.mark.parametrize("since", ["yesterday", "2026-11-23T10:00:00", ""])
def test_an_instant_that_is_none(make_server: Callable[..., RunningServer], since: str) -> None:
    """It is refused with what would be right, and nothing is read."""
    code, printed = make_server().command("recover", "--since", since)
    assert code == 2
    assert "an instant with its zone, such as 2026-11-23T10:00:00Z" in printed


@pytest.mark.once
def test_an_instant_to_come(make_server: Callable[..., RunningServer]) -> None:
    """It is refused: nothing was done since then, and "0 effects" would look as if nothing were missing."""
    code, printed = make_server().command("recover", "--since", "2999-01-01T00:00:00Z")
    assert code == 2
    assert "an instant that is past, and 2999-01-01T00:00:00Z is to come" in printed
