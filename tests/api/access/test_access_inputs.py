"""Every input field of the schema, sent by each kind of caller."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_required_input_field,
)

from tests.api.shops import Shop
from tests.support.callers.schema import committed_schema
from tests.support.flow.shop import new_key, open_collection, open_session
from tests.support.program.running import Json, RunningServer
from tests.support.stores.evidence import evidence_of

pytestmark = pytest.mark.once

SCHEMA = committed_schema()

FOR_BROWSERS: dict[str, dict[str, tuple[Json, Json]]] = {
    "CreatePaymentSessionInput": {
        "paymentCollectionId": ("own", "stranger"),
        "providerId": ("sandbox", "system"),
        "amount": ("100.00", "99.99"),
        "currencyCode": ("USD", "EUR"),
        "data": ({"token": "approve"}, {"capture_method": "automatic"}),
        "metadata": ({"note": "gift"}, {"card": "4242 4242 4242 4242"}),
        "accountHolderId": ("holder", "stranger's holder"),
        "returnUrl": ("http://localhost:3000/back", "https://evil.example/back"),
        "idempotencyKey": ("new", ""),
    },
    "CreatePaymentSessionsInput": {
        "paymentCollectionId": ("own", "stranger"),
        "providerIds": (["sandbox"], ["system"]),
        "returnUrl": ("http://localhost:3000/back", "https://evil.example/back"),
        "idempotencyKey": ("new", ""),
    },
    "UpdatePaymentSessionInput": {
        "id": ("session", "stranger's session"),
        "amount": ("100.00", "99.99"),
        "data": ({"token": "decline"}, {"capture_method": "automatic"}),
        "metadata": ({"note": "gift"}, {"__proto__": {}}),
        "returnUrl": ("http://localhost:3000/back", "//evil.example"),
    },
    "CancelPaymentSessionInput": {"id": ("session", "stranger's session")},
    "AuthorizePaymentSessionInput": {
        "id": ("session", "stranger's session"),
        "data": ({"token": "approve"}, {"capture_method": "automatic"}),
        "paymentMethodId": ("method", "stranger's method"),
        "idempotencyKey": ("new", ""),
    },
}
"""The inputs that a browser may send: for each field a value that is taken, and one that is refused at that field."""

REFUSED_AS = {
    "paymentCollectionId": "NOT_FOUND",
    "id": "NOT_FOUND",
    "accountHolderId": "NOT_FOUND",
    "paymentMethodId": "NOT_FOUND",
    "currencyCode": "CURRENCY_MISMATCH",
    "providerId": "PROVIDER_DISABLED",
    "providerIds": "PROVIDER_DISABLED",
}
"""The code of a refusal, where it is not INVALID_INPUT."""


def mutation_of(input_name: str) -> str:
    """Return the mutation that takes an input."""
    name = input_name.removesuffix("Input")
    return name[0].lower() + name[1:]


def inputs() -> Iterator[GraphQLInputObjectType]:
    """Return the input of every mutation."""
    assert SCHEMA.mutation_type is not None
    for one in SCHEMA.mutation_type.fields.values():
        kind = get_named_type(one.args["input"].type)
        assert isinstance(kind, GraphQLInputObjectType)
        yield kind


SENT = [(kind.name, name) for kind in inputs() for name in kind.fields]


def test_every_mutation_has_an_input_named_after_it() -> None:
    """So that the tables here speak of all of them, with every field of those that a browser may send."""
    assert SCHEMA.mutation_type is not None
    assert {mutation_of(kind.name) for kind in inputs()} == set(SCHEMA.mutation_type.fields)
    fields = {name: set(SCHEMA.type_map[name].fields) for name in FOR_BROWSERS}  # type: ignore[attr-defined]
    assert fields == {name: set(values) for name, values in FOR_BROWSERS.items()}


@dataclass(frozen=True)
class Fresh:
    """A browser's own collection with an open session, its holder and a saved method, and a stranger's."""

    secret: str
    names: Mapping[str, Json]

    def value(self, given: Json) -> Json:
        """Return what a word of the table stands for; another value stands for itself."""
        if given == "new":
            return new_key()
        return self.names.get(given, given) if isinstance(given, str) else given


@pytest.fixture
def fresh(keyed_server: RunningServer, shop: Shop) -> Fresh:
    """Make a collection of this test's own."""
    holder, method = shop.own["AccountHolder"], shop.own["PaymentMethod"]
    collection = open_collection(keyed_server, accountHolderIds=[holder])
    session = open_session(keyed_server, collection["id"])
    names = {
        "own": collection["id"],
        "session": session["id"],
        "holder": holder,
        "method": method,
        "stranger": shop.stranger["PaymentCollection"],
        "stranger's session": shop.stranger["unpaid"],
        "stranger's holder": shop.stranger["AccountHolder"],
        "stranger's method": shop.stranger["PaymentMethod"],
    }
    return Fresh(collection["clientSecret"], names)


