"""The results of mutations: unions with a member for every expected outcome."""

from typing import Annotated

import strawberry

from schema.account_holder import AccountHolder, PaymentMethod
from schema.actions import RequiredAction
from schema.collection import PaymentCollection
from schema.failures import (
    AuthorizationFailed,
    CancelFailed,
    CaptureFailed,
    RefundFailed,
    RequestRejected,
)
from schema.payment import Capture, Payment, Refund
from schema.provider import PaymentProvider
from schema.refund_reason import RefundReason
from schema.session import PaymentSession
from schema.unsettled import UnsettledOperation
from schema.webhook import WebhookDelivery, WebhookEndpoint


@strawberry.type
class PaymentSessionsCreated:
    payment_sessions: list[PaymentSession]


@strawberry.type
class RequiresMoreAction:
    payment_session: PaymentSession
    action: RequiredAction


@strawberry.type(
    description=(
        "The outcome is not known yet and the amount stays reserved. The same key asks "
        "again; never take another."
    )
)
class CapturePending:
    payment: Payment
    capture: Capture
    retry_after_seconds: int


@strawberry.type(
    description=(
        "The provider has taken the refund and not finished it, or its answer is not "
        "known; the amount stays reserved."
    )
)
class RefundPending:
    payment: Payment
    refund: Refund
    retry_after_seconds: int


@strawberry.type
class CancelPending:
    payment: Payment
    retry_after_seconds: int


@strawberry.type
class SaveRequiresAction:
    setup_id: strawberry.ID
    action: RequiredAction


@strawberry.type
class Deleted:
    id: strawberry.ID


@strawberry.type
class Settled:
    payment_session: PaymentSession
    payment: Payment | None


CreatePaymentCollectionResult = Annotated[
    PaymentCollection | RequestRejected,
    strawberry.union("CreatePaymentCollectionResult"),
]
UpdatePaymentCollectionResult = Annotated[
    PaymentCollection | RequestRejected,
    strawberry.union("UpdatePaymentCollectionResult"),
]
CancelPaymentCollectionResult = Annotated[
    PaymentCollection | RequestRejected,
    strawberry.union("CancelPaymentCollectionResult"),
]
MarkPaymentCollectionAsPaidResult = Annotated[
    PaymentCollection | RequestRejected,
    strawberry.union("MarkPaymentCollectionAsPaidResult"),
]
RotateClientSecretResult = Annotated[
    PaymentCollection | RequestRejected,
    strawberry.union("RotateClientSecretResult"),
]
CreatePaymentSessionResult = Annotated[
    PaymentSession | RequestRejected,
    strawberry.union("CreatePaymentSessionResult"),
]
CreatePaymentSessionsResult = Annotated[
    PaymentSessionsCreated | RequestRejected,
    strawberry.union("CreatePaymentSessionsResult"),
]
UpdatePaymentSessionResult = Annotated[
    PaymentSession | RequestRejected,
    strawberry.union("UpdatePaymentSessionResult"),
]
CancelPaymentSessionResult = Annotated[
    PaymentSession | RequestRejected,
    strawberry.union("CancelPaymentSessionResult"),
]
AuthorizePaymentSessionResult = Annotated[
    Payment | RequiresMoreAction | AuthorizationFailed,
    strawberry.union("AuthorizePaymentSessionResult"),
]
CapturePaymentResult = Annotated[
    Payment | CapturePending | CaptureFailed,
    strawberry.union("CapturePaymentResult"),
]
RefundPaymentResult = Annotated[
    Payment | RefundPending | RefundFailed,
    strawberry.union("RefundPaymentResult"),
]
CancelPaymentResult = Annotated[
    Payment | CancelPending | CancelFailed,
    strawberry.union("CancelPaymentResult"),
]
AskAgainResult = Annotated[
    Settled | UnsettledOperation | RequestRejected,
    strawberry.union("AskAgainResult"),
]
SettleOperationResult = Annotated[
    Settled | RequestRejected,
    strawberry.union("SettleOperationResult"),
]
UpdatePaymentProviderResult = Annotated[
    PaymentProvider | RequestRejected,
    strawberry.union("UpdatePaymentProviderResult"),
]
CreateAccountHolderResult = Annotated[
    AccountHolder | RequestRejected,
    strawberry.union("CreateAccountHolderResult"),
]
UpdateAccountHolderResult = Annotated[
    AccountHolder | RequestRejected,
    strawberry.union("UpdateAccountHolderResult"),
]
DeleteAccountHolderResult = Annotated[
    Deleted | RequestRejected,
    strawberry.union("DeleteAccountHolderResult"),
]
SavePaymentMethodResult = Annotated[
    PaymentMethod | SaveRequiresAction | RequestRejected,
    strawberry.union("SavePaymentMethodResult"),
]
DeletePaymentMethodResult = Annotated[
    Deleted | RequestRejected,
    strawberry.union("DeletePaymentMethodResult"),
]
CreateRefundReasonResult = Annotated[
    RefundReason | RequestRejected,
    strawberry.union("CreateRefundReasonResult"),
]
UpdateRefundReasonResult = Annotated[
    RefundReason | RequestRejected,
    strawberry.union("UpdateRefundReasonResult"),
]
DeleteRefundReasonResult = Annotated[
    Deleted | RequestRejected,
    strawberry.union("DeleteRefundReasonResult"),
]
CreateWebhookEndpointResult = Annotated[
    WebhookEndpoint | RequestRejected,
    strawberry.union("CreateWebhookEndpointResult"),
]
UpdateWebhookEndpointResult = Annotated[
    WebhookEndpoint | RequestRejected,
    strawberry.union("UpdateWebhookEndpointResult"),
]
DeleteWebhookEndpointResult = Annotated[
    Deleted | RequestRejected,
    strawberry.union("DeleteWebhookEndpointResult"),
]
RotateWebhookSecretResult = Annotated[
    WebhookEndpoint | RequestRejected,
    strawberry.union("RotateWebhookSecretResult"),
]
RedeliverWebhookResult = Annotated[
    WebhookDelivery | RequestRejected,
    strawberry.union("RedeliverWebhookResult"),
]
RecoverWebhookEndpointResult = Annotated[
    WebhookEndpoint | RequestRejected,
    strawberry.union("RecoverWebhookEndpointResult"),
]
