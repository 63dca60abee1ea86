"""The maintenance commands that an operator runs beside the servers; each returns the exit code."""

from collections.abc import Callable

from app.checking import Wanted, check_rows
from app.environment import SettingsError
from app.lifecycle import Application
from app.output import say
from app.settings import Settings
from payments.model.instants import Instant
from payments.ports.provider import RecordsUnreadable
from payments.recovery.gateway_accounts import require_accounts, take_account, with_accounts
from payments.recovery.provider_effects import find_again
from payments.recovery.reconciliation import compare, readable_gateways, readers_of

Build = Callable[[Settings], Application]
"""Returns a server's parts."""


async def check(build: Build, settings: Settings, wanted: Wanted) -> int:
    """Print each row that breaks an invariant, and each mismatched payment; return the exit code.

    With a gateway, each payment is compared with the gateway's records too.
    """
    is_broken = await check_rows(settings, wanted)
    if is_broken is None:
        return 2
    differs = wanted.gateway is not None and await _differs(build(settings), wanted.gateway)
    return 1 if is_broken or differs else 0


async def _differs(application: Application, gateway: str) -> bool:
    """Print the differences at a gateway; return whether there are any."""
    if not readers_of(application.flow, gateway):
        choices = ", ".join(readable_gateways(application.flow))
        right = f"choose {choices}" if choices else "no provider with readable records is set up"
        raise SettingsError(f"--provider: {gateway} can't be reconciled; {right}.")
    count = differences = 0
    async with application.opened():
        await require_accounts(application.flow, gateway)
        async for compared in compare(application.flow, gateway):
            count += 1
            for one in compared.differences:
                differences += 1
                say(one)
    say(f"{count} sessions compared with {gateway}, {differences} differences.")
    return differences > 0


async def recover(application: Application, since: Instant) -> int:
    """Read from the providers what the database does not know; return the exit code."""
    async with application.opened():
        await require_accounts(application.flow)
        found = await find_again(application.flow, since)
    say(f"{found.read} effects read, {found.recorded} recorded.")
    for provider_id, effect in found.unplaced:
        what = f"{effect.kind.value} {effect.key} of {effect.amount} {effect.amount.currency}"
        say(f"Not known here: {provider_id}'s {what} for {effect.session_id}.")
    return 1 if found.unplaced else 0


async def accept_account(application: Application, gateway: str) -> int:
    """Store the account of the configured key as the one that this database's payments belong to."""
    one = next((one for one in with_accounts(application.flow) if one.gateway == gateway), None)
    if one is None:
        raise SettingsError(
            f"accept-account: no key of {gateway} is set. For stripe, set TILLGRAPH_STRIPE_SECRET_KEY."
        )
    async with application.opened():
        found = await one.account.read()
        if found is None:
            raise RecordsUnreadable(f"The account at {gateway} can't be read.")
        await take_account(application.flow, one, found)
    say(f"This database's payments at {gateway} now belong to {found}.")
    return 0
