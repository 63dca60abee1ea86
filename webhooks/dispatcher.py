"""The dispatcher of webhooks, beside the requests: it feeds endpoints from the log and works on their lanes.

A wake-up is only a hint; a slow poll is the safety net. Any number of processes may do this on one database.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog

from payments.model import instants
from payments.model.errors import StoreFailed
from payments.model.ids import EndpointId
from webhooks import deliveries
from webhooks.deliveries import DeliverySchedule
from webhooks.http import GONE, Poster
from webhooks.limits import WEBHOOK_KEPT_SECONDS, WEBHOOKS_AT_ONCE
from webhooks.model import DeliveryAttempt, EndpointState, Sending
from webhooks.payloads import payload, signed_headers
from webhooks.ports import LogWatch, Webhooks

log = structlog.get_logger("webhooks")

LOOK_SECONDS = 5.0
"""Between two polls when nothing is known to be due: they find what another process has registered or left."""

SHORTEST_WAIT_SECONDS = 0.05
"""The least pause between two rounds: what is due for another process makes no busy loop."""

RECORD_PAUSES_SECONDS = (0.2, 0.5, 1.0)
"""The pauses before an attempt is recorded once more; with each wait for the database, well within a lane's lease."""

CLEAR_SECONDS = 3_600.0
"""Between two deletions of old deliveries."""

Start = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class Dispatcher:
    """One process's part in the deliveries."""

    def __init__(
        self,
        webhooks: Webhooks,
        poster: Poster,
        log_watch: LogWatch,
        *,
        schedule: DeliverySchedule,
        start: Start,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._webhooks = webhooks
        self._poster = poster
        self._log_watch = log_watch
        self._schedule = schedule
        self._look_seconds = look_seconds
        self._start = start
        """Starts a task that a shutdown waits for: a running attempt is recorded."""
        self._changed = asyncio.Event()
        self._running: dict[asyncio.Task[None], EndpointId] = {}
        self._silent: set[EndpointId] = set()
        """Endpoints whose last attempt failed: they are tried with one lane at a time."""
        self._is_ending = False
        self._cleared_at = -CLEAR_SECONDS
        self._unwatch: Callable[[], None] | None = None

    def look(self) -> None:
        """Start the next round at once: something has changed."""
        self._changed.set()

    def end(self) -> None:
        """Start no further attempt."""
        self._is_ending = True

    async def run(self) -> None:
        """Deliver until canceled."""
        while True:
            self._changed.clear()
            wait_seconds = self._look_seconds
            try:
                wait_seconds = min(wait_seconds, await self.deliver_due())
                await self._clear()
            except Exception as error:  # The next round may succeed, and nothing else delivers.
                log.error("webhooks failed", error=type(error).__name__, exc_info=error)
            try:
                async with asyncio.timeout(max(wait_seconds, SHORTEST_WAIT_SECONDS)):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def deliver_due(self) -> float:
        """Feed endpoints and start what is due; return for how long nothing more is due."""
        states = await self._webhooks.states()
        self._follow_log(is_wanted=bool(states))
        if any(state.is_behind for state in states):
            while await self._webhooks.transact(deliveries.feed):
                pass
            states = await self._webhooks.states()
        self._silent &= {state.id for state in states}
        return min(
            [await self._start_safely(state) for state in states], default=self._look_seconds
        )

    def _follow_log(self, *, is_wanted: bool) -> None:
        if is_wanted and self._unwatch is None:
            self._unwatch = self._log_watch.watch(self._changed)
        elif not is_wanted and self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    async def _start_safely(self, state: EndpointState) -> float:
        try:
            return await self._start_due(state)
        except Exception as error:  # The endpoints after it have their turn all the same.
            failure = type(error).__name__
            log.error("webhooks not claimed", endpoint_id=state.id, error=failure, exc_info=error)
            return LOOK_SECONDS

    async def _start_due(self, state: EndpointState) -> float:
        """Start what is due for an endpoint, up to the limit; return for how long nothing more can be started."""
        most = 1 if state.id in self._silent else WEBHOOKS_AT_ONCE
        room = most - sum(id == state.id for id in self._running.values())
        if self._is_ending or room <= 0 or state.due_in_seconds is None:
            return self._look_seconds  # An attempt that ends wakes this loop.
        if state.due_in_seconds > 0:
            return state.due_in_seconds
        sendings = await self._webhooks.transact(
            lambda tx: deliveries.claim(tx, state.id, self._schedule, limit=room)
        )
        for sending in sendings:
            task = self._start(self._work(sending))
            self._running[task] = state.id
            task.add_done_callback(self._ended)
        return self._look_seconds if len(sendings) == room else 0

    async def _work(self, sending: Sending | None) -> None:
        """Send what is in a lane, one after the other, until one fails or nothing is left."""
        while sending is not None:
            if self._is_ending:
                await self._webhooks.transact(partial(deliveries.release, sending=sending))
                return
            attempt = await self._send(sending)
            sending = await self._record(sending, attempt)

    async def _send(self, sending: Sending) -> DeliveryAttempt:
        endpoint, event = sending.endpoint, sending.event
        body, now = payload(event), instants.now()
        headers = signed_headers(event, body, endpoint.secrets(now), now)
        attempt = await self._poster.post(endpoint.url, headers, body)
        failure = None if attempt.failure is None else attempt.failure.value
        log.info(
            "webhook",
            endpoint_id=endpoint.id,
            delivery_id=sending.delivery.id,
            collection_id=event.collection_id,
            response_status=attempt.response_status,
            failure=failure,
            duration_ms=attempt.duration_milliseconds,
        )
        return attempt

    async def _record(self, sending: Sending, attempt: DeliveryAttempt) -> Sending | None:
        id = sending.endpoint.id
        if attempt.failure is None:
            self._silent.discard(id)
        else:
            self._silent.add(id)
        following = await self._recorded(sending, attempt)
        if attempt.response_status == GONE:
            await self._webhooks.transact(partial(deliveries.disable, told=sending.endpoint))
            log.warning("webhook endpoint is gone", endpoint_id=id)
        return following

    async def _recorded(self, sending: Sending, attempt: DeliveryAttempt) -> Sending | None:
        """Record an attempt, repeatedly while the database is busy: forgotten, it would be made twice."""
        for pause_seconds in RECORD_PAUSES_SECONDS:
            try:
                return await self._webhooks.transact(
                    lambda tx: deliveries.record(tx, sending, attempt, self._schedule)
                )
            except StoreFailed:
                await asyncio.sleep(pause_seconds)
        return await self._webhooks.transact(
            lambda tx: deliveries.record(tx, sending, attempt, self._schedule)
        )

    def _ended(self, task: "asyncio.Task[None]") -> None:
        del self._running[task]
        # There is room again, or the endpoint answers again.
        self.look()
        if not task.cancelled() and (error := task.exception()) is not None:
            # It is sent again when the lease of its lane is over.
            log.error("webhook not recorded", error=type(error).__name__, exc_info=error)

    async def _clear(self) -> None:
        if time.monotonic() < self._cleared_at + CLEAR_SECONDS:
            return
        before = instants.after(instants.now(), -WEBHOOK_KEPT_SECONDS)
        # One batch at a time, so that due deliveries do not wait for all of it.
        if not await self._webhooks.clear(before):
            self._cleared_at = time.monotonic()
