"""Enabling and disabling providers: for new sessions and authorizations; everything else goes on."""

from payments.errors import NotFound
from payments.flow import Flow
from payments.ids import ProviderId


async def set_enabled(flow: Flow, id: ProviderId, *, is_enabled: bool) -> None:
    """Enable or disable a provider; raises NotFound."""
    if id not in flow.providers:
        raise NotFound("No provider has this id.", path=("id",))
    await flow.store.transact(lambda tx: tx.set_provider_enabled(id, is_enabled))
