"""Rows 15 to 23 of the bad inputs: documents, their limits, and what is kept of them."""

import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from graphql import get_introspection_query

from edge.documents.documents import Document, Documents
from tests.transport.edge.conftest import EdgeServer, Json
from tests.transport.edge.subject import Probe, make_schema


def errors_of(server: EdgeServer, status: int, query: str, **request: Any) -> list[Json]:
    """Send a document that is refused; give its errors."""
    response = server.post(query, **request)
    assert response.status_code == status, response.text
    assert response.json().keys() == {"errors"}
    errors: list[Json] = response.json()["errors"]
    return errors


def code_of(server: EdgeServer, status: int, query: str, **request: Any) -> str:
    """Send a document that is refused for one reason; give its code."""
    [error] = errors_of(server, status, query, **request)
    code: str = error["extensions"]["code"]
    return code


def test_two_operations_without_a_name_run_neither(edge: EdgeServer, probe: Probe) -> None:
    """An open choice is refused: the stock server ran the first mutation."""
    query = "mutation A { act } mutation B { act }"
    assert code_of(edge, 422, query) == "OPERATION_RESOLUTION_FAILED"
    assert probe.counts == {}


@pytest.mark.parametrize("name", ["C", " ", "a", "null"])
def test_an_unknown_operation_name_is_422(edge: EdgeServer, probe: Probe, name: str) -> None:
    """A name that no operation has is refused, one operation or several."""
    for query in ("query A { hello }", "query A { hello } query B { hello }", "{ hello }"):
        assert code_of(edge, 422, query, operationName=name) == "OPERATION_RESOLUTION_FAILED"
    assert probe.counts == {}


def test_the_named_operation_runs(edge: EdgeServer) -> None:
    """Of several operations the one named runs."""
    response = edge.post(
        'query A { hello(name: "a") } query B { hello(name: "b") }', operationName="B"
    )
    assert response.json() == {"data": {"hello": "Hello b"}}


@pytest.mark.parametrize(
    "more",
    [
        "next @include(if: $more) { name }",
        "next { name @include(if: $more) other @skip(if: $more) { name } }",
        "... @include(if: $more) { next { name } }",
    ],
)
def test_directives_are_read_for_each_request(edge: EdgeServer, more: str) -> None:
    """What one request left out, another gets from the same document."""
    query = f"query ($more: Boolean!) {{ level {{ name {more} }} }}"
    with_more = {"name": "level", "next": {"name": "level"}}
    for is_more in (False, True, False, True):
        data = edge.post(query, variables={"more": is_more}).json()["data"]
        assert (data["level"] == with_more) is is_more


def test_a_document_is_answered_alike_each_time(edge: EdgeServer) -> None:
    """Fields that are selected in several places are one, also where that was found out for another request."""
    query = (
        "{ level { ...Names next { name } next { other { name } } a: next { name } } }"
        " fragment Names on Level { name next { next { name } } }"
    )
    level = {"name": "level"}
    next_level = {"next": level, "name": "level", "other": level}
    for _ in range(2):
        data = edge.post(query).json()["data"]
        assert data == {"level": {"name": "level", "next": next_level, "a": level}}


@pytest.mark.parametrize(
    "query",
    [
        "",
        " ",
        "{",
        "{ hello",
        "hello",
        "{ hello(name: 5..5) }",
        '{ hello(name: "x) }',
        "\ud800",
        "{ hel\x00lo }",
        "query { \ud83d }",
        "# only a comment",
        "{ hello } }",
        "{ ... on }",
    ],
)
def test_a_syntax_error_is_400(edge: EdgeServer, query: str) -> None:
    """A document that does not parse is a bad request; NUL and lone surrogates are syntax errors like others."""
    response = edge.post(content=json.dumps({"query": query}).encode())
    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
    assert error["locations"]


