"""The inputs of mutations and the filters of lists. A missing field is UNSET; null is distinct from it."""

import strawberry

from payments.model.statuses import CollectionStatus, PaymentStatus
from schema.enums import PaymentEventType, SettledOutcome
from schema.scalars import JSON, CurrencyCode, DateTime, Decimal


@strawberry.input
class CreatePaymentCollectionInput:
    """The input of createPaymentCollection."""

    currency_code: CurrencyCode
    amount: Decimal
    reference: str | None = strawberry.UNSET
    region_id: str | None = strawberry.UNSET
    metadata: JSON | None = strawberry.UNSET
    account_holder_ids: list[strawberry.ID] | None = strawberry.field(
        description="Whose saved methods may pay for it.", default=strawberry.UNSET
    )
    allows_split_payment: bool | None = False
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input
class UpdatePaymentCollectionInput:
    """The input of updatePaymentCollection."""

    id: strawberry.ID
    amount: Decimal | None = strawberry.field(
        description="Not below authorizedAmount and what is in flight.", default=strawberry.UNSET
    )
    reference: str | None = strawberry.UNSET
    region_id: str | None = strawberry.UNSET
    metadata: JSON | None = strawberry.UNSET
    account_holder_ids: list[strawberry.ID] | None = strawberry.UNSET
    allows_split_payment: bool | None = strawberry.UNSET


@strawberry.input(
    description=(
        "Cancels every open session and every payment; refused once anything is "
        "captured (INVALID_STATE) or while a capture is pending (IN_PROGRESS). The "
        "decision is final as soon as it is answered: what gateways still owe shows on "
        "the payments and is finished by recovery. A canceled collection answers with "
        "itself."
    )
)
class CancelPaymentCollectionInput:
    id: strawberry.ID


@strawberry.input(
    description=(
        "Settles what is outstanding outside of any gateway: a system payment, authorized and captured."
    )
)
class MarkPaymentCollectionAsPaidInput:
    id: strawberry.ID
    created_by: str | None = strawberry.UNSET
    idempotency_key: str


@strawberry.input(description="Ends the collection's client secret and answers with a new one.")
class RotateClientSecretInput:
    payment_collection_id: strawberry.ID


@strawberry.input
class CreatePaymentSessionInput:
    """The input of createPaymentSession."""

    payment_collection_id: strawberry.ID
    provider_id: strawberry.ID
    amount: Decimal | None = strawberry.field(
        description="The collection's outstandingAmount where left out.", default=strawberry.UNSET
    )
    currency_code: CurrencyCode | None = strawberry.field(
        description="Must be the collection's where given.", default=strawberry.UNSET
    )
    data: JSON | None = strawberry.field(
        description="What the provider needs; its own documented keys.", default=strawberry.UNSET
    )
    metadata: JSON | None = strawberry.UNSET
    account_holder_id: strawberry.ID | None = strawberry.field(
        description="One of the collection's.", default=strawberry.UNSET
    )
    return_url: str | None = strawberry.field(
        description=("Where the customer comes back to after a redirect; on an allowed origin."),
        default=strawberry.UNSET,
    )
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input(
    description=("One session for each provider, so that the customer can choose; all or none.")
)
class CreatePaymentSessionsInput:
    payment_collection_id: strawberry.ID
    provider_ids: list[strawberry.ID] | None = strawberry.field(
        description="Every provider that the caller can use where left out.",
        default=strawberry.UNSET,
    )
    return_url: str | None = strawberry.UNSET
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input(
    description=(
        "Only while PENDING or ERROR, or REQUIRES_MORE before any attempt (a session "
        "that its provider opened for the browser); the provider's object is changed "
        "with it."
    )
)
class UpdatePaymentSessionInput:
    id: strawberry.ID
    amount: Decimal | None = strawberry.UNSET
    data: JSON | None = strawberry.UNSET
    metadata: JSON | None = strawberry.UNSET
    return_url: str | None = strawberry.UNSET


