"""Account holders: one for each customer and provider, created there and known here."""

from collections.abc import Callable, Sequence

from payments.flow.idempotency import bind_key, bound_key
from payments.flow.method_outcomes import refusal_of
from payments.flow.retries import looked, tried
from payments.flow.runtime import Flow, timed
from payments.model.account_holders import AccountHolder, Changed, HolderAsk, HolderMade
from payments.model.commands import UNCHANGED, Call, CreateAccountHolder, UpdateAccountHolder
from payments.model.copies import replace
from payments.model.errors import InProgress, InvalidInput, NotFound, ProviderDisabled
from payments.model.ids import ACCOUNT_HOLDER, HolderId, ProviderId, is_id, new_id
from payments.model.instants import after
from payments.model.limits import HOLDERS_A_COLLECTION
from payments.model.outcomes import Declined
from payments.model.texts import is_storable
from payments.ports.provider import FindsHolders, Provider, SavesMethods
from payments.ports.transactions import ReadTransaction, Transaction

Path = tuple[str, ...]

TOGETHER = 3
"""How often a change is sent to the provider again because of a concurrent change."""


async def create(flow: Flow, call: Call, command: CreateAccountHolder) -> AccountHolder:
    """Create a customer at a provider, or return the existing account holder."""
    provider_id = ProviderId(command.provider_id)
    if not is_storable(provider_id):
        raise ProviderDisabled("This provider is not enabled.", path=("providerId",))

    def work(tx: Transaction) -> AccountHolder:
        stored = bound_key(tx, call, command)
        if stored is not None:
            return _there(tx.holder(HolderId(stored.subject_ids[0])), path=None)
        found = tx.holder_of(provider_id, command.customer_reference)
        if found is None:
            saving_provider(flow, tx, provider_id, path=("providerId",))
            found = AccountHolder(
                id=HolderId(new_id(ACCOUNT_HOLDER)),
                provider_id=provider_id,
                customer_reference=command.customer_reference,
                email=command.email,
                name=command.name,
                metadata=command.metadata or {},
                created_at=tx.now,
                updated_at=tx.now,
            )
            tx.insert_holder(found)
        bind_key(tx, call, command, found.id)
        return found

    holder = await flow.store.transact(work)
    is_there = holder.reference is not None and not await _is_gone(flow, call, holder)
    return holder if is_there else await _make(flow, call, holder)


async def _is_gone(flow: Flow, call: Call, holder: AccountHolder) -> bool:
    """Return whether a provider confirms that it no longer has the customer; without an answer it does."""
    provider: Provider | None = flow.providers.get(holder.provider_id)
    if provider is None or not isinstance(provider, FindsHolders):
        return False
    reference = known_as(holder)
    with timed("find holder", call.request_id) as facts:
        found = await looked(flow.faults, holder.provider_id, provider.has_holder(reference))
        facts["outcome"] = str(found)
    return found is False


async def _make(flow: Flow, call: Call, holder: AccountHolder) -> AccountHolder:
    """Create a customer at the provider; a concurrent call uses the same key.

    A customer who is deleted there is created again, without their saved methods, which were deleted too.
    """
    provider = known_provider(flow, holder.provider_id)
    seconds = flow.providers[holder.provider_id].keeps_keys_seconds
    is_forgotten = seconds is not None and after(holder.created_at, seconds) <= flow.store.now()
    ask = HolderAsk(
        holder.id,
        holder.customer_reference,
        holder.email,
        holder.name,
        is_key_forgotten=is_forgotten,
        replaces=holder.reference,
    )
    with timed("make holder", call.request_id) as facts:
        outcome = await tried(flow.faults, holder.provider_id, lambda: provider.make_holder(ask))
        facts["outcome"] = type(outcome).__name__

    def work(tx: Transaction) -> AccountHolder:
        found = _there(tx.lock_holder(holder.id), path=None)
        if found.reference != holder.reference:
            return found
        if isinstance(outcome, HolderMade):
            if found.reference is not None:
                tx.forget_kept(found.id)
            found = replace(found, reference=outcome.reference, updated_at=tx.now)
            tx.update_holder(found)
        elif isinstance(outcome, Declined) and found.reference is None:
            # Nothing was created, and another input may succeed.
            tx.release_key(found.id)
            tx.delete_holder(found.id)
        return found

    made = await flow.store.transact(work)
    if made.reference == holder.reference:
        assert not isinstance(outcome, HolderMade)
        raise refusal_of(outcome)
    return made