REQUIRED = {"paymentCollectionId": "own", "providerId": "sandbox", "id": "session"}


@pytest.mark.parametrize(
    ("input_name", "name"), [(kind, name) for kind, all_ in FOR_BROWSERS.items() for name in all_]
)
def test_a_browser_sends_each_field_within_its_bounds(
    keyed_server: RunningServer, fresh: Fresh, input_name: str, name: str
) -> None:
    """The one value is refused at that field, with no trace left; the other one is taken."""
    taken, wrong = FOR_BROWSERS[input_name][name]
    kind = SCHEMA.type_map[input_name]
    assert isinstance(kind, GraphQLInputObjectType)
    needed = [one for one, each in kind.fields.items() if is_required_input_field(each)]
    others = {one: fresh.value(REQUIRED[one]) for one in needed if one != name}
    before = evidence_of(keyed_server)
    refusal = keyed_server.change(
        mutation_of(input_name), {**others, name: fresh.value(wrong)}, bearer=fresh.secret
    )
    code = REFUSED_AS.get(name, "INVALID_INPUT")
    assert (refusal["code"], refusal["path"][0]) == (code, name)
    assert evidence_of(keyed_server) == before
    answer = keyed_server.change(
        mutation_of(input_name), {**others, name: fresh.value(taken)}, bearer=fresh.secret
    )
    assert "code" not in answer, answer


@pytest.mark.both
@pytest.mark.parametrize("input_name", FOR_BROWSERS)
def test_whoever_is_somebody_else_changes_nothing(
    keyed_server: RunningServer, fresh: Fresh, strangers: Mapping[str, str], input_name: str
) -> None:
    """With all that is right for its own browser: NOT_FOUND to another one, and 401 to nobody."""
    given = {
        name: fresh.value(taken)
        for name, (taken, _) in FOR_BROWSERS[input_name].items()
        if (input_name, name) != ("AuthorizePaymentSessionInput", "data")  # Or the saved method.
    }
    mutation = mutation_of(input_name)
    query = f"mutation ($input: {input_name}!) {{ {mutation}(input: $input) {{ ... on Failure {{ code }} }} }}"
    before = evidence_of(keyed_server)
    for who, bearer in strangers.items():
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        body = {"query": query, "variables": {"input": given}}
        response = keyed_server.client.post("/graphql", json=body, headers=headers)
        if who == "another browser":
            assert response.json() == {"data": {mutation: {"code": "NOT_FOUND"}}}
        else:
            assert response.status_code == 401, who
    assert evidence_of(keyed_server) == before
    answer = keyed_server.change(mutation, given, bearer=fresh.secret)
    assert "code" not in answer, answer


@pytest.mark.parametrize(
    ("input_name", "name"), [one for one in SENT if one[0] not in FOR_BROWSERS]
)
def test_a_back_end_s_input_is_nobody_else_s(
    keyed_server: RunningServer,
    shop: Shop,
    strangers: Mapping[str, str],
    input_name: str,
    name: str,
) -> None:
    """With each field given: FORBIDDEN to a browser, its own collection's too, and 401 to nobody; nothing happens."""
    kind = SCHEMA.type_map[input_name]
    assert isinstance(kind, GraphQLInputObjectType)
    given = {
        one: _sample(each.type, one, shop)
        for one, each in kind.fields.items()
        if one == name or is_required_input_field(each)
    }
    mutation = mutation_of(input_name)
    query = f"mutation ($input: {input_name}!) {{ {mutation}(input: $input) {{ __typename }} }}"
    before = evidence_of(keyed_server)
    for who, bearer in {**strangers, "its browser": shop.secret}.items():
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        body = {"query": query, "variables": {"input": given}}
        response = keyed_server.client.post("/graphql", json=body, headers=headers)
        if "browser" in who:
            (error,) = response.json()["errors"]
            assert (response.status_code, error["extensions"]["code"]) == (200, "FORBIDDEN")
            assert response.json()["data"] is None
        else:
            assert response.status_code == 401, who
    assert evidence_of(keyed_server) == before


IDS = {"paymentCollectionId": "PaymentCollection", "paymentId": "Payment"}


def _sample(of: GraphQLInputType, name: str, shop: Shop) -> Json:
    """Return a value that an input field takes."""
    kind = get_nullable_type(of)
    if is_list_type(kind):
        return []
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    samples: dict[str, Json] = {
        "ID": shop.own.get(IDS.get(name, "PaymentCollection")),
        "Boolean": True,
        "JSON": {},
        "Decimal": "1.00",
        "CurrencyCode": "USD",
        "DateTime": "2026-11-01T00:00:00Z",
        "String": "b",
    }
    return samples[get_named_type(of).name]
