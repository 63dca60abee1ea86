"""The account that each gateway's key opens, compared with the account of the database's payments."""

import asyncio
import contextlib
from collections.abc import Sequence

import structlog

from payments.flow.runtime import Flow
from payments.model.ids import SessionId
from payments.model.instants import Instant
from payments.ports.provider import HasAccount, RecordsUnreadable, effects_on
from payments.ports.transactions import Transaction
from payments.recovery.reconciliation import readers_of

log = structlog.get_logger("flow")


def with_accounts(flow: Flow) -> Sequence[HasAccount]:
    """Return one provider for each gateway that has accounts."""
    found = {one.gateway: one for one in flow.providers.values() if isinstance(one, HasAccount)}
    return list(found.values())


async def run(flow: Flow) -> None:
    """Compare each account now, and again while it is unread or its key is refused, until canceled."""
    await asyncio.gather(*(_watch(flow, one) for one in with_accounts(flow)))


async def _watch(flow: Flow, one: HasAccount) -> None:
    while True:
        one.account.wanted.clear()
        if one.account.is_misconfigured or not one.account.is_judged:
            try:
                await compare_account(flow, one)
            except Exception as error:  # The next look may succeed.
                log.error("account not compared", error=type(error).__name__, exc_info=error)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(flow.settings.recovery_interval_seconds):
                await one.account.wanted.wait()


async def require_accounts(flow: Flow, gateway: str | None = None) -> None:
    """Raise RecordsUnreadable where an account is not proven to be the one whose records are wanted."""
    for one in with_accounts(flow):
        if gateway in (None, one.gateway) and not await compare_account(flow, one):
            raise RecordsUnreadable(
                f"The account at {one.gateway} is not proven to be the known one."
            )


async def compare_account(flow: Flow, one: HasAccount) -> bool:
    """Return whether the key opens the account that the database knows; a database without payments accepts any."""
    found = await one.account.read()
    if found is None:
        return False
    known = await flow.store.read(lambda tx: tx.known_account(one.gateway))
    if known != found and await _can_be_taken(flow, one, is_first=known is None):
        known = await take_account(flow, one, found)
    one.account.known = known
    return await one.account.confirm()


async def _can_be_taken(flow: Flow, one: HasAccount, *, is_first: bool) -> bool:
    """Return whether no payment belongs to another account: there is none, or one is found at this account."""
    readers = readers_of(flow, one.gateway)
    sessions = await flow.store.read(
        lambda tx: tx.sessions_at(list(readers), since=Instant(0), after=SessionId(""), limit=1)
    )
    if not sessions or not is_first:
        return not sessions
    (session,) = sessions
    assert session.reference is not None
    try:
        return bool(await effects_on(readers[session.provider_id], session.reference))
    except RecordsUnreadable:
        return False


async def take_account(flow: Flow, one: HasAccount, account: str) -> str:
    """Store an account as the one that the database's payments belong to."""

    def work(tx: Transaction) -> str:
        tx.set_known_account(one.gateway, account)
        return account

    log.info("account taken", gateway=one.gateway, account=account)
    return await flow.store.transact(work)
