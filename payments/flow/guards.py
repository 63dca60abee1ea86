"""The checks that several mutations share: each passes or refuses, and says what would be valid."""

from decimal import Decimal

from payments.flow.runtime import Flow
from payments.flow.working_copy import WorkingCopy, lock
from payments.model.account_holders import AccountHolder, PaymentMethod
from payments.model.card_numbers import check_data
from payments.model.commands import Call
from payments.model.entities import Payment, PaymentSession
from payments.model.errors import (
    AmountTooLarge,
    AmountTooSmall,
    InvalidInput,
    InvalidState,
    NotFound,
    ProviderDisabled,
)
from payments.model.ids import (
    COLLECTION,
    PAYMENT,
    PAYMENT_METHOD,
    SESSION,
    CollectionId,
    HolderId,
    MethodId,
    PaymentId,
    ProviderId,
    SessionId,
    is_id,
)
from payments.model.limits import FAILED_ATTEMPTS, URL_CHARACTERS
from payments.model.money import AmountFault, Money, parse_minor
from payments.model.outcomes import JsonObject
from payments.model.statuses import EventSource
from payments.ports.provider import DataFault, JudgesRefunds, LimitsAmounts, Provider, is_retired
from payments.ports.transactions import Transaction

Path = tuple[str, ...] | None


def locked_collection(
    tx: Transaction, call: Call, id: str, *, path: tuple[str, ...] = ("id",)
) -> WorkingCopy:
    """Lock a collection that exists for this caller; raises NotFound."""
    if is_id(id, COLLECTION) and call.caller.reaches(CollectionId(id)):
        working = lock(tx, CollectionId(id), EventSource.API)
        if working is not None:
            return working
    raise NotFound("No payment collection has this id.", path=path)


def locked_session(tx: Transaction, call: Call, id: str) -> tuple[WorkingCopy, PaymentSession]:
    """Lock the collection of a session that exists for this caller; raises NotFound."""
    if is_id(id, SESSION):
        collection_id = tx.collection_of_session(SessionId(id))
        if collection_id is not None and call.caller.reaches(collection_id):
            working = lock(tx, collection_id, EventSource.API)
            assert working is not None
            return working, working.sessions[SessionId(id)]
    raise NotFound("No payment session has this id.", path=("id",))


def locked_payment(tx: Transaction, call: Call, id: str) -> tuple[WorkingCopy, Payment]:
    """Lock the collection of a payment that exists for this caller; raises NotFound."""
    if is_id(id, PAYMENT):
        collection_id = tx.collection_of_payment(PaymentId(id))
        if collection_id is not None and call.caller.reaches(collection_id):
            working = lock(tx, collection_id, EventSource.API)
            assert working is not None
            return working, working.payments[PaymentId(id)]
    raise NotFound("No payment has this id.", path=("paymentId",))


def amount_of(amount: Decimal, currency: str) -> int:
    """Return an input's amount in minor units; raises InvalidInput with the path."""
    try:
        return parse_minor(amount, currency)
    except AmountFault as fault:
        raise InvalidInput(str(fault), path=("amount",)) from None


def authorizable_minor(working: WorkingCopy, *, besides: PaymentSession | None = None) -> int:
    """Return what can still be authorized: the amount less what is authorized or in flight."""
    in_flight = sum(
        session.amount_minor
        for session in working.sessions.values()
        if session.is_in_flight and session is not besides
    )
    collection = working.collection
    return max(0, collection.amount_minor - collection.authorized_minor - in_flight)


def require_authorizable(
    working: WorkingCopy,
    amount_minor: int,
    *,
    besides: PaymentSession | None = None,
    path: Path = ("amount",),
) -> None:
    """Raise AmountTooLarge, with the maximum, where an amount can't be authorized any more."""
    left_minor = authorizable_minor(working, besides=besides)
    if amount_minor > left_minor:
        maximum = working.collection.money(left_minor)
        raise AmountTooLarge(
            f"At most {maximum} {maximum.currency} can still be authorized on this collection.",
            path=path,
            maximum=maximum,
        )


def require_attempts_left(working: WorkingCopy, call: Call) -> None:
    """Raise InvalidState where a browser has failed too often, attempts in flight included."""
    in_flight = sum(session.is_in_flight for session in working.sessions.values())
    tried = working.collection.failed_attempts + in_flight
    if call.caller.is_browser and tried >= FAILED_ATTEMPTS:
        raise InvalidState(
            f"At most {FAILED_ATTEMPTS} attempts may fail: a back end has to open the next session."
        )


def usable_provider(
    flow: Flow, working: WorkingCopy, call: Call, id: str, *, path: Path
) -> Provider:
    """Return a provider that this caller can use for this collection; raises ProviderDisabled."""
    provider = flow.providers.get(ProviderId(id))
    if provider is None or id in working.tx.disabled_providers():
        raise ProviderDisabled("This provider is not enabled.", path=path)
    if not can_use(flow, call, provider, working.collection.currency):
        if is_retired(provider):
            raise ProviderDisabled("This payment method is no longer offered.", path=path)
        currencies = provider.supported_currencies
        is_other_currency = currencies is not None and working.collection.currency not in currencies
        whom = working.collection.currency if is_other_currency else "browsers"
        raise ProviderDisabled(f"This provider is not for {whom}.", path=path)
    return provider


def usable_providers(flow: Flow, working: WorkingCopy, call: Call) -> list[Provider]:
    """Return the providers that this caller can use for this collection, in the order of the registry."""
    disabled = working.tx.disabled_providers()
    return [
        provider
        for id, provider in flow.providers.items()
        if id not in disabled and can_use(flow, call, provider, working.collection.currency)
    ]


