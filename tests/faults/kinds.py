"""The five kinds of mutation that a matrix test runs through: each prepared up to its call, and its one right end."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.support.callers.calling import Call
from tests.support.flow.shop import capture, new_key, open_collection, open_session, pay
from tests.support.program.running import Json, RunningServer
from tests.support.stores.records import effects
from tests.support.waiting import until

ASKED = ("authorize", "capture", "refund", "cancel")
"""The kinds of request that the gateway receives."""

KINDS = ("create", *ASKED)

MOVES = {"authorize": "100.00", "capture": "60.00", "refund": "30.00", "cancel": "100.00"}
"""The amount that each moves here, exactly."""

FAILED = {
    "authorize": "AuthorizationFailed",
    "capture": "CaptureFailed",
    "refund": "RefundFailed",
    "cancel": "CancelFailed",
}

ENDS: Mapping[str, Mapping[str, str]] = {
    "create": {"__typename": "PaymentCollection", "amount": "100.00", "status": "NOT_PAID"},
    "authorize": {"__typename": "Payment", "amount": "100.00", "status": "AUTHORIZED"},
    "capture": {"__typename": "Payment", "capturedAmount": "60.00"},
    "refund": {"__typename": "Payment", "refundedAmount": "30.00"},
    "cancel": {"__typename": "Payment", "releasedAmount": "100.00", "status": "CANCELED"},
}
"""The fields of the final answer to each."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A mutation that is about to be called."""

    kind: str
    call: Call
    """With an idempotency key, but for a cancellation: its payment is its key."""
    session_id: str = ""

    @property
    def key(self) -> str:
        """Return the idempotency key; "" for a cancellation."""
        return str(self.call[1].get("idempotencyKey", ""))


def prepared(server: RunningServer, kind: str, token: str = "approve") -> Prepared:
    """Do everything that comes before a mutation of a kind; the token says how the gateway takes it."""
    if kind == "create":
        values = {"amount": "100.00", "currencyCode": "USD", "idempotencyKey": new_key()}
        return Prepared(kind, ("createPaymentCollection", values))
    if kind == "authorize":
        session = open_session(server, open_collection(server)["id"], token)
        call = ("authorizePaymentSession", {"id": session["id"], "idempotencyKey": new_key()})
        return Prepared(kind, call, session["id"])
    payment = pay(server, token="approve" if token == "approve" else f"approve,{kind}={token}")
    session_id = payment["paymentSession"]["id"]
    if kind == "cancel":
        return Prepared(kind, ("cancelPayment", {"paymentId": payment["id"]}), session_id)
    if kind == "refund":
        assert capture(server, payment["id"])["capturedAmount"] == "100.00"
    values = {
        "paymentId": payment["id"],
        "amount": MOVES[kind],
        "idempotencyKey": new_key(),
    }
    return Prepared(kind, (f"{kind}Payment", values), session_id)


def called(server: RunningServer, one: Prepared) -> Json:
    """Call it, and return what is answered."""
    return server.change(*one.call)


def is_final(one: Prepared, answer: Json) -> bool:
    """Return whether an answer is the one right end."""
    expected = ENDS[one.kind]
    return {name: answer.get(name) for name in expected} == expected


def ended(server: RunningServer, one: Prepared) -> Json:
    """Call it again and again with its key until the answer is the one right end, and return that."""
    return until(lambda: (answer := called(server, one)) and is_final(one, answer) and answer)


def operations_of(server: RunningServer, one: Prepared) -> list[tuple[str, str]]:
    """Return its operations' ids and statuses, oldest first; one after a failed cancellation is another attempt."""
    found = server.rows(
        "SELECT id, status FROM operations WHERE session_id = ? AND kind = ? ORDER BY id",
        one.session_id,
        one.kind,
    )
    return [(str(id), str(status)) for id, status in found]


def status_of(server: RunningServer, one: Prepared) -> str:
    """Return the status of its newest operation; "" where there is none."""
    found = operations_of(server, one)
    return found[-1][1] if found else ""


def collection_of(server: RunningServer, one: Prepared) -> str:
    """Return the id of its collection."""
    ((id,),) = server.rows(
        "SELECT collection_id FROM payment_sessions WHERE id = ?", one.session_id
    )
    return str(id)


def operation_of(server: RunningServer, one: Prepared) -> str:
    """Return the id of its newest operation."""
    return operations_of(server, one)[-1][0]


def settled(server: RunningServer, one: Prepared) -> None:
    """Wait until it has succeeded, whoever brings that; it is not called again."""
    until(lambda: status_of(server, one) == "SUCCEEDED")


def assert_one_effect(server: RunningServer, one: Prepared) -> Json:
    """Assert that the gateway did it exactly once, under its operation's key; return the effect."""
    if one.kind == "create":
        # The gateway has no part in it: what is counted is the key's collection.
        counted = server.rows("SELECT count(*) FROM idempotency_keys WHERE key = ?", one.key)
        assert counted == [(1,)]
        return {}
    (effect,) = effects(server, one.session_id, one.kind)
    assert (effect["result"], effect["moved"]) == ("approved", MOVES[one.kind])
    assert effect["key"] == operation_of(server, one)
    return effect


def assert_no_effect(server: RunningServer, one: Prepared) -> None:
    """Assert that the gateway did nothing of it."""
    assert effects(server, one.session_id, one.kind) == []