def test_lone_surrogates_come_back_as_escapes(edge: EdgeServer) -> None:
    """Text that UTF-8 can't hold is answered all the same, in a result and in an error."""
    response = edge.post(
        content=b'{"query": "query ($n: String!) { hello(name: $n) }", "variables": {"n": "\\ud800"}}'
    )
    assert response.status_code == 200
    assert response.content == b'{"data":{"hello":"Hello \\ud800"}}'
    response = edge.post(
        content=b'{"query": "query ($n: Int!) { page(first: $n) }", "variables": {"n": "\\ud800\\u0000"}}'
    )
    assert response.status_code == 422
    assert "\\ud800" in response.text


@pytest.mark.parametrize(
    "variables", [{}, {"n": None}, {"n": "x"}, {"n": 5.5}, {"n": True}, {"n": []}, {"n": 10**400}]
)
def test_variables_that_do_not_fit_are_422(edge: EdgeServer, variables: Json) -> None:
    """Variables are held to their types before anything runs."""
    query = "query ($n: Int!) { page(first: $n) }"
    assert code_of(edge, 422, query, variables=variables) == "BAD_USER_INPUT"


def test_a_scalar_that_breaks_says_nothing_of_why(edge: EdgeServer) -> None:
    """An exception in a scalar is a value that does not fit; its words are Python's, not ours."""
    messages = {
        error["message"]
        for error in [
            *errors_of(
                edge, 422, "query ($v: Exact!) { exact(value: $v) }", variables={"v": "break"}
            ),
            *errors_of(edge, 422, '{ exact(value: "break") }'),
        ]
    }
    assert messages == {
        "Variable '$v' has invalid value: Expected value of type 'Exact', found: 'break'.",
        "Expected value of type 'Exact', found: \"break\".",
    }


def test_an_argument_that_only_its_variable_spoils_is_told(edge: EdgeServer) -> None:
    """Null for a variable that has a default passes validation, and is the client's error still."""
    query = 'query ($n: String = "x") { hello(name: $n) }'
    response = edge.post(query, variables={"n": None})
    assert response.status_code == 200
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "query",
    [
        "{ nope }",
        "{ hello { x } }",
        "{ level }",
        "{ hello(nope: 1) }",
        '{ page(first: "x") }',
        "query ($n: Nope) { hello }",
        "query A { hello } query A { hello }",
        "{ hello @nope }",
        "{ hello @defer }",
        "fragment F on Query { hello }",
        "type Query { hello: String }",
    ],
)
def test_an_invalid_document_is_422(edge: EdgeServer, probe: Probe, query: str) -> None:
    """An invalid document is refused, and nothing runs."""
    errors = errors_of(edge, 422, query)
    assert {error["extensions"]["code"] for error in errors} <= {
        "GRAPHQL_VALIDATION_FAILED",
        "OPERATION_RESOLUTION_FAILED",
    }
    assert probe.counts == {}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ ...F }", "Unknown fragment 'F'."),
        (
            "{ ...F } fragment F on Query { ...F }",
            "Cannot spread fragment 'F' within itself.",
        ),
        (
            "{ ...F } fragment F on Query { level { ...G } } fragment G on Level { next { ...G } }",
            "Cannot spread fragment 'G' within itself.",
        ),
        (
            "{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }",
            "Cannot spread fragment 'F' within itself via 'G'.",
        ),
    ],
)
def test_unknown_and_cyclic_fragments_get_validations_words(
    edge: EdgeServer, query: str, message: str
) -> None:
    """The limits pass over what validation has a message for."""
    assert [error["message"] for error in errors_of(edge, 422, query)] == [message]


SCHEMA = make_schema()


