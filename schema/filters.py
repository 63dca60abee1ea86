"""The filters of lists."""

import strawberry

from payments.model.statuses import CollectionStatus, PaymentStatus
from schema.scalars import CurrencyCode, DateTime


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
