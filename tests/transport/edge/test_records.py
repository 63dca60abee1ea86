"""The log: one line a request, with nothing in it that a client wrote but a name."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from edge.request_log import LibraryLines
from tests.transport.edge.conftest import RECORDS, Client, EdgeServer, Json

Records = Callable[[int], list[Json]]

CARD = "4242424242424242"


def test_a_request_is_one_line(edge: EdgeServer, records: Records) -> None:
    """The line has the fields that the design names, and no others."""
    response = edge.post("query WhoAmI { whoami }")
    [record] = records(1)
    assert record.pop("duration_ms") > 0
    assert record == {
        "event": "request",
        "request_id": response.headers["x-request-id"],
        "transport": "http",
        "operation_name": "WhoAmI",
        "operation_type": "query",
        "status": 200,
        "collection_id": "pay_col_1",
    }


@pytest.mark.parametrize(
    ("name", "logged"),
    [
        ("Named", "Named"),
        ("n" * 65, "n" * 64),
        (CARD, None),
        ("a b", None),
        ("", None),
        ("é", None),
        ("x\ny", None),
    ],
)
def test_a_refused_request_logs_a_name_alone(
    edge: EdgeServer, records: Records, name: str, logged: str | None
) -> None:
    """Of a document that is refused only the name that was asked for is kept, if it is one."""
    edge.post(f'{{ nope(card: "{CARD}") }}', operationName=name, variables={"card": CARD})
    [record] = records(1)
    assert record["operation_name"] == logged
    assert record["operation_type"] is None
    assert record["status"] == 422


def test_nothing_of_a_request_is_logged(edge: EdgeServer, records: Records) -> None:
    """Neither documents nor variables nor credentials nor bodies are in any line."""
    edge.post(f'{{ hello(name: "{CARD}") }}')
    edge.post("query ($n: String!) { hello(name: $n) }", variables={"n": CARD})
    edge.post(f"{{ nope{CARD} }}")
    edge.post(f"{{ {CARD}")
    edge.post(content=CARD.encode() + b"x")
    edge.post("{ hello }", headers={"authorization": f"Bearer {CARD}"})
    edge.get(query=f'{{ hello(name: "{CARD}") }}')
    assert [record["status"] for record in records(7)] == [200, 200, 422, 400, 400, 401, 200]
    assert CARD not in str(RECORDS)
    assert "sk_test" not in str(RECORDS)


def test_a_stream_is_one_line_at_its_end(edge: EdgeServer, records: Records) -> None:
    """An event stream is logged when it is over."""
    edge.post("subscription S { count(to: 2) { number } }", headers={"accept": "text/event-stream"})
    [record] = records(1)
    assert (record["transport"], record["operation_name"]) == ("event_stream", "S")
    assert (record["operation_type"], record["status"]) == ("subscription", 200)


def test_an_operation_of_a_socket_is_one_line(
    opened: Callable[..., AbstractContextManager[Client]], records: Records
) -> None:
    """Each operation has a line and an id of its own, whose status says how it ended."""
    with opened() as client:
        client.subscribe("a", "query A { whoami }")
        client.receive()
        client.receive()
        client.subscribe("b", "{ nope }", operationName="B")
        [error] = client.receive()["payload"]
        client.subscribe("c", "subscription C { follow { number } }")
        client.receive()
    lines = records(3)
    assert [line["operation_name"] for line in lines] == ["A", "B", "C"]
    assert [line["status"] for line in lines] == [
        "complete",
        "GRAPHQL_VALIDATION_FAILED",
        "canceled",
    ]
    assert [line["transport"] for line in lines] == ["websocket"] * 3
    assert lines[0]["collection_id"] == "pay_col_1"
    assert lines[1]["request_id"] == error["extensions"]["requestId"]
    assert len({line["request_id"] for line in lines}) == 3


def test_a_page_is_a_line(edge: EdgeServer, records: Records) -> None:
    """The page is a request like others."""
    edge.get({"accept": "text/html"})
    [record] = records(1)
    assert record["status"] == 200
    assert record["operation_type"] is None


def test_what_a_library_logs_is_a_line(edge: EdgeServer) -> None:
    """It has its logger's name, and of an error where and of what kind it was, without its text."""
    logger = logging.Logger("uvicorn.error")  # noqa: LOG001 - one of its own, whose handlers are no other's
    logger.addHandler(LibraryLines())
    try:
        raise ValueError(CARD)
    except ValueError:
        logger.exception("Exception in %s\n", "an application")
    logger.warning("Later.\nMuch later.")
    [error, warning] = RECORDS
    assert error.pop("frames")[-1].startswith("edge/test_records.py:")
    assert error == {
        "event": "Exception in an application",
        "logger": "uvicorn.error",
        "exceptions": ["builtins.ValueError"],
    }
    assert warning == {"event": "Later.\nMuch later.", "logger": "uvicorn.error"}


def test_what_asyncio_shows_of_a_task_is_left_out(edge: EdgeServer) -> None:
    """It appends the task with its exception, whose text may hold what no log may hold."""
    logger, handler = logging.getLogger("asyncio"), LibraryLines()
    logger.addHandler(handler)
    error = ValueError(CARD)
    with asyncio.Runner() as runner:
        failed = runner.get_loop().create_future()
        failed.set_exception(error)
        context = {"message": "Never retrieved.", "future": failed, "exception": error}
        runner.get_loop().call_exception_handler(context)
        assert failed.exception() is error
    logger.removeHandler(handler)
    [line] = RECORDS
    assert line == {
        "event": "Never retrieved.",
        "logger": "asyncio",
        "exceptions": ["builtins.ValueError"],
        "frames": [],
    }