def prepared(query: str) -> tuple[Document, int]:
    """Prepare a document; give what came of it, and how many calls it took, which is the same on every machine."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    find = Documents(SCHEMA).find
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        found = find(query)
    finally:
        sys.setprofile(before)
    return found, calls


def nested(depth: int, field: str = "next") -> str:
    """Make a query of so many levels."""
    return "{ level " + f"{{ {field} " * (depth - 2) + "{ name " + "} " * depth


def fan(levels: int) -> str:
    """Make fragments that spread each other twice, below two fields: 2^levels selections."""
    return (
        "{ level { ...F0 } } "
        + " ".join(
            f"fragment F{n} on Level {{ next {{ ...F{n + 1} }} other {{ ...F{n + 1} }} }}"
            for n in range(levels)
        )
        + f" fragment F{levels} on Level {{ name }}"
    )


def chain(length: int) -> str:
    """Make fragments that spread each other twice in one place."""
    return (
        "{ ...F0 } "
        + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(length))
        + f" fragment F{length} on Query {{ hello }}"
    )


@pytest.mark.parametrize(
    "query",
    [
        nested(10),
        chain(20),
        "{ " + " ".join(f"a{n}: hello" for n in range(15)) + " }",
        "{ " + "hello " * 90 + "}",
        "mutation { __typename act }",
        "mutation { ...F } fragment F on Mutation { act }",
        "{ level { ...F ...F } } fragment F on Level { name next { name } }",
        get_introspection_query(input_value_deprecation=True, one_of=True),
    ],
    ids=range(8),
)
def test_documents_within_the_limits(edge: EdgeServer, query: str) -> None:
    """The limits themselves are allowed."""
    response = edge.post(query)
    assert response.status_code == 200, response.text
    assert "errors" not in response.json()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (nested(11), "The document is more than 10 levels deep."),
        (nested(100), "The document is more than 10 levels deep."),
        (
            "{ level { ...A } } fragment A on Level { next { next { next { next { ...B } } } } }"
            " fragment B on Level { next { next { next { next { next { name } } } } } }",
            "The document is more than 10 levels deep.",
        ),
        (nested(250), "Syntax Error: Document is nested too deeply. Parsing aborted."),
        (
            "{ __schema { types " + "{ ofType " * 19 + "{ name }" + "}" * 19 + "} }",
            "The document is more than 20 levels deep.",
        ),
        (
            "{ " + "hello " * 999 + "}",
            "Syntax Error: Document contains more than 1000 tokens. Parsing aborted.",
        ),
        (
            "# comment\n" * 1001 + "{ hello }",
            "Syntax Error: Document contains more than 1000 tokens. Parsing aborted.",
        ),
        (
            "{ " + "hello " * 2000 + "}",
            "Syntax Error: Document contains more than 1000 tokens. Parsing aborted.",
        ),
        (
            "{ hello " + "@include(if: true) " * 500 + "}",
            "Syntax Error: Document contains more than 1000 tokens. Parsing aborted.",
        ),
        ("{ " + "hello " * 990 + "}", "The document selects the same fields too many times."),
        (
            "{ " + "level { name } " * 240 + "}",
            "The document selects the same fields too many times.",
        ),
        (
            "{ hello } fragment F on Query { " + "hello " * 900 + "}",
            "The document selects the same fields too many times.",
        ),
        (
            "{ " + " ".join(f"a{n}: hello" for n in range(16)) + " }",
            "The operation has more than 15 aliases.",
        ),
        (
            "{ level { next { ...F } other { ...F } } } fragment F on Level { "
            + " ".join(f"a{n}: name" for n in range(8))
            + " }",
            "The operation has more than 15 aliases.",
        ),
        (
            fan(9),
            "The document is more than 10 levels deep.",
        ),
        (
            "{ level { ...F0 } } "
            + " ".join(
                f"fragment F{n} on Level {{ next {{ name ...F{n + 1} ...on Level {{ name }} }}"
                f" other {{ name ...F{n + 1} ...on Level {{ name }} }} }}"
                for n in range(8)
            )
            + " fragment F8 on Level { name }",
            "The document selects more than 2000 fields, its fragments counted wherever they are spread.",
        ),
        (
            "mutation { act more: act }",
            "One payment action per request: a mutation has one root field.",
        ),
        (
            "mutation { act act }",
            "One payment action per request: a mutation has one root field.",
        ),
        (
            "mutation { ...F ... { act } } fragment F on Mutation { actBusy }",
            "One payment action per request: a mutation has one root field.",
        ),
        (
            "subscription { a: count(to: 1) { number } b: count(to: 1) { number } }",
            "A subscription has one root field.",
        ),
    ],
    ids=range(20),
)
def test_documents_over_a_limit(edge: EdgeServer, probe: Probe, query: str, message: str) -> None:
    """Each limit refuses with its own words, in some 10 ms, and nothing runs."""
    found, calls = prepared(query)
    assert calls < 100_000
    assert [error["message"] for error in found.errors] == [message]
    [error] = errors_of(edge, 422, query)
    assert error["message"] == message
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert probe.counts == {}


@pytest.mark.parametrize(
    "query",
    [
        chain(20),
        "{ " + "hello " * 97 + "}",
        "{ level { name " + "@nope " * 480 + "} }",
        "{ level { " + " ".join(f"nope{n}" for n in range(480)) + " } }",
        "{ ...F0 } "
        + " ".join(f"fragment F{n} on Query {{ ...F{(n + 1) % 120} }}" for n in range(120)),
    ],
    ids=range(5),
)
def test_what_passes_the_limits_is_cheap_to_validate(query: str) -> None:
    """No document within the limits takes long: the stock limiters took 4 s for 20 fragments, millions of calls."""
    _, calls = prepared(query)
    assert calls < 200_000


def test_errors_are_counted(edge: EdgeServer) -> None:
    """A document with hundreds of errors is told of the first 20."""
    errors = errors_of(edge, 422, "{ " + " ".join(f"nope{n}" for n in range(400)) + " }")
    assert len(errors) == 21
    assert errors[-1]["message"].startswith("Too many validation errors")


def test_with_introspection_the_schema_explains_itself(edge: EdgeServer) -> None:
    """In development the schema is shown, and mistakes get suggestions."""
    [error] = errors_of(edge, 422, "{ hallo }")
    assert "Did you mean 'hello'?" in error["message"]
    [error] = errors_of(edge, 422, "query ($i: Strin) { hello(name: $i) }")
    assert "Did you mean" in error["message"]


def test_without_introspection_nothing_is_told(make_edge: Callable[..., EdgeServer]) -> None:
    """In production the schema can be read neither by asking nor by guessing."""
    closed = make_edge(documents=Documents(SCHEMA, introspection=False))
    for query in ("{ __schema { types { name } } }", '{ __type(name: "Query") { name } }'):
        errors = errors_of(closed, 422, query)
        assert "introspection" in errors[0]["message"]
    for query in (
        "{ hallo }",
        "query ($i: Strin) { hello(name: $i) }",
        "{ hello(nam: 1) }",
        "{ leve { x } }",
    ):
        assert "Did you mean" not in str(errors_of(closed, 422, query))
    assert closed.post("{ __typename }").json() == {"data": {"__typename": "Query"}}


def test_a_document_is_prepared_once(edge: EdgeServer) -> None:
    """The second time a text comes, valid or refused, nothing is parsed or validated."""
    find = edge.edge.engine.documents.find
    for query, status in (("query Once { hello }", 200), ("query Once { nope }", 422)):
        assert edge.post(query).status_code == status
        misses = find.cache_info().misses
        assert edge.post(query).status_code == status
        assert find.cache_info().misses == misses


def test_a_refusal_that_is_kept_names_each_request(edge: EdgeServer) -> None:
    """Two requests with the same refused document have ids of their own."""
    ids = {errors_of(edge, 422, "{ neverThere }")[0]["extensions"]["requestId"] for _ in range(2)}
    assert len(ids) == 2


def test_the_cache_is_bounded(limit: Callable[[str, float], None]) -> None:
    """Documents that nobody sends again make room."""
    limit("DOCUMENTS_KEPT", 3)
    documents = Documents(SCHEMA)
    for number in range(10):
        documents.find(f"query Q{number} {{ hello }}")
    assert documents.find.cache_info().currsize == 3