@strawberry.input(
    description=("Closes a session that is not authorized; it stays readable as CANCELED.")
)
class CancelPaymentSessionInput:
    id: strawberry.ID


@strawberry.input(
    description=(
        "Authorizes the session's amount. A session makes at most one payment, so "
        "calling again, at the same time or later, is safe: it joins the attempt under "
        "way, answers with the payment, or goes on from the customer's action. After a "
        "failed attempt it is a new attempt, unless it bears the failed one's key "
        "(which asks again only after PROVIDER_UNAVAILABLE)."
    )
)
class AuthorizePaymentSessionInput:
    id: strawberry.ID
    data: JSON | None = strawberry.field(
        description=("What the provider needs now, such as a payment method's token."),
        default=strawberry.UNSET,
    )
    payment_method_id: strawberry.ID | None = strawberry.field(
        description="A saved method of one of the collection's account holders.",
        default=strawberry.UNSET,
    )
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input
class CapturePaymentInput:
    """The input of capturePayment."""

    payment_id: strawberry.ID
    amount: Decimal | None = strawberry.field(
        description="All that can be captured where left out. Zero is refused.",
        default=strawberry.UNSET,
    )
    is_final: bool | None = strawberry.field(
        description="Gives back what this capture leaves uncaptured.", default=False
    )
    created_by: str | None = strawberry.UNSET
    metadata: JSON | None = strawberry.UNSET
    idempotency_key: str


@strawberry.input
class RefundPaymentInput:
    """The input of refundPayment."""

    payment_id: strawberry.ID
    amount: Decimal | None = strawberry.field(
        description="All that can be refunded where left out. Zero is refused.",
        default=strawberry.UNSET,
    )
    reason_id: strawberry.ID | None = strawberry.UNSET
    note: str | None = strawberry.UNSET
    created_by: str | None = strawberry.UNSET
    metadata: JSON | None = strawberry.UNSET
    idempotency_key: str


@strawberry.input(
    description=(
        "Gives back what is authorized and not captured. With nothing captured the "
        "payment becomes CANCELED; otherwise what was captured stands and "
        "capturableAmount becomes zero. INVALID_STATE where there is nothing to give "
        "back. A canceled payment answers with itself."
    )
)
class CancelPaymentInput:
    payment_id: strawberry.ID


@strawberry.input(description="Asks the provider now instead of at nextAttemptAt.")
class AskAgainInput:
    id: strawberry.ID


@strawberry.input(
    description=(
        "For what recovery could not settle. The evidence, such as the provider's "
        "reference, goes into the log."
    )
)
class SettleOperationInput:
    id: strawberry.ID
    outcome: SettledOutcome
    evidence: str
    idempotency_key: str


@strawberry.input
class UpdatePaymentProviderInput:
    """The input of updatePaymentProvider."""

    id: strawberry.ID
    is_enabled: bool


@strawberry.input(
    description=(
        "Creating it again for the same customer and provider answers with the holder that is there."
    )
)
class CreateAccountHolderInput:
    provider_id: strawberry.ID
    customer_reference: str
    email: str | None = strawberry.UNSET
    name: str | None = strawberry.UNSET
    metadata: JSON | None = strawberry.UNSET
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input
class UpdateAccountHolderInput:
    """The input of updateAccountHolder."""

    id: strawberry.ID
    email: str | None = strawberry.UNSET
    name: str | None = strawberry.UNSET
    metadata: JSON | None = strawberry.UNSET


@strawberry.input(
    description="Deletes the customer at the provider too, with every saved payment method."
)
class DeleteAccountHolderInput:
    id: strawberry.ID


