"""Customers who pay whatever happens: each sends every call with its key until it has a final answer."""

import random
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event

import httpx2

from tests.support.callers.calling import Call, body_of, is_busy, is_open, result_of
from tests.support.gateways.gateway import SECRET
from tests.support.program.running import Json, RunningServer
from tests.support.waiting import PATIENCE_SECONDS

WAITS_SECONDS = (0.3, 3.0, 15.0)
"""How long a customer waits for one answer: some go away early."""

PAUSE_SECONDS = 0.05

TOKENS = (
    "approve",
    "approve",
    "lost_reply",
    "slow:0.2",
    "pending",
    "decline:insufficient_funds",
    "approve,capture=lost_reply,refund=slow:0.2",
    "approve,capture=slow:0.3",
    "approve,cancel=lost_reply",
)


@dataclass(frozen=True, slots=True)
class Final:
    """A call with its final answer."""

    call: Call
    answer: Json


@dataclass
class Customer:
    """Pays again and again, at whichever server, until it is over."""

    servers: Sequence[RunningServer]
    gateway_url: str
    seed: int
    is_over: Event
    finals: list[Final] = field(default_factory=list)
    captured_minor: int = 0
    refunded_minor: int = 0
    released_minor: int = 0

    def __post_init__(self) -> None:
        """Make the chance that can be repeated."""
        self._random = random.Random(self.seed)  # noqa: S311 - a test that can be repeated

    def shop(self) -> "Customer":
        """Take whole payments until it is over; the last one is finished, too."""
        while not self.is_over.is_set():
            self._buy()
        return self

    def _buy(self) -> None:
        token = self._random.choice(TOKENS)
        collection = self._call(
            "createPaymentCollection", {"amount": "100.00", "currencyCode": "USD"}
        )
        session = self._call(
            "createPaymentSession",
            {
                "paymentCollectionId": collection["id"],
                "providerId": "sandbox",
                "data": {"token": token},
            },
        )
        settles = session["id"] if token == "pending" else None
        payment = self._call("authorizePaymentSession", {"id": session["id"]}, settles=settles)
        if token.startswith("decline"):
            assert (payment["__typename"], payment["code"]) == ("AuthorizationFailed", "DECLINED")
            return
        assert (payment["__typename"], payment["amount"]) == ("Payment", "100.00"), payment
        self._random.choice((self._keep, self._keep, self._give_back))(payment["id"])

    def _keep(self, payment_id: str) -> None:
        captured = self._call("capturePayment", {"paymentId": payment_id, "amount": "60.00"})
        assert (captured["__typename"], captured["capturedAmount"]) == ("Payment", "60.00"), (
            captured
        )
        self.captured_minor += 6_000
        refused = self._call("capturePayment", {"paymentId": payment_id, "amount": "60.00"})
        assert (refused["code"], refused["maximumAmount"]) == ("AMOUNT_TOO_LARGE", "40.00"), refused
        refunded = self._call("refundPayment", {"paymentId": payment_id, "amount": "20.00"})
        assert (refunded["__typename"], refunded["refundedAmount"]) == ("Payment", "20.00"), (
            refunded
        )
        self.refunded_minor += 2_000

    def _give_back(self, payment_id: str) -> None:
        canceled = self._call("cancelPayment", {"paymentId": payment_id}, has_key=False)
        assert (canceled["__typename"], canceled["status"]) == ("Payment", "CANCELED"), canceled
        self.released_minor += 10_000

    def _call(
        self, name: str, values: Json, *, has_key: bool = True, settles: str | None = None
    ) -> Json:
        key = {"idempotencyKey": secrets.token_hex(8)} if has_key else {}
        call: Call = (name, {**values, **key})
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = attempt(
                self._random.choice(self.servers),
                call,
                patience_seconds=self._random.choice(WAITS_SECONDS),
            )
            if answer is not None and is_final(answer):
                self.finals.append(Final(call, answer))
                return answer
            assert time.monotonic() < ends_at, (call, answer)
            if settles is not None:
                self._settle(settles)
            time.sleep(PAUSE_SECONDS)

    def _settle(self, session_id: str) -> None:
        """Let the gateway approve what it left pending; where it has not been asked yet, or was settled, it refuses."""
        response = httpx2.post(
            f"{self.gateway_url}/reports/{session_id}",
            json={"result": "approve"},
            headers={"authorization": f"Bearer {SECRET}"},
            timeout=PATIENCE_SECONDS,
            trust_env=False,
            verify=False,
        )
        assert response.status_code in (202, 404, 409), response.text


def attempt(server: RunningServer, call: Call, *, patience_seconds: float) -> Json:
    """Call once; None where nobody answers or the database is busy. No fault of ours may come between."""
    try:
        response = httpx2.post(
            f"{server.url}/graphql",
            content=body_of(call),
            headers={"content-type": "application/json"},
            timeout=patience_seconds,
            trust_env=False,
            verify=False,
        )
    except httpx2.TransportError:
        return None
    return None if is_busy(response) else result_of(response)


def is_final(answer: Json) -> bool:
    """Return whether an answer leaves nothing open."""
    return not is_open(answer) and not answer.get("retryable", False)
