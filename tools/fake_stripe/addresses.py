"""Stripe's own addresses: the parameters that each one takes, and what it does."""

from collections.abc import Callable

from stripe import params

from tools.fake_stripe import objects
from tools.fake_stripe.gateway import Gateway
from tools.fake_stripe.refusals import invalid
from tools.fake_stripe.store import Body

INTENTS = "/v1/payment_intents"
REFUNDS = "/v1/refunds"
DISPUTES = "/v1/disputes"
CUSTOMERS = "/v1/customers"
METHODS = "/v1/payment_methods"
SETUPS = "/v1/setup_intents"
EVENTS = "/v1/events"

MOST_TYPES = 20
"""Of events in one list. Source: https://docs.stripe.com/api/events/list."""

LATEST = 2**40
"""A second later than everything created here."""

Act = Callable[[str, Body, str | None], Body]
"""Returns what changed; it gets the id in the address, the parameters and the idempotency key."""

Read = Callable[[str, Body], Body]
"""Returns what was found; it gets the id in the address and the parameters."""

Acting = tuple[str, str, type, Act]
Reading = tuple[str, str, type, Read]
"""A name that faults are scripted by, an address, the parameters that it takes, and what it does."""


def acting(gateway: Gateway) -> list[Acting]:
    """Return what is posted."""
    one = gateway.customers
    return [
        ("create", INTENTS, params.PaymentIntentCreateParams, lambda _, p, k: gateway.create(p, k)),
        ("update", f"{INTENTS}/{{id}}", params.PaymentIntentUpdateParams, gateway.update),
        (
            "confirm",
            f"{INTENTS}/{{id}}/confirm",
            params.PaymentIntentConfirmParams,
            gateway.confirm,
        ),
        (
            "capture",
            f"{INTENTS}/{{id}}/capture",
            params.PaymentIntentCaptureParams,
            gateway.capture,
        ),
        ("cancel", f"{INTENTS}/{{id}}/cancel", params.PaymentIntentCancelParams, gateway.cancel),
        ("refund", REFUNDS, params.RefundCreateParams, lambda _, p, k: gateway.refund(p, k)),
        ("create_customer", CUSTOMERS, params.CustomerCreateParams, lambda _, p, k: one.create(p)),
        (
            "update_customer",
            f"{CUSTOMERS}/{{id}}",
            params.CustomerUpdateParams,
            lambda id, p, k: one.update(id, p),
        ),
        (
            "detach",
            f"{METHODS}/{{id}}/detach",
            params.PaymentMethodDetachParams,
            lambda id, p, k: one.detach(id),
        ),
        (
            "create_setup",
            SETUPS,
            params.SetupIntentCreateParams,
            lambda _, p, k: one.create_setup(p),
        ),
        (
            "confirm_setup",
            f"{SETUPS}/{{id}}/confirm",
            params.SetupIntentConfirmParams,
            lambda id, p, k: one.confirm_setup(id, p),
        ),
    ]


def reading(gateway: Gateway) -> list[Reading]:
    """Return what is read; a search stands before the object whose id it would be taken for."""
    return [*_of_intents(gateway), *_of_customers(gateway), *_of_setups(gateway)]


def _of_intents(gateway: Gateway) -> list[Reading]:
    def search(_: str, given: Body) -> Body:
        found = gateway.search(given["query"])
        return objects.found([_shown(gateway, one, given) for one in found], f"{INTENTS}/search")

    def listed(_: str, given: Body) -> Body:
        page = _page(gateway.intents(given.get("customer")), given, INTENTS)
        return {**page, "data": [_shown(gateway, one, given) for one in page["data"]]}

    def events(_: str, given: Body) -> Body:
        types = given.get("types")
        if types is not None and len(types) > MOST_TYPES:
            raise invalid("parameter_invalid", param="types")
        events = gateway.store.each("event")
        found = [event for event in events if types is None or event["type"] in types]
        return _page(found, given, EVENTS)

    return [
        ("search", f"{INTENTS}/search", params.PaymentIntentSearchParams, search),
        ("list", INTENTS, params.PaymentIntentListParams, listed),
        (
            "retrieve",
            f"{INTENTS}/{{id}}",
            params.PaymentIntentRetrieveParams,
            lambda id, given: _shown(gateway, gateway.intent(id), given),
        ),
        (
            "refunds",
            REFUNDS,
            params.RefundListParams,
            lambda _, given: _page(gateway.refunds(given["payment_intent"]), given, REFUNDS),
        ),
        (
            "disputes",
            DISPUTES,
            params.DisputeListParams,
            lambda _, given: _page(gateway.disputes(given["payment_intent"]), given, DISPUTES),
        ),
        (
            "account",
            "/v1/account",
            params.AccountRetrieveCurrentParams,
            lambda _, given: gateway.account(),
        ),
        ("events", EVENTS, params.EventListParams, events),
    ]


def _of_customers(gateway: Gateway) -> list[Reading]:
    customers = gateway.customers

    def search(_: str, given: Body) -> Body:
        return objects.found(customers.search(given["query"]), f"{CUSTOMERS}/search")

    return [
        ("search_customers", f"{CUSTOMERS}/search", params.CustomerSearchParams, search),
        (
            "list_customers",
            CUSTOMERS,
            params.CustomerListParams,
            lambda _, given: _page(customers.all(given.get("email")), given, CUSTOMERS),
        ),
        (
            "customer",
            f"{CUSTOMERS}/{{id}}",
            params.CustomerRetrieveParams,
            lambda id, given: customers.customer(id),
        ),
        (
            "methods",
            f"{CUSTOMERS}/{{id}}/payment_methods",
            params.CustomerPaymentMethodListParams,
            lambda id, given: _page(customers.methods(id), given, CUSTOMERS),
        ),
        (
            "method",
            f"{METHODS}/{{id}}",
            params.PaymentMethodRetrieveParams,
            lambda id, given: customers.method(id),
        ),
    ]


def _of_setups(gateway: Gateway) -> list[Reading]:
    customers = gateway.customers

    def listed(_: str, given: Body) -> Body:
        setups = customers.setups(given["customer"])
        return _page([_shown(gateway, setup, given) for setup in setups], given, SETUPS)

    return [
        ("setups", SETUPS, params.SetupIntentListParams, listed),
        (
            "setup",
            f"{SETUPS}/{{id}}",
            params.SetupIntentRetrieveParams,
            lambda id, given: _shown(gateway, customers.setup(id), given),
        ),
    ]


def _shown(gateway: Gateway, body: Body, given: Body) -> Body:
    return gateway.shown(body, given.get("expand", []))


def _page(found: list[Body], given: Body, url: str) -> Body:
    created = given.get("created", {})
    since, until = created.get("gte", 0), created.get("lte", LATEST)
    found = [one for one in found if since <= one["created"] <= until]
    after = given.get("starting_after")
    ids = [one["id"] for one in found]
    start = ids.index(after) + 1 if after in ids else 0
    end = start + given.get("limit", 10)
    return objects.listed(found[start:end], url, has_more=end < len(found))