@strawberry.input
class SavePaymentMethodInput:
    """The input of savePaymentMethod."""

    account_holder_id: strawberry.ID
    data: JSON | None = strawberry.field(
        description="What the provider needs; its own documented keys.", default=strawberry.UNSET
    )
    setup_id: strawberry.ID | None = strawberry.field(
        description="From SaveRequiresAction: goes on after the customer's action.",
        default=strawberry.UNSET,
    )
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input
class DeletePaymentMethodInput:
    """The input of deletePaymentMethod."""

    id: strawberry.ID


@strawberry.input
class CreateRefundReasonInput:
    """The input of createRefundReason."""

    code: str
    label: str
    description: str | None = strawberry.UNSET


@strawberry.input
class UpdateRefundReasonInput:
    """The input of updateRefundReason."""

    id: strawberry.ID
    label: str | None = strawberry.UNSET
    description: str | None = strawberry.UNSET


@strawberry.input(
    description="Takes it off the list; the refunds that were made for it keep showing it."
)
class DeleteRefundReasonInput:
    id: strawberry.ID


@strawberry.input
class CreateWebhookEndpointInput:
    """The input of createWebhookEndpoint."""

    url: str = strawberry.field(
        description=(
            "An https address. Into private networks, and without TLS, only where"
            " TILLGRAPH_WEBHOOKS_ALLOW_PRIVATE is set."
        )
    )
    event_types: list[PaymentEventType] | None = strawberry.field(
        description="All where left out.", default=strawberry.UNSET
    )
    description: str | None = strawberry.UNSET


@strawberry.input
class UpdateWebhookEndpointInput:
    """The input of updateWebhookEndpoint."""

    id: strawberry.ID
    url: str | None = strawberry.UNSET
    event_types: list[PaymentEventType] | None = strawberry.field(
        description="Null: all.", default=strawberry.UNSET
    )
    description: str | None = strawberry.UNSET
    is_enabled: bool | None = strawberry.UNSET


@strawberry.input(description="Deletes its deliveries too.")
class DeleteWebhookEndpointInput:
    id: strawberry.ID


@strawberry.input(description="The secret before signs beside the new one for a day.")
class RotateWebhookSecretInput:
    id: strawberry.ID


@strawberry.input(
    description=(
        "Sends one delivery again, whatever became of it: by itself, so that it may pass others of its"
        " collection. Where it is pending, its collection's next event is tried now."
    )
)
class RedeliverWebhookInput:
    id: strawberry.ID


@strawberry.input(
    description=(
        "Sends what was missed, each collection's events in order: what failed, what happened while the endpoint"
        " was disabled, and at once what waits for its next attempt. At most 1,000 of each, the oldest first: call"
        " again while there is more."
    )
)
class RecoverWebhookEndpointInput:
    id: strawberry.ID
    since: DateTime = strawberry.field(description="At most 30 days ago.")


@strawberry.input(description="From an instant on, and before another one.")
class DateTimeRange:
    from_: DateTime | None = strawberry.field(default=strawberry.UNSET, name="from")
    to: DateTime | None = strawberry.UNSET


@strawberry.input(
    description="All that is given has to hold. An empty list matches nothing; null is as if left out."
)
class PaymentCollectionFilter:
    ids: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="At most 100."
    )
    statuses: list[CollectionStatus] | None = strawberry.UNSET
    reference: str | None = strawberry.UNSET
    region_id: str | None = strawberry.UNSET
    currency_code: CurrencyCode | None = strawberry.UNSET
    created_at: DateTimeRange | None = strawberry.UNSET


@strawberry.input(
    description="All that is given has to hold. An empty list matches nothing; null is as if left out."
)
class PaymentFilter:
    ids: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="At most 100."
    )
    statuses: list[PaymentStatus] | None = strawberry.UNSET
    payment_collection_id: strawberry.ID | None = strawberry.UNSET
    provider_id: strawberry.ID | None = strawberry.UNSET
    currency_code: CurrencyCode | None = strawberry.UNSET
    created_at: DateTimeRange | None = strawberry.UNSET
