"""Every string that the schema takes, walked over: none of them is a fault of the server's, whatever it holds."""

import json
from collections.abc import Iterator
from typing import cast

import orjson
import pytest
from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    get_named_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.type import GraphQLEnumType, GraphQLNonNull

from tests.api.inputs.test_ids import BESIDES, MUTATIONS
from tests.support.callers.raw_requests import post_text
from tests.support.callers.schema import committed_schema
from tests.support.callers.sockets import first_message
from tests.support.flow import shop
from tests.support.program.running import Json, RunningServer, document

pytestmark = pytest.mark.once

SCHEMA = committed_schema()

BOTH = "a\0\ud800"
"""NUL, which PostgreSQL can't store, and a lone surrogate, which UTF-8 can't encode."""

UNSTORABLE = (BOTH, "\ud800", "a\0b")

ODD = (*UNSTORABLE, "", " ", "\u202e", "\r\n", "x" * 5_000, "' OR 1=1 --", "１００")  # noqa: RUF001

TEXTS = {"String", "ID", "CurrencyCode", "Decimal", "DateTime"}
"""The scalars that are strings in JSON; a JSON value may hold strings anywhere."""

PLAIN: dict[str, Json] = {
    "Decimal": "1.00",
    "DateTime": "2026-11-01T00:00:00Z",
    "CurrencyCode": "USD",
    "Boolean": True,
}

WRITTEN = {"url": "https://shop.example/hooks", "email": "ada@example.com", "code": "a_code"}

Path = tuple[str, ...]