def can_use(flow: Flow, call: Call, provider: Provider, currency: str) -> bool:
    """Return whether a caller may open a session with an enabled provider in a currency."""
    currencies = provider.supported_currencies
    is_for_caller = not call.caller.is_browser or provider.id in flow.settings.browser_providers
    is_offered = is_for_caller and not is_retired(provider)
    return is_offered and (currencies is None or currency in currencies)


def require_provider_data(
    provider: Provider, call: Call, data: JsonObject, *, besides: JsonObject | None = None
) -> None:
    """Check `data` against the provider's documented keys, a browser's against those for it; raises InvalidInput.

    `besides` is the session's existing data: the provider has to accept both together.
    """
    if call.caller.is_browser:
        for key in data:
            if key not in provider.browser_keys:
                raise InvalidInput("A browser may not send this key.", path=("data", key))
    try:
        provider.check({**(besides or {}), **data})
    except DataFault as fault:
        raise InvalidInput(str(fault), path=("data", fault.key)) from None
    check_data(data, ("data",))


def data_out_of_reach(provider: Provider, call: Call, data: JsonObject) -> JsonObject:
    """Return the part of a session's data that a caller may not send and so may not remove: that of a back end."""
    if not call.caller.is_browser:
        return {}
    return {key: value for key, value in data.items() if key not in provider.browser_keys}


def require_provider_amount(
    provider: Provider, amount_minor: int, currency: str, *, path: Path = ("amount",)
) -> None:
    """Check an amount against the provider's limits; raises AmountTooSmall, AmountTooLarge and InvalidInput."""
    if not isinstance(provider, LimitsAmounts):
        return
    limits = provider.limits(currency)
    if amount_minor < limits.least_minor:
        minimum = Money(limits.least_minor, currency)
        raise AmountTooSmall(
            f"{provider.name} takes at least {minimum} {currency}.", path=path, minimum=minimum
        )
    if amount_minor > limits.most_minor:
        maximum = Money(limits.most_minor, currency)
        raise AmountTooLarge(
            f"{provider.name} takes at most {maximum} {currency}.", path=path, maximum=maximum
        )
    require_provider_step(provider, amount_minor, currency, path=path)


def require_provider_step(
    provider: Provider, amount_minor: int, currency: str, *, path: Path = ("amount",)
) -> None:
    """Raise InvalidInput for an amount that a provider would have to round."""
    if not isinstance(provider, LimitsAmounts):
        return
    step_minor = provider.limits(currency).step_minor
    if amount_minor % step_minor:
        step = Money(step_minor, currency)
        raise InvalidInput(
            f"{provider.name} takes amounts in {currency} in steps of {step}.", path=path
        )


def require_refundable(provider: Provider, payment: Payment) -> None:
    """Raise InvalidState where the payment's method can't be refunded."""
    if isinstance(provider, JudgesRefunds):
        obstacle = provider.refund_obstacle(payment.paid_with)
        if obstacle is not None:
            raise InvalidState(obstacle)


def session_holder(working: WorkingCopy, provider: Provider, id: str) -> AccountHolder:
    """Return the account holder of the collection that a session is for; raises NotFound and InvalidInput."""
    path = ("accountHolderId",)
    found = working.tx.holder(HolderId(id)) if id in working.collection.account_holder_ids else None
    if found is None:
        raise NotFound("The payment collection has no account holder with this id.", path=path)
    if found.provider_id != provider.id:
        raise InvalidInput(f"This account holder is one of {found.provider_id}.", path=path)
    return found


def require_same_holder(working: WorkingCopy, session: PaymentSession) -> None:
    """Raise InvalidState for a session whose customer was replaced by another one at the provider."""
    id = session.account_holder_id
    holder = None if id is None else working.tx.holder(id)
    if holder is not None and holder.reference != session.holder_reference:
        raise InvalidState(
            "The provider no longer has this session's customer; open another session."
        )


def saved_method(
    working: WorkingCopy, session: PaymentSession, id: str
) -> tuple[AccountHolder, PaymentMethod]:
    """Return a saved method that may pay for a session, never another customer's. Raises NotFound and InvalidInput."""
    path = ("paymentMethodId",)
    method = working.tx.method(MethodId(id)) if is_id(id, PAYMENT_METHOD) else None
    is_theirs = method is not None and method.holder_id in working.collection.account_holder_ids
    holder = working.tx.holder(method.holder_id) if method is not None and is_theirs else None
    if method is None or holder is None:
        raise NotFound(
            "The payment collection's account holders have no payment method with this id.",
            path=path,
        )
    if method.provider_id != session.provider_id:
        raise InvalidInput(f"This payment method is kept at {method.provider_id}.", path=path)
    if session.account_holder_id not in (None, holder.id):
        raise InvalidInput("The session is another account holder's.", path=path)
    return holder, method


def require_return_url(flow: Flow, url: str | None) -> None:
    """Raise InvalidInput for a return address that is not on an allowed origin."""
    if url is None:
        return
    if len(url) > URL_CHARACTERS or not flow.settings.is_return_url_allowed(url):
        raise InvalidInput(
            "A return address is an absolute http or https address on an allowed origin.",
            path=("returnUrl",),
        )


def require_not_canceled(working: WorkingCopy) -> None:
    """Raise InvalidState for a canceled collection."""
    if working.collection.canceled_at is not None:
        raise InvalidState("This payment collection is canceled.")
