"""Parsers of the filters of lists."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from payments.model.errors import InvalidInput
from payments.model.ids import COLLECTION, PAYMENT, CollectionId, PaymentId, is_id
from payments.model.instants import Instant
from payments.model.money import is_known_currency
from payments.model.texts import is_storable
from payments.ports.lists import CollectionFilter, PaymentFilter, Stretch
from resolvers.pages import LARGEST_PAGE, given
from schema import inputs

Value = TypeVar("Value")


def collections_wanted(given_filter: inputs.PaymentCollectionFilter | None) -> CollectionFilter:
    """Parse the filter of a list of collections; raises InvalidInput."""
    wanted = given(given_filter)
    if wanted is None:
        return CollectionFilter()
    return CollectionFilter(
        ids=_ids(wanted.ids, COLLECTION, CollectionId),
        statuses=_once(wanted.statuses),
        reference=_text(wanted.reference, "reference"),
        region_id=_text(wanted.region_id, "regionId"),
        currency=_currency(wanted.currency_code),
    )


def payments_wanted(given_filter: inputs.PaymentFilter | None) -> PaymentFilter:
    """Parse the filter of a list of payments; raises InvalidInput."""
    wanted = given(given_filter)
    if wanted is None:
        return PaymentFilter()
    collection_id = given(wanted.payment_collection_id)
    ids = _ids(wanted.ids, PAYMENT, PaymentId)
    if collection_id is not None and not is_id(collection_id, COLLECTION):
        ids = []
        collection_id = None
    return PaymentFilter(
        ids=ids,
        statuses=_once(wanted.statuses),
        collection_id=None if collection_id is None else CollectionId(collection_id),
        provider_id=_text(wanted.provider_id, "providerId"),
        currency=_currency(wanted.currency_code),
    )


def created_within(
    wanted: inputs.PaymentCollectionFilter | inputs.PaymentFilter | None,
) -> Stretch:
    """Parse a range of creation times; raises InvalidInput."""
    span = given(wanted.created_at) if wanted else None
    if span is None:
        return Stretch()
    since, until = given(span.from_), given(span.to)
    if since is not None and until is not None and since > until:
        raise InvalidInput("filter.createdAt: from is later than to.", path=("filter", "createdAt"))
    return Stretch().within(
        None if since is None else Instant(since), None if until is None else Instant(until)
    )


def _ids(
    ids: Sequence[str] | None, prefix: str, kind: Callable[[str], Value]
) -> list[Value] | None:
    """Return the ids that an object can have."""
    ids = given(ids)
    if ids is None:
        return None
    if len(ids) > LARGEST_PAGE:
        raise InvalidInput(f"filter.ids: at most {LARGEST_PAGE} ids.", path=("filter", "ids"))
    return [kind(id) for id in ids if is_id(id, prefix)]


def _once(statuses: Sequence[Value] | None) -> list[Value] | None:
    """Return each status once: a status given twice would repeat its rows."""
    statuses = given(statuses)
    return None if statuses is None else list(dict.fromkeys(statuses))


def _text(text: str | None, name: str) -> str | None:
    text = given(text)
    if text is not None and not is_storable(text):
        raise InvalidInput(
            f"filter.{name}: a text without control characters.", path=("filter", name)
        )
    return text


def _currency(code: str | None) -> str | None:
    code = given(code)
    if code is not None and not is_known_currency(code):
        raise InvalidInput(
            "filter.currencyCode: an ISO 4217 code, such as USD.",
            path=("filter", "currencyCode"),
        )
    return code