def leaves(type: GraphQLInputType, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Walk over the places of an input that take a text, each with its type's name; a list ends in []."""
    if is_non_null_type(type):
        yield from leaves(type.of_type, path)
    elif is_list_type(type):
        yield from leaves(type.of_type, (*path, "[]"))
    elif is_input_object_type(type):
        for name, field in type.fields.items():
            yield from leaves(field.type, (*path, name))
    elif is_leaf_type(type) and type.name in TEXTS | {"JSON"}:
        yield path, type.name


def holding(odd: str, path: Path, kind: str) -> Json:
    """Write the value that holds an odd text at a path."""
    if not path:
        return {odd: [odd]} if kind == "JSON" else odd
    first, *rest = path
    inner = holding(odd, tuple(rest), kind)
    return [inner] if first == "[]" else {first: inner}


def plain(name: str, type: GraphQLInputType) -> Json:
    """Write a value that is right for a field, where its name says enough."""
    named = get_named_type(type)
    if isinstance(named, GraphQLEnumType):
        return next(iter(named.values))
    if name == "idempotencyKey":
        return shop.new_key()
    if "providerId" in name:
        return "sandbox"
    return PLAIN.get(named.name, WRITTEN.get(name, "text"))


def input_of(mutation: str) -> GraphQLInputObjectType:
    """Return a mutation's input type."""
    assert SCHEMA.mutation_type is not None
    return cast(
        GraphQLInputObjectType,
        get_named_type(SCHEMA.mutation_type.fields[mutation].args["input"].type),
    )


def mutations() -> list[str]:
    """Return every mutation."""
    assert SCHEMA.mutation_type is not None
    return list(SCHEMA.mutation_type.fields)


@pytest.fixture(scope="module")
def unchanged_things(open_server: RunningServer) -> dict[str, str]:
    """Return an object for each kind of id, for tests whose every request is refused."""
    return made(open_server)


@pytest.fixture
def things(
    open_server: RunningServer, unchanged_things: dict[str, str], is_long: bool
) -> dict[str, str]:
    """Return an object for each kind of id that a mutation changes; the long form's requests are not all refused."""
    return made(open_server) if is_long else unchanged_things


def made(open_server: RunningServer) -> dict[str, str]:
    """Make an object for each kind of id that a mutation changes."""
    holder = shop.open_holder(open_server)["id"]
    collection = shop.open_collection(open_server, accountHolderIds=[holder])["id"]
    payment = shop.pay(open_server)["id"]
    return {
        "pay_col_": collection,
        "payses_": shop.open_session(open_server, collection)["id"],
        "pay_": payment,
        "capt_": shop.capture(open_server, payment, amount="50.00")["captures"][0]["id"],
        "refr_": open_server.run("back_end/26_list_refund_reasons")[0]["id"],
        "acchld_": holder,
        "paymtd_": shop.save_method(open_server, holder)["id"],
        "whep_": "whep_none",
        "whdl_": "whdl_none",
    }


def codes_in(answer: Json) -> set[str]:
    """Return the codes of an answer's errors, and of a mutation's failing member."""
    found = {error["extensions"]["code"] for error in answer.get("errors") or ()}
    for value in (answer.get("data") or {}).values():
        if isinstance(value, dict) and "code" in value:
            found.add(value["code"])
    return found


def odd_texts(is_long: bool) -> tuple[str, ...]:
    """Return the texts to try: the short form takes those that no database can keep."""
    return ODD if is_long else (BOTH,)


@pytest.mark.both
@pytest.mark.parametrize("mutation", mutations())
def test_no_text_in_a_mutation_is_a_fault(
    open_server: RunningServer, things: dict[str, str], mutation: str, is_long: bool
) -> None:
    """It is refused or taken; what no database can keep is refused, as a bad input or a missing object."""
    kind = input_of(mutation)
    prefix, own, more = MUTATIONS.get(mutation, ("", "", {}))
    needed = {
        name: plain(name, field.type)
        for name, field in kind.fields.items()
        if isinstance(field.type, GraphQLNonNull)
    }
    right = {**needed, **more, **({own: things[prefix]} if own else {})}
    if "idempotencyKey" in needed:
        right["idempotencyKey"] = shop.new_key()
    for odd in odd_texts(is_long):
        for path, type in leaves(kind):
            given = {**right, **holding(odd, path, type)}
            answer = sent(open_server, document(f"complete/{mutation}"), {"input": given})
            assert "INTERNAL" not in codes_in(answer), (path, odd, answer)
            if odd in UNSTORABLE:
                assert codes_in(answer) & REFUSALS, (path, odd, answer)


REFUSALS = {
    "INVALID_INPUT",
    "NOT_FOUND",
    "PROVIDER_DISABLED",
    "BAD_USER_INPUT",
    "CURRENCY_MISMATCH",
}


def sent(server: RunningServer, query: str, variables: Json) -> Json:
    """Send a document with variables as they are, lone surrogates included, and return the answer."""
    response = post_text(server, query, json.dumps(variables))
    assert response.status_code in (200, 422), response.text
    return orjson.loads(response.content)


def argued() -> list[tuple[str, str, str]]:
    """Return every argument of a query's field, at any depth, that takes a text."""
    return [
        (type.name, name, argument)
        for type in SCHEMA.type_map.values()
        if is_object_type(type) and type not in (SCHEMA.mutation_type, SCHEMA.subscription_type)
        for name, field in type.fields.items()
        for argument, described in field.args.items()
        if any(leaves(described.type))
    ]


def field_of(type: str, name: str) -> GraphQLField:
    """Return a field of an object type."""
    found = SCHEMA.type_map[type]
    assert is_object_type(found)
    return cast(GraphQLField, found.fields[name])


@pytest.mark.both
@pytest.mark.parametrize(("type", "name", "argument"), argued())
def test_no_text_in_a_query_is_a_fault(
    open_server: RunningServer,
    things: dict[str, str],
    type: str,
    name: str,
    argument: str,
    is_long: bool,
) -> None:
    """It finds nothing, or is refused with the code of a bad input or cursor."""
    field = field_of(type, name)
    kind = field.args[argument].type
    chosen = f"{name}({argument}: $it) {{ __typename }}"
    whose = {"PaymentCollection": "pay_col_", "Payment": "pay_", "WebhookEndpoint": "whep_"}
    if type != "Query":
        chosen = f'node(id: "{things[whose[type]]}") {{ ... on {type} {{ {chosen} }} }}'
    for path, leaf in leaves(kind):
        for odd in odd_texts(is_long):
            value = holding(odd, path, leaf)
            answer = sent(open_server, f"query ($it: {kind}) {{ {chosen} }}", {"it": value})
            assert codes_in(answer) <= {"INVALID_INPUT", "INVALID_CURSOR", "BAD_USER_INPUT"}, (
                path,
                odd,
                answer,
            )


@pytest.mark.parametrize("odd", UNSTORABLE)
def test_no_text_in_a_subscription_is_a_fault(
    open_server: RunningServer, things: dict[str, str], odd: str
) -> None:
    """An id finds nothing, and a cursor is none."""
    updates = "subscription ($id: ID!, $after: String) { paymentCollectionUpdates(id: $id, after: $after) { cursor } }"
    events = "subscription ($after: String) { paymentEvents(after: $after) { cursor } }"
    collection = things["pay_col_"]
    for query, variables, code in (
        (updates, {"id": odd}, "NOT_FOUND"),
        (updates, {"id": collection, "after": odd}, "INVALID_CURSOR"),
        (events, {"after": odd}, "INVALID_CURSOR"),
    ):
        message = first_message(open_server, query, variables)
        assert [error["extensions"]["code"] for error in message["payload"]] == [code]


def test_the_walk_reaches_what_is_known_to_take_texts() -> None:
    """Nested inputs, lists and JSON are walked too; the tables of ids name the objects beside them."""
    assert (("metadata",), "JSON") in list(leaves(input_of("createPaymentCollection")))
    assert (("accountHolderIds", "[]"), "ID") in list(leaves(input_of("createPaymentCollection")))
    assert ("Query", "accountHolders", "customerReference") in argued()
    assert ("Payment", "events", "after") in argued()
    filter = field_of("Query", "payments").args["filter"].type
    assert (("createdAt", "from"), "DateTime") in list(leaves(filter))
    assert set(MUTATIONS) | set(BESIDES) <= set(mutations())
