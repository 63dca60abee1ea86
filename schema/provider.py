"""Providers, and details of payment methods."""

import strawberry

from payments.model import outcomes
from payments.model.ids import ProviderId
from schema.context import Info
from schema.scalars import JSON, CurrencyCode


@strawberry.type
class PaymentProvider:
    id: strawberry.ID = strawberry.field(
        description=("As in createPaymentSession: system, sandbox, stripe, stripe_ideal, ...")
    )
    name: str
    client_configuration: JSON = strawberry.field(
        description=(
            "What a browser needs to start this provider's own library, such as a publishable key."
        )
    )
    supported_currencies: list[CurrencyCode] | None = strawberry.field(description="Null: all.")

    @strawberry.field(
        description=(
            "A disabled provider takes no new session and no new authorization; captures, "
            "refunds, cancellations, reports and recovery go on."
        )
    )
    async def is_enabled(self, info: Info) -> bool:
        """Return whether the operator has it enabled."""
        return await info.context.is_enabled(ProviderId(str(self.id)))


@strawberry.type(description="What may be shown of a payment method.")
class PaymentMethodDetails:
    type: str = strawberry.field(description="card, ideal, oxxo, ...: the provider's word.")
    label: str = strawberry.field(
        description="One line for a person, such as: Visa ending in 4242."
    )
    brand: str | None
    last_four: str | None
    expiry_month: int | None
    expiry_year: int | None

    @classmethod
    def of(cls, paid_with: outcomes.PaidWith | None) -> "PaymentMethodDetails | None":
        """Return details of the payment method, if the provider reports them."""
        return None if paid_with is None else cls.shown(paid_with)

    @classmethod
    def shown(cls, paid_with: outcomes.PaidWith) -> "PaymentMethodDetails":
        """Return a payment method's details as the API shows them."""
        return cls(
            type=paid_with.type,
            label=paid_with.label,
            brand=paid_with.brand,
            last_four=paid_with.last_four,
            expiry_month=paid_with.expiry_month,
            expiry_year=paid_with.expiry_year,
        )
