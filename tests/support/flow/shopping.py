"""A shopper who pays through servers that are killed meanwhile."""

import random
import secrets
import time
from collections.abc import Sequence
from threading import Event

import httpx2

from tests.support.callers.calling import body_of, is_busy, result_of
from tests.support.callers.clients import POOL_LIMITS
from tests.support.program.running import Json
from tests.support.waiting import PATIENCE_SECONDS

TOKENS = (
    "approve",
    "slow:0.2",
    "lost_reply",
    "approve,capture=slow:0.2",
    "approve,capture=lost_reply,refund=slow:0.2",
)
ATTEMPT_SECONDS = 15.0
"""After it a shopper asks again."""

AGAIN_SECONDS = 0.1
PENDING_SECONDS = 0.5
"""Between two reads of an outcome that is not there yet: shoppers without a pause kept two cores busy."""

PENDING = ("RequiresMoreAction", "CapturePending", "RefundPending")


class Shopper:
    """A shopper who pays again and again, and sends each call with its key until it has a final answer."""

    def __init__(
        self,
        urls: Sequence[str],
        seed: int,
        is_over: Event,
        *,
        final_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Configure the servers, any of which receives each call, and how long a call may be without a final answer."""
        self._urls = urls
        self._final_seconds = final_seconds
        self._random = random.Random(seed)  # noqa: S311 - a run that can be repeated
        self._is_over = is_over
        # Nothing is encrypted here, and a TLS context costs more than a call.
        self._client = httpx2.Client(
            timeout=ATTEMPT_SECONDS, limits=POOL_LIMITS, trust_env=False, verify=False
        )
        self.finished = 0
        """Payments."""
        self.calls = 0
        """Each with a key of its own, however often it was sent."""
        self.broken_off = 0
        """Requests without an answer: the server was killed meanwhile."""

    def shop(self) -> int:
        """Make whole payments until time is over, and return their number; the last one is finished too."""
        with self._client:
            while not self._is_over.is_set():
                self._buy()
                self.finished += 1
        return self.finished

    def _buy(self) -> None:
        token = self._random.choice(TOKENS)
        made = self._call("createPaymentCollection", {"amount": "100.00", "currencyCode": "USD"})
        session = self._call(
            "createPaymentSession",
            {"paymentCollectionId": made["id"], "providerId": "sandbox", "data": {"token": token}},
        )
        payment = self._call("authorizePaymentSession", {"id": session["id"]})
        assert payment["__typename"] == "Payment", payment
        captured = self._call("capturePayment", {"paymentId": payment["id"], "amount": "60.00"})
        assert captured["capturedAmount"] == "60.00", captured
        refunded = self._call("refundPayment", {"paymentId": payment["id"], "amount": "20.00"})
        assert refunded["refundedAmount"] == "20.00", refunded

    def _call(self, name: str, values: Json) -> Json:
        body = body_of((name, {**values, "idempotencyKey": secrets.token_hex(8)}))
        ends_at = time.monotonic() + self._final_seconds
        self.calls += 1
        while True:
            result = self._attempt(body)
            if result is not None and not is_open(result):
                return result
            assert time.monotonic() < ends_at, (name, values, result)
            time.sleep(AGAIN_SECONDS if result is None else PENDING_SECONDS)

    def _attempt(self, body: bytes) -> Json:
        try:
            response = self._client.post(
                f"{self._random.choice(self._urls)}/graphql",
                content=body,
                headers={"content-type": "application/json"},
            )
        except httpx2.ConnectError:
            return None
        except httpx2.TransportError:
            self.broken_off += 1
            return None
        return None if is_busy(response) else result_of(response)


def is_open(result: Json) -> bool:
    """Return whether an answer leaves the outcome open."""
    return result["__typename"] in PENDING or result.get("code") == "IN_PROGRESS"
