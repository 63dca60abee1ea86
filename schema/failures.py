"""Failures, as members of the result unions."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from payments.model import entities
from schema.enums import FailureCode
from schema.scalars import Decimal

if TYPE_CHECKING:
    from schema.payment import Payment
    from schema.session import PaymentSession


@strawberry.interface(
    description=(
        "What every member of a result union that is not a success implements, so that "
        "a client that knows only this interface can still read members added later."
    )
)
class Failure:
    code: FailureCode
    message: str = strawberry.field(
        description=(
            "One sentence for a developer; never a provider's raw message, a secret or a "
            "stack trace."
        )
    )
    path: list[str] | None = strawberry.field(
        description=(
            "The input field that is at fault, as a path from the mutation's input, where "
            "there is one."
        )
    )
    retryable: bool = strawberry.field(
        description="True where sending the very same request again may succeed."
    )
    request_id: str = strawberry.field(description="Names the request in the server's log.")


@strawberry.type(
    description=(
        "A request that was refused before anything was changed or asked of a provider, "
        "or that the provider refused."
    )
)
class RequestRejected(Failure):
    maximum_amount: Decimal | None
    minimum_amount: Decimal | None


@strawberry.type(description="Why a capture or a refund failed.")
class MovementFailed(Failure):
    decline_code: str | None

    @classmethod
    def of(cls, operation: entities.Operation) -> "MovementFailed | None":
        """Return why a movement failed, if it did; the request id is that of its request."""
        failure = operation.failure
        if failure is None:
            return None
        return cls(
            code=failure.code,
            message=failure.message,
            path=None,
            retryable=failure.is_retryable,
            request_id=operation.request_id,
            decline_code=failure.decline_code,
        )


@strawberry.type
class AuthorizationFailed(Failure):
    decline_code: str | None = strawberry.field(
        description=("The provider's documented reason, such as insufficient_funds.")
    )
    maximum_amount: Decimal | None
    failed_session: Annotated["PaymentSession", strawberry.lazy("schema.session")] | None = (
        strawberry.field(description="Null where no session has that id.")
    )


@strawberry.type
class CaptureFailed(Failure):
    decline_code: str | None
    maximum_amount: Decimal | None = strawberry.field(
        description="The most that can be captured now."
    )
    affected_payment: Annotated["Payment", strawberry.lazy("schema.payment")] | None = (
        strawberry.field(description="Null where no payment has that id.")
    )


@strawberry.type
class RefundFailed(Failure):
    decline_code: str | None
    maximum_amount: Decimal | None = strawberry.field(
        description="The most that can be refunded now."
    )
    affected_payment: Annotated["Payment", strawberry.lazy("schema.payment")] | None = (
        strawberry.field(description="Null where no payment has that id.")
    )


@strawberry.type
class CancelFailed(Failure):
    affected_payment: Annotated["Payment", strawberry.lazy("schema.payment")] | None = (
        strawberry.field(description="Null where no payment has that id.")
    )
