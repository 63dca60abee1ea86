"""The interface that every object has in common."""

import strawberry


@strawberry.interface
class Node:
    id: strawberry.ID = strawberry.field(
        description=(
            "A prefixed ULID; the prefix tells the kind: pay_col_, payses_, pay_, capt_, "
            "ref_, refr_, acchld_, paymtd_, evt_. As an argument any string is allowed; one "
            "that is malformed, unknown or another caller's is not found."
        )
    )
