"""Turns inputs into commands: strings and JSON are held to what every database and page can carry."""

import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

import strawberry

from payments.commands import (
    UNCHANGED,
    AuthorizePaymentSession,
    CapturePayment,
    CreateAccountHolder,
    CreatePaymentCollection,
    CreatePaymentSession,
    CreatePaymentSessions,
    CreateRefundReason,
    CreateWebhookEndpoint,
    MarkPaymentCollectionAsPaid,
    RecoverWebhookEndpoint,
    RefundPayment,
    SavePaymentMethod,
    SettleOperation,
    Unchanged,
    UpdateAccountHolder,
    UpdatePaymentCollection,
    UpdatePaymentSession,
    UpdateRefundReason,
    UpdateWebhookEndpoint,
)
from payments.errors import InvalidInput
from payments.instants import Instant
from payments.limits import (
    IDEMPOTENCY_KEY_CHARACTERS,
    METADATA_KEYS,
    TEXT_CHARACTERS,
    URL_CHARACTERS,
)
from payments.money import is_currency, is_known_currency
from payments.outcomes import JsonObject
from payments.private import check_metadata, refuse_card_number
from payments.statuses import EventType
from resolvers.pages import given
from schema import inputs

Value = TypeVar("Value")

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
UNPRINTABLE_IN_PROSE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Line breaks and tabs are what people write."""
REASON_CODE = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
KEY = re.compile(rf"[\x20-\x7e]{{1,{IDEMPOTENCY_KEY_CHARACTERS}}}", re.ASCII)


def _text(value: str | None, name: str, unprintable: re.Pattern[str] = UNPRINTABLE) -> str | None:
    value = given(value)
    if value is None:
        return None
    if len(value) > TEXT_CHARACTERS or unprintable.search(value):
        besides = "" if unprintable is UNPRINTABLE else " but line breaks and tabs"
        raise InvalidInput(
            f"A text has at most {TEXT_CHARACTERS} characters and no control characters{besides}.",
            path=(name,),
        )
    return value


def _object(value: object, name: str) -> JsonObject | None:
    value = given(value)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise InvalidInput("A JSON object is needed here.", path=(name,))
    if len(value) > METADATA_KEYS:
        raise InvalidInput(f"At most {METADATA_KEYS} keys.", path=(name,))
    return cast(JsonObject, value)


def _metadata(value: object) -> JsonObject | None:
    metadata = _object(value, "metadata")
    if metadata is not None:
        check_metadata(metadata, ("metadata",))
    return metadata


def _written(value: str | None, name: str) -> str | None:
    """Take what a person writes. What a shop's system makes, such as a reference, may look like a card's number."""
    return _without_card_number(_text(value, name), name)


def _prose(value: str | None, name: str) -> str | None:
    """Take what a person writes and may break into lines."""
    return _without_card_number(_text(value, name, UNPRINTABLE_IN_PROSE), name)


def _without_card_number(text: str | None, name: str) -> str | None:
    if text is not None:
        refuse_card_number(text, (name,))
    return text


def _key(value: str | None) -> str | None:
    value = given(value)
    if value is not None and KEY.fullmatch(value) is None:
        raise InvalidInput(
            f"An idempotency key is 1 to {IDEMPOTENCY_KEY_CHARACTERS} printable ASCII characters.",
            path=("idempotencyKey",),
        )
    return value


def _currency(code: str, *, is_right: Callable[[str], bool] = is_currency) -> str:
    if not is_right(code):
        raise InvalidInput(
            "An ISO 4217 code of a currency in use, such as USD.", path=("currencyCode",)
        )
    return code


def _amount(value: Any) -> Any:
    return given(value)


def _update(value: Any, parsed: Value, name: str, *, may_be_empty: bool) -> Value | Unchanged:
    """Leave a field alone that is left out; null empties it where it may be empty."""
    if value is strawberry.UNSET:
        return UNCHANGED
    if value is None and not may_be_empty:
        raise InvalidInput("This can't be emptied; leave it out to keep it.", path=(name,))
    return parsed


def create_collection(input: inputs.CreatePaymentCollectionInput) -> CreatePaymentCollection:
    """Parse what opens a collection; raises InvalidInput."""
    return CreatePaymentCollection(
        currency=_currency(input.currency_code),
        amount=cast(Any, input.amount),
        reference=_text(input.reference, "reference"),
        region_id=_text(input.region_id, "regionId"),
        metadata=_metadata(input.metadata),
        account_holder_ids=tuple(given(input.account_holder_ids) or ()),
        allows_split_payment=bool(given(input.allows_split_payment)),
        idempotency_key=_key(input.idempotency_key),
    )


def update_collection(input: inputs.UpdatePaymentCollectionInput) -> UpdatePaymentCollection:
    """Parse what changes a collection; raises InvalidInput."""
    reference = _text(input.reference, "reference")
    region_id = _text(input.region_id, "regionId")
    metadata = _metadata(input.metadata) or {}
    split = bool(given(input.allows_split_payment))
    return UpdatePaymentCollection(
        id=input.id,
        amount=_update(input.amount, _amount(input.amount), "amount", may_be_empty=False),
        reference=_update(input.reference, reference, "reference", may_be_empty=True),
        region_id=_update(input.region_id, region_id, "regionId", may_be_empty=True),
        metadata=_update(input.metadata, metadata, "metadata", may_be_empty=True),
        account_holder_ids=_update(
            input.account_holder_ids,
            tuple(given(input.account_holder_ids) or ()),
            "accountHolderIds",
            may_be_empty=True,
        ),
        allows_split_payment=_update(
            input.allows_split_payment, split, "allowsSplitPayment", may_be_empty=False
        ),
    )


def mark_as_paid(input: inputs.MarkPaymentCollectionAsPaidInput) -> MarkPaymentCollectionAsPaid:
    """Parse what marks a collection as paid; raises InvalidInput."""
    return MarkPaymentCollectionAsPaid(
        id=input.id,
        created_by=_written(input.created_by, "createdBy"),
        idempotency_key=_required_key(input.idempotency_key),
    )


def create_session(input: inputs.CreatePaymentSessionInput) -> CreatePaymentSession:
    """Parse what opens a session; raises InvalidInput."""
    currency = given(input.currency_code)
    return CreatePaymentSession(
        collection_id=input.payment_collection_id,
        provider_id=input.provider_id,
        amount=_amount(input.amount),
        # The collection's own, whether that is in use yet or not.
        currency=None if currency is None else _currency(currency, is_right=is_known_currency),
        data=_object(input.data, "data"),
        metadata=_metadata(input.metadata),
        account_holder_id=given(input.account_holder_id),
        return_url=given(input.return_url),
        idempotency_key=_key(input.idempotency_key),
    )


def create_sessions(input: inputs.CreatePaymentSessionsInput) -> CreatePaymentSessions:
    """Parse what opens a session with each provider; raises InvalidInput."""
    provider_ids = given(input.provider_ids)
    return CreatePaymentSessions(
        collection_id=input.payment_collection_id,
        provider_ids=None if provider_ids is None else tuple(provider_ids),
        return_url=given(input.return_url),
        idempotency_key=_key(input.idempotency_key),
    )


def create_holder(input: inputs.CreateAccountHolderInput) -> CreateAccountHolder:
    """Parse what makes a customer known; raises InvalidInput."""
    customer = _text(input.customer_reference, "customerReference")
    if not customer or customer.isspace():
        raise InvalidInput(
            "Name the customer, such as by their id in the shop.", path=("customerReference",)
        )
    return CreateAccountHolder(
        provider_id=input.provider_id,
        customer_reference=customer,
        email=_email(input.email),
        name=_written(input.name, "name"),
        metadata=_metadata(input.metadata),
        idempotency_key=_key(input.idempotency_key),
    )


def update_holder(input: inputs.UpdateAccountHolderInput) -> UpdateAccountHolder:
    """Parse what changes what is known of a customer; raises InvalidInput."""
    email, name = _email(input.email), _written(input.name, "name")
    metadata = _metadata(input.metadata) or {}
    return UpdateAccountHolder(
        id=input.id,
        email=_update(input.email, email, "email", may_be_empty=True),
        name=_update(input.name, name, "name", may_be_empty=True),
        metadata=_update(input.metadata, metadata, "metadata", may_be_empty=True),
    )


def save_method(input: inputs.SavePaymentMethodInput) -> SavePaymentMethod:
    """Parse what saves a payment method; raises InvalidInput."""
    return SavePaymentMethod(
        account_holder_id=input.account_holder_id,
        data=_object(input.data, "data"),
        setup_id=given(input.setup_id),
        idempotency_key=_key(input.idempotency_key),
    )


def create_reason(input: inputs.CreateRefundReasonInput) -> CreateRefundReason:
    """Parse what adds a refund reason; raises InvalidInput."""
    if REASON_CODE.fullmatch(input.code) is None:
        raise InvalidInput(
            "A code is a lower-case letter followed by at most 62 lower-case letters, digits and underscores.",
            path=("code",),
        )
    return CreateRefundReason(
        code=input.code,
        label=_label(input.label),
        description=_prose(input.description, "description"),
    )


def update_reason(input: inputs.UpdateRefundReasonInput) -> UpdateRefundReason:
    """Parse what changes a refund reason; raises InvalidInput."""
    label = "" if given(input.label) is None else _label(input.label)
    description = _prose(input.description, "description")
    return UpdateRefundReason(
        id=input.id,
        label=_update(input.label, label, "label", may_be_empty=False),
        description=_update(input.description, description, "description", may_be_empty=True),
    )


def create_endpoint(input: inputs.CreateWebhookEndpointInput) -> CreateWebhookEndpoint:
    """Parse what registers a webhook endpoint; raises InvalidInput."""
    return CreateWebhookEndpoint(
        url=_url(input.url),
        event_types=_event_types(input.event_types),
        description=_prose(input.description, "description"),
    )


def update_endpoint(input: inputs.UpdateWebhookEndpointInput) -> UpdateWebhookEndpoint:
    """Parse what changes a webhook endpoint; raises InvalidInput."""
    url, is_enabled = given(input.url), given(input.is_enabled)
    types, description = (
        _event_types(input.event_types),
        _prose(input.description, "description"),
    )
    return UpdateWebhookEndpoint(
        id=input.id,
        url=_update(input.url, "" if url is None else _url(url), "url", may_be_empty=False),
        event_types=_update(input.event_types, types, "eventTypes", may_be_empty=True),
        description=_update(input.description, description, "description", may_be_empty=True),
        is_enabled=_update(input.is_enabled, is_enabled is True, "isEnabled", may_be_empty=False),
    )


def recover_endpoint(input: inputs.RecoverWebhookEndpointInput) -> RecoverWebhookEndpoint:
    """Parse what sends again what failed."""
    return RecoverWebhookEndpoint(id=input.id, since=Instant(input.since))


def _url(value: str) -> str:
    if len(value) > URL_CHARACTERS:
        raise InvalidInput(f"At most {URL_CHARACTERS} characters.", path=("url",))
    return value


def _event_types(types: list[EventType] | None) -> tuple[EventType, ...] | None:
    types = given(types)
    if types is None:
        return None
    if not types:
        raise InvalidInput("At least one type; all are meant by null.", path=("eventTypes",))
    return tuple(dict.fromkeys(types))


def _label(value: str | None) -> str:
    label = _written(value, "label")
    if not label or label.isspace():
        raise InvalidInput("A label is what people read, such as: Goods returned.", path=("label",))
    return label


def _email(value: str | None) -> str | None:
    value = _written(value, "email")
    if value is not None and EMAIL.fullmatch(value) is None:
        raise InvalidInput("An e-mail address, such as ada@example.com.", path=("email",))
    return value


def update_session(input: inputs.UpdatePaymentSessionInput) -> UpdatePaymentSession:
    """Parse what changes a session; raises InvalidInput."""
    data = _object(input.data, "data") or {}
    metadata = _metadata(input.metadata) or {}
    return UpdatePaymentSession(
        id=input.id,
        amount=_update(input.amount, _amount(input.amount), "amount", may_be_empty=False),
        data=_update(input.data, data, "data", may_be_empty=True),
        metadata=_update(input.metadata, metadata, "metadata", may_be_empty=True),
        return_url=_update(
            input.return_url, given(input.return_url), "returnUrl", may_be_empty=True
        ),
    )


def authorize_session(input: inputs.AuthorizePaymentSessionInput) -> AuthorizePaymentSession:
    """Parse what authorizes a session; raises InvalidInput."""
    return AuthorizePaymentSession(
        id=input.id,
        data=_object(input.data, "data"),
        payment_method_id=given(input.payment_method_id),
        idempotency_key=_key(input.idempotency_key),
    )


def settle_operation(input: inputs.SettleOperationInput) -> SettleOperation:
    """Parse a person's word on an operation; raises InvalidInput."""
    evidence = _written(input.evidence, "evidence")
    if not evidence or evidence.isspace():
        raise InvalidInput(
            "Say what this rests on, such as the provider's reference.", path=("evidence",)
        )
    return SettleOperation(
        id=input.id,
        outcome=input.outcome,
        evidence=evidence,
        idempotency_key=_required_key(input.idempotency_key),
    )


def _required_key(value: str) -> str:
    key = _key(value)
    assert key is not None
    return key


def capture_payment(input: inputs.CapturePaymentInput) -> CapturePayment:
    """Parse what captures a payment; raises InvalidInput."""
    return CapturePayment(
        payment_id=input.payment_id,
        amount=_amount(input.amount),
        is_final=bool(given(input.is_final)),
        created_by=_written(input.created_by, "createdBy"),
        metadata=_metadata(input.metadata),
        idempotency_key=_required_key(input.idempotency_key),
    )


def refund_payment(input: inputs.RefundPaymentInput) -> RefundPayment:
    """Parse what refunds a payment; raises InvalidInput."""
    return RefundPayment(
        payment_id=input.payment_id,
        amount=_amount(input.amount),
        reason_id=given(input.reason_id),
        note=_prose(input.note, "note"),
        created_by=_written(input.created_by, "createdBy"),
        metadata=_metadata(input.metadata),
        idempotency_key=_required_key(input.idempotency_key),
    )
