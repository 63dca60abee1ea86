"""The next actions of a customer's browser."""

from typing import Annotated

import strawberry

from schema.scalars import JSON, DateTime


@strawberry.interface(
    description=(
        "What a customer's browser does next. A client that does not know a member "
        "opens fallbackUrl."
    )
)
class CustomerAction:
    kind: str = strawberry.field(
        description="REDIRECT, SDK, INSTRUCTIONS, WAIT, or a word added later."
    )
    expires_at: DateTime | None
    fallback_url: str | None = strawberry.field(
        description=("A page of this server that carries the action out; null where there is none.")
    )


@strawberry.type(
    description=(
        "Send the customer to this address; they come back to the session's return address."
    )
)
class RedirectToUrl(CustomerAction):
    url: str


@strawberry.type(description="Hand this to the provider's own library in the browser.")
class ConfirmWithSdk(CustomerAction):
    client_secret: str
    publishable_key: str | None


@strawberry.type(description=("Show this to the customer: a voucher, a bank account, a QR code."))
class DisplayInstructions(CustomerAction):
    instructions: JSON


@strawberry.type(
    description=(
        "Nothing to do but wait: subscribe to the collection's updates, or ask again later."
    )
)
class AwaitProvider(CustomerAction):
    retry_after_seconds: int


RequiredAction = Annotated[
    RedirectToUrl | ConfirmWithSdk | DisplayInstructions | AwaitProvider,
    strawberry.union("RequiredAction"),
]
