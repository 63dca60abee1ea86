"""Content negotiation: which media type an answer has, and row 12 of the bad inputs."""

from collections.abc import Callable

import pytest

from tests.transport.edge.conftest import EdgeServer
from tests.transport.edge.subject import Probe

GRAPHQL_RESPONSE = "application/graphql-response+json; charset=utf-8"
JSON = "application/json; charset=utf-8"
EVENT_STREAM = "text/event-stream; charset=utf-8"

URQL = (
    "application/graphql-response+json, application/graphql+json, application/json,"
    " text/event-stream, multipart/mixed"
)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/graphql-response+json", GRAPHQL_RESPONSE),
        ("application/graphql-response+json, application/json;q=0.9", GRAPHQL_RESPONSE),
        ("application/json;q=0.9, application/graphql-response+json", GRAPHQL_RESPONSE),
        ("application/json", JSON),
        ("application/json; charset=utf-8", JSON),
        ("APPLICATION/JSON", JSON),
        ("application/json, application/graphql-response+json", JSON),
        ("application/json;q=0.5, */*", GRAPHQL_RESPONSE),
        ("application/graphql-response+json;q=0, */*", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/html, */*;q=0.1", JSON),
        (URQL, GRAPHQL_RESPONSE),
        ("application/json, text/event-stream", JSON),
        ("text/event-stream;q=0.9, application/json", JSON),
        ("text/event-stream;q=0, application/json", JSON),
        ("text/event-stream", EVENT_STREAM),
        ("text/event-stream, application/json", EVENT_STREAM),
        ("application/json;q=0.9, text/event-stream", EVENT_STREAM),
        ("text/event-stream, */*", EVENT_STREAM),
    ],
)
def test_the_first_choice_that_is_served(edge: EdgeServer, accept: str, content_type: str) -> None:
    """Quality decides, then the order; an event stream only where it is first by name."""
    response = edge.post("{ hello }", headers={"accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"] == content_type


def test_no_accept_header_is_answered_as_json(edge: EdgeServer) -> None:
    """A client that does not say gets application/json, as GraphQL over HTTP's audit wants it."""
    answer = edge.raw(
        b"GET /graphql?query={hello} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Authorization: Bearer sk_test\r\n\r\n"
    )
    assert b"\r\ncontent-type: application/json; charset=utf-8\r\n" in answer


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "image/png",
        "text/*",
        "application/xml",
        "application/json;q=0",
        "application/json;q=nonsense",
        "*/*;q=0",
        "",
        ", ,;",
        "application/jso" + "n" * 1000,
    ],
)
def test_nothing_that_is_served_is_406(edge: EdgeServer, probe: Probe, accept: str) -> None:
    """A client that takes none of the types is refused, and nothing runs."""
    response = edge.post("{ hello }", headers={"accept": accept})
    assert response.status_code == 406
    assert response.json()["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"
    assert probe.counts == {}


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize("accept", ["text/html", BROWSER])
def test_a_browser_gets_the_page(edge: EdgeServer, accept: str) -> None:
    """GET for HTML without a query gives the page, to anybody."""
    response = edge.get({"accept": accept, "authorization": ""})
    assert response.status_code == 200
    assert response.text == "<!doctype html>GraphiQL"


@pytest.mark.parametrize("accept", ["text/html", BROWSER])
def test_without_a_page_html_is_406(make_edge: Callable[..., EdgeServer], accept: str) -> None:
    """If there is no page (as in production), a request for HTML is 406."""
    assert make_edge(page=None).get({"accept": accept}).status_code == 406


def test_a_query_is_not_answered_with_the_page(edge: EdgeServer) -> None:
    """A browser that follows a link with a query gets JSON; HTML alone is not to be had."""
    assert edge.get({"accept": BROWSER}, query="{ hello }").headers["content-type"] == JSON
    assert edge.get({"accept": "text/html"}, query="{ hello }").status_code == 406


def test_a_subscription_without_a_stream_is_406(edge: EdgeServer, probe: Probe) -> None:
    """A subscription as an ordinary POST is refused by its type, with the way out."""
    for accept in (URQL, "application/json", "*/*"):
        response = edge.post("subscription { count(to: 1) { number } }", headers={"accept": accept})
        assert response.status_code == 406
        assert response.json().keys() == {"errors"}
        assert "text/event-stream" in response.json()["errors"][0]["message"]
    assert probe.counts == {}
