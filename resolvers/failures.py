"""Refusals and failed outcomes as members of the result unions."""

from typing import TypedDict

from payments.model.failures import Failure, FailureCode
from payments.model.money import Money
from schema.failures import (
    AuthorizationFailed,
    CancelFailed,
    CaptureFailed,
    RefundFailed,
    RequestRejected,
)
from schema.payment import Payment
from schema.scalars import Decimal
from schema.session import PaymentSession


def _optional(money: Money | None) -> Decimal | None:
    return None if money is None else Decimal(money)


class _Common(TypedDict):
    """The fields of every failure."""

    code: FailureCode
    message: str
    path: list[str] | None
    retryable: bool
    request_id: str


def _common(failure: Failure, request_id: str) -> _Common:
    return {
        "code": failure.code,
        "message": failure.message,
        "path": None if failure.path is None else list(failure.path),
        "retryable": failure.is_retryable,
        "request_id": request_id,
    }


def rejected(failure: Failure, request_id: str) -> RequestRejected:
    """Return a refused request."""
    return RequestRejected(
        **_common(failure, request_id),
        maximum_amount=_optional(failure.maximum),
        minimum_amount=_optional(failure.minimum),
    )


def authorization_failed(
    failure: Failure, request_id: str, session: PaymentSession | None
) -> AuthorizationFailed:
    """Return a failed authorization."""
    return AuthorizationFailed(
        **_common(failure, request_id),
        decline_code=failure.decline_code,
        maximum_amount=_optional(failure.maximum),
        failed_session=session,
    )


def capture_failed(failure: Failure, request_id: str, payment: Payment | None) -> CaptureFailed:
    """Return a failed capture."""
    return CaptureFailed(
        **_common(failure, request_id),
        decline_code=failure.decline_code,
        maximum_amount=_optional(failure.maximum),
        affected_payment=payment,
    )


def refund_failed(failure: Failure, request_id: str, payment: Payment | None) -> RefundFailed:
    """Return a failed refund."""
    return RefundFailed(
        **_common(failure, request_id),
        decline_code=failure.decline_code,
        maximum_amount=_optional(failure.maximum),
        affected_payment=payment,
    )


def cancel_failed(failure: Failure, request_id: str, payment: Payment | None) -> CancelFailed:
    """Return a failed cancellation."""
    return CancelFailed(**_common(failure, request_id), affected_payment=payment)
