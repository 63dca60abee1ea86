"""Every argument of the schema but the mutations' inputs, with each field of a filter, given by each kind of caller."""

from collections.abc import Iterator, Mapping

import httpx2
import orjson
import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_input_object_type,
    is_list_type,
    is_object_type,
    is_required_argument,
)

from tests.api.access.test_access import SECRET
from tests.api.shops import Shop
from tests.support.callers.schema import committed_schema
from tests.support.program.running import Json, RunningServer
from tests.support.stores.evidence import evidence_of

pytestmark = pytest.mark.once

SCHEMA = committed_schema()

FOR_BROWSERS = {
    "Query.node": {"id"},
    "Query.paymentCollection": {"id"},
    "Query.paymentSession": {"id"},
    "Query.payment": {"id"},
    "Query.accountHolder": {"id"},
    "Query.paymentProviders": {"enabledOnly"},
    "Subscription.paymentCollectionUpdates": {"id", "after"},
    "PaymentCollection.events": {"first", "after"},
    "Payment.events": {"first", "after"},
}
"""The arguments open to a browser; test_access.py shows what they find, test_pages.py what a page of events takes."""

BEYOND = {"WebhookEndpoint.deliveries": {"status", "first", "after"}}
"""Of objects that no browser finds: tests/webhooks/test_refusals.py."""


def fields() -> Iterator[tuple[str, GraphQLField]]:
    """Return every field that takes arguments, mutations apart."""
    for name, kind in SCHEMA.type_map.items():
        if is_object_type(kind) and kind is not SCHEMA.mutation_type and name[:2] != "__":
            for field_name, field in kind.fields.items():
                if field.args:
                    yield f"{name}.{field_name}", field


def test_every_argument_is_classified() -> None:
    """A new one fails here until somebody has said who may give it."""
    of_others = {name: set(field.args) for name, field in fields() if name not in SECRET}
    assert of_others == {**FOR_BROWSERS, **BEYOND}


Given = dict[str, tuple[GraphQLArgument, Json]]


def given(field: GraphQLField) -> Iterator[tuple[str, Given]]:
    """Return each argument by itself, with those that are required, and a filter once for each of its fields."""
    needed = {
        name: (one, _sample(one.type))
        for name, one in field.args.items()
        if is_required_argument(one)
    }
    for name, one in field.args.items():
        kind = get_named_type(one.type)
        if is_input_object_type(kind):
            for inner, each in kind.fields.items():
                yield f"{name}.{inner}", needed | {name: (one, {inner: _sample(each.type)})}
        else:
            yield name, needed | {name: (one, _sample(one.type))}


def _sample(of: GraphQLInputType) -> Json:
    """Return a value that an argument takes."""
    kind = get_nullable_type(of)
    if is_list_type(kind):
        return [_sample(kind.of_type)]
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if is_input_object_type(kind):
        return {name: _sample(one.type) for name, one in kind.fields.items()}
    samples: dict[str, Json] = {
        "ID": "b",
        "Int": 1,
        "String": "b",
        "CurrencyCode": "USD",
        "DateTime": "2026-11-24T00:00:00Z",
    }
    return samples[get_named_type(kind).name]


CASES = {
    f"{place}({name})": (place, field, values)
    for place, field in fields()
    if place in SECRET
    for name, values in given(field)
}


@pytest.mark.parametrize("case", CASES)
def test_a_back_end_s_argument_is_nobody_else_s(
    keyed_server: RunningServer, shop: Shop, strangers: Mapping[str, str], case: str
) -> None:
    """FORBIDDEN to every browser, whatever it gives, and 401 to nobody; nothing happens."""
    place, field, values = CASES[case]
    declared = ", ".join(f"${name}: {argument.type}" for name, (argument, _) in values.items())
    passed = ", ".join(f"{name}: ${name}" for name in values)
    operation, field_name = place.split(".")
    shown = "{ __typename }" if is_composite_type(get_named_type(field.type)) else ""
    query = f"{operation.lower()} ({declared}) {{ {field_name}({passed}) {shown} }}"
    body = {"query": query, "variables": {name: value for name, (_, value) in values.items()}}
    before = evidence_of(keyed_server)
    for who, bearer in {**strangers, "its browser": shop.secret}.items():
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        if operation == "Subscription":
            headers["accept"] = "text/event-stream"
        response = keyed_server.client.post("/graphql", json=body, headers=headers)
        if "browser" in who:
            assert response.status_code == 200, who
            answer = _answer(response)
            assert answer.get("data") is None
            assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
        else:
            assert response.status_code == 401, who
    assert evidence_of(keyed_server) == before


def _answer(response: httpx2.Response) -> Json:
    """Read an answer, or the first item of a stream."""
    if response.headers["content-type"].startswith("text/event-stream"):
        return orjson.loads(response.text.partition("data: ")[2].partition("\n")[0])
    return response.json()
