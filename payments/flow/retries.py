"""One request to a provider within its time: repeated if it was not reached, and never raising."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from payments.flow.fault_injection import FaultInjection
from payments.model.ids import ProviderId
from payments.model.limits import ASK_SECONDS, FIRST_BACKOFF_SECONDS, TRIES, TRY_SECONDS
from payments.model.outcomes import NotReached, Unknown

Answer = TypeVar("Answer")

log = structlog.get_logger("flow")


async def tried(
    faults: FaultInjection,
    id: ProviderId,
    ask: Callable[[], Awaitable[Answer]],
    *,
    longest_seconds: float = 0.0,
) -> Answer | Unknown:
    """Try until the provider is reached or another try would not end in time.

    A running request may take `longest_seconds`; that allows no further one.
    """
    began_at = time.monotonic()
    tries_end_at = began_at + faults.wait(ASK_SECONDS)
    ends_at = max(tries_end_at, began_at + longest_seconds)
    backoff_seconds = FIRST_BACKOFF_SECONDS
    for _ in range(TRIES - 1):
        outcome = await bounded(ends_at - time.monotonic(), id, ask())
        if not isinstance(outcome, NotReached):
            return outcome
        if time.monotonic() + backoff_seconds + faults.wait(TRY_SECONDS) > tries_end_at:
            return outcome
        await asyncio.sleep(backoff_seconds)
        backoff_seconds *= 2
    return await bounded(ends_at - time.monotonic(), id, ask())


async def looked(
    faults: FaultInjection, id: ProviderId, look: Awaitable[Answer]
) -> Answer | Unknown:
    """Read something from a provider, once."""
    return await bounded(faults.wait(ASK_SECONDS), id, look)


async def bounded(seconds: float, id: ProviderId, work: Awaitable[Answer]) -> Answer | Unknown:
    """Wait for a provider's answer; a late one, and any exception of its module, proves nothing."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        return Unknown()
    except Exception as error:  # noqa: BLE001 - a gateway's module may be anybody's
        log.error("provider raised", provider=id, error=type(error).__name__)
        return Unknown()
