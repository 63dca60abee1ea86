"""The delivery of the gateway's reports to the server: in order, signed, repeated until accepted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx2
import structlog

from payments.model import instants
from payments.model.instants import SECOND, Instant, after
from providers.sandbox.gateway.connection_pool import POOL_LIMITS, authorities
from providers.sandbox.gateway.ledger import Ledger, LedgerTransaction, StoredReport
from providers.sandbox.gateway.signing import HEADER, sign

log = structlog.get_logger("sandbox")

CONNECT_SECONDS = 1.0
READ_SECONDS = 5.0

ATTEMPTS = 40
"""Attempts for one report, over some three hours; then it is lost for ever, and recovery has to find out."""

FIRST_BACKOFF_SECONDS = 0.2
"""The pause after the first attempt; it doubles after each further one."""

LONGEST_BACKOFF_SECONDS = 300.0

LEASE_SECONDS = 15.0
"""Another process may take a report after this time; longer than an attempt."""

LOOK_SECONDS = 5.0
"""The pause between two polls of the ledger when nothing is due: another process may have added a report."""

SHORTEST_WAIT_SECONDS = 0.01
"""A clock that is slightly behind makes no busy loop."""

FAULT_PAUSE_SECONDS = 1.0
"""The pause after a failure of the ledger."""

FIRST_ATTEMPT_SECONDS = 2.0
"""How long the creator of a report waits for its arrival."""


class Deliveries:
    """The delivery of due reports until it is stopped."""

    def __init__(self, ledger: Ledger, *, webhook_url: str, secret: str) -> None:
        self._ledger = ledger
        self._url = webhook_url
        self._secret = secret
        self._news = asyncio.Event()
        self._first_attempts: dict[str, asyncio.Event] = {}
        self._client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            limits=POOL_LIMITS,
            verify=authorities(),
            # A proxy from the environment would be asked for an address of this machine.
            trust_env=False,
        )

    async def run(self) -> None:
        """Deliver until canceled."""
        while True:
            self._news.clear()
            try:
                wait_seconds = await self._deliver_due()
            except Exception as error:  # noqa: BLE001 - the loop goes on: its next round may succeed
                log.error("reports not looked at", error=type(error).__name__)
                wait_seconds = FAULT_PAUSE_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_seconds):
                    await self._news.wait()

    @asynccontextmanager
    async def expecting(self, id: str) -> AsyncIterator[None]:
        """Send a report that is committed inside, and wait for its first attempt, two seconds at most."""
        attempt = self._first_attempts[id] = asyncio.Event()
        try:
            yield
            self._news.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_ATTEMPT_SECONDS):
                    await attempt.wait()
        finally:
            del self._first_attempts[id]

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def _deliver_due(self) -> float:
        """Deliver what is due, oldest first; return how long to wait then."""
        while (report := await self._ledger.transact(_claim)) is not None:
            await self._deliver(report)
        due_at = await self._ledger.read(lambda tx: tx.next_report_at())
        if due_at is None:
            return LOOK_SECONDS
        return min(LOOK_SECONDS, max(SHORTEST_WAIT_SECONDS, (due_at - instants.now()) / SECOND))

    async def _deliver(self, report: StoredReport) -> None:
        is_taken = await self._post(report)
        await self._ledger.transact(lambda tx: self._note(tx, report, is_taken=is_taken))
        if report.id in self._first_attempts:
            self._first_attempts[report.id].set()

    def _note(self, tx: LedgerTransaction, report: StoredReport, *, is_taken: bool) -> None:
        now = instants.now()
        if is_taken or report.attempts + 1 >= ATTEMPTS:
            tx.end_report(report.id, now if is_taken else None)
        else:
            tx.postpone_report(report.id, self._next_attempt_at(report, now))

    def _next_attempt_at(self, report: StoredReport, now: Instant) -> Instant:
        doubled = FIRST_BACKOFF_SECONDS * 2.0**report.attempts
        return after(now, min(LONGEST_BACKOFF_SECONDS, doubled))

    async def _post(self, report: StoredReport) -> bool:
        signed_at = instants.now() // SECOND
        headers = {
            "content-type": "application/json",
            HEADER: sign(self._secret, report.body, unix_seconds=signed_at),
        }
        try:
            async with asyncio.timeout(CONNECT_SECONDS + READ_SECONDS):
                response = await self._client.post(self._url, content=report.body, headers=headers)
        except (httpx2.HTTPError, TimeoutError) as error:
            log.warning("report not taken", report_id=report.id, error=type(error).__name__)
            return False
        if not response.is_success:
            log.warning("report not taken", report_id=report.id, status=response.status_code)
        return response.is_success


def _claim(tx: LedgerTransaction) -> StoredReport | None:
    return tx.claim_report(instants.now(), lease_seconds=LEASE_SECONDS)