async def update(flow: Flow, call: Call, command: UpdateAccountHolder) -> AccountHolder:
    """Change a customer's details, at the provider too."""
    for _ in range(TOGETHER):
        before = await flow.store.read(lambda tx: held(tx, command.id, path=("id",)))
        wanted = _changed(before, command)
        if wanted == before:
            return before
        if (wanted.email, wanted.name) != (before.email, before.name):
            await _tell(flow, call, wanted)
        written = await flow.store.transact(_write(before, wanted))
        if written is not None:
            return written
    raise InProgress("This account holder is being changed by other requests; send this one again.")


def _changed(holder: AccountHolder, command: UpdateAccountHolder) -> AccountHolder:
    if command.email is not UNCHANGED:
        holder = replace(holder, email=command.email)
    if command.name is not UNCHANGED:
        holder = replace(holder, name=command.name)
    if command.metadata is not UNCHANGED:
        holder = replace(holder, metadata=command.metadata)
    return holder


async def _tell(flow: Flow, call: Call, holder: AccountHolder) -> None:
    provider = known_provider(flow, holder.provider_id)
    reference = known_as(holder)
    with timed("change holder", call.request_id) as facts:
        outcome = await tried(
            flow.faults,
            holder.provider_id,
            lambda: provider.change_holder(reference, email=holder.email, name=holder.name),
        )
        facts["outcome"] = type(outcome).__name__
    if not isinstance(outcome, Changed):
        raise refusal_of(outcome, holder_path=("id",))


def _write(
    before: AccountHolder, wanted: AccountHolder
) -> Callable[[Transaction], AccountHolder | None]:
    """Write a change unless there was a concurrent one: the provider must then be told again."""

    def work(tx: Transaction) -> AccountHolder | None:
        if tx.lock_holder(before.id) != before:
            return None
        written = replace(wanted, updated_at=tx.now)
        tx.update_holder(written)
        return written

    return work


async def delete(flow: Flow, call: Call, id: str) -> None:
    """Delete a customer with all saved methods, at the provider first."""
    holder = await flow.store.read(lambda tx: held(tx, id, path=("id",)))
    provider = known_provider(flow, holder.provider_id)
    reference = known_as(holder)
    with timed("delete holder", call.request_id) as facts:
        outcome = await tried(
            flow.faults, holder.provider_id, lambda: provider.delete_holder(reference)
        )
        facts["outcome"] = type(outcome).__name__
    if not isinstance(outcome, Changed):
        raise refusal_of(outcome)

    def work(tx: Transaction) -> None:
        if tx.lock_holder(holder.id) is not None:
            tx.delete_holder(holder.id)

    await flow.store.transact(work)


def held(tx: ReadTransaction, id: str, *, path: Path) -> AccountHolder:
    """Return a holder that exists at its provider; raises NotFound."""
    return _known(tx.holder(HolderId(id)) if is_id(id, ACCOUNT_HOLDER) else None, path)


def locked_holder(tx: Transaction, id: str, *, path: Path) -> AccountHolder:
    """Return a holder that exists at its provider, locked; raises NotFound."""
    return _known(tx.lock_holder(HolderId(id)) if is_id(id, ACCOUNT_HOLDER) else None, path)


def _known(found: AccountHolder | None, path: Path) -> AccountHolder:
    if found is None or found.reference is None:
        raise NotFound("No account holder has this id.", path=path)
    return found


def known_as(holder: AccountHolder) -> str:
    """Return the provider's id of a holder that `held` has returned."""
    assert holder.reference is not None
    return holder.reference


def each_held(tx: Transaction, ids: Sequence[str]) -> tuple[HolderId, ...]:
    """Return a collection's holders, each once; raises NotFound and InvalidInput."""
    path = ("accountHolderIds",)
    once = tuple(dict.fromkeys(ids))
    if len(once) > HOLDERS_A_COLLECTION:
        raise InvalidInput(f"At most {HOLDERS_A_COLLECTION} account holders.", path=path)
    return tuple(held(tx, id, path=path).id for id in once)


def saving_provider(flow: Flow, tx: Transaction, id: ProviderId, *, path: Path) -> SavesMethods:
    """Return an enabled provider that saves payment methods; raises ProviderDisabled."""
    if id not in flow.providers or id in tx.disabled_providers():
        raise ProviderDisabled("This provider is not enabled.", path=path)
    return known_provider(flow, id, path=path)


def known_provider(flow: Flow, id: ProviderId, *, path: Path | None = None) -> SavesMethods:
    """Return a provider that saves payment methods, enabled or not; raises ProviderDisabled."""
    provider: Provider | None = flow.providers.get(id)
    if provider is not None and isinstance(provider, SavesMethods):
        return provider
    raise ProviderDisabled("This provider does not save payment methods.", path=path)


def _there(holder: AccountHolder | None, *, path: Path | None) -> AccountHolder:
    if holder is None:
        raise NotFound("This account holder was deleted.", path=path)
    return holder
