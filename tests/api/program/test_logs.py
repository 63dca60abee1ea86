"""The log: one line a request and one a step of the flow, and no secret in any."""

import datetime
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from socket import SHUT_WR

import orjson
import pytest

from tests.support.callers.raw_connections import UPGRADE, connected, received
from tests.support.flow.shop import new_key
from tests.support.program.files import whole_lines
from tests.support.program.keys import HASHED_KEY, KEYS, SECRET_KEY
from tests.support.program.running import QUICK_RECOVERY, ROOT, Json, RunningServer, document
from tests.support.program.server_log import lines_of
from tests.support.waiting import until

pytestmark = pytest.mark.once

CARD = "4242424242424241"
CARD_IN_GROUPS = "4000 0566 5566 5557"
"""Their last digits do not fit, so that they are taken; tests/rules/test_metadata.py has one whose digits fit."""
SIGNING_KEY = "the-key-that-signs-client-secrets"
WEBHOOK_SECRET = "the-secret-that-signs-reports-here"


STEPS = {
    "flow-create": 1,
    "flow-open": 1,
    "flow-authorize": 3,
    "flow-capture": 3,
    "flow-refund": 3,
    "flow-cancel": 3,
    "flow-show": 0,
}
"""Steps of each request's flow: the gateway is asked between preparing and recording."""


@dataclass(frozen=True)
class Flow:
    """A whole flow of a shop's, and what may be in no log."""

    server: RunningServer
    collection_id: str
    client_secret: str
    secrets: tuple[str, ...]
    begun: float
    """By the monotonic clock."""

    @property
    def milliseconds(self) -> float:
        """Return how long ago it began: no step of it took longer."""
        return (time.monotonic() - self.begun) * 1_000


def _request(
    server: RunningServer, name: str, variables: Json, request_id: str, bearer: str = SECRET_KEY
) -> Json:
    response = server.client.post(
        "/graphql",
        content=orjson.dumps({"query": document(name), "variables": variables}),
        headers={
            "content-type": "application/json",
            "authorization": f"Bearer {bearer}",
            "x-request-id": request_id,
        },
    )
    answer = orjson.loads(response.content)
    assert "errors" not in answer, answer
    (value,) = answer["data"].values()
    return value


def _refusals(server: RunningServer) -> list[Json]:
    return [line for line in server.log_lines() if line.get("status") == 401]


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flow]:
    """Run a flow with both credentials, with card numbers in free text, and return the server with its log."""
    environment = {
        **QUICK_RECOVERY,
        **KEYS,
        "TILLGRAPH_SIGNING_KEYS": SIGNING_KEY,
        "TILLGRAPH_SANDBOX_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    server = RunningServer(tmp_path_factory.mktemp("logged"), environment)
    server.credential = SECRET_KEY
    server.start()
    begun = time.monotonic()
    made = _request(
        server,
        "complete/createPaymentCollection",
        {
            "input": {
                "amount": "100.00",
                "currencyCode": "USD",
                "reference": f"order {CARD_IN_GROUPS}",
                "metadata": {"card": CARD, CARD: "as a key"},
                "idempotencyKey": "flow-create",
            }
        },
        "flow-create",
    )
    secret = made["clientSecret"]
    session = _request(
        server,
        "complete/createPaymentSession",
        {
            "input": {
                "paymentCollectionId": made["id"],
                "providerId": "sandbox",
                "returnUrl": "http://localhost:3000/?token=url-secret-0001",
            }
        },
        "flow-open",
        secret,
    )
    payment = _request(
        server,
        "complete/authorizePaymentSession",
        {"input": {"id": session["id"], "data": {"token": "approve"}}},
        "flow-authorize",
        secret,
    )
    _request(
        server,
        "complete/capturePayment",
        {
            "input": {
                "paymentId": payment["id"],
                "amount": "60.00",
                "createdBy": CARD,
                "metadata": {"card": CARD},
                "idempotencyKey": "flow-capture-key-0001",
            }
        },
        "flow-capture",
    )
    _request(
        server,
        "complete/refundPayment",
        {
            "input": {
                "paymentId": payment["id"],
                "note": f"card {CARD_IN_GROUPS}",
                "idempotencyKey": "flow-refund-key-0001",
            }
        },
        "flow-refund",
    )
    _request(
        server, "complete/cancelPayment", {"input": {"paymentId": payment["id"]}}, "flow-cancel"
    )
    _request(server, "back_end/02_show_payment_collection", {"id": made["id"]}, "flow-show")
    for wrong in (f"{SECRET_KEY}-wrong", f"{secret}x"):
        assert server.post("{ __typename }", bearer=wrong).status_code == 401
    for request_id in STEPS:
        assert lines_of(server, request_id, "request")
    until(lambda: len(_refusals(server)) == 2)  # A line is written after its answer is out.
    yield Flow(
        server,
        made["id"],
        secret,
        (
            SECRET_KEY,
            HASHED_KEY,
            SIGNING_KEY,
            WEBHOOK_SECRET,
            secret,
            secret.split("_", 4)[4],
            CARD,
            CARD_IN_GROUPS,
            "url-secret-0001",
            "flow-capture-key-0001",
        ),
        begun,
    )
    server.close()


@pytest.mark.parametrize("request_id", STEPS)
def test_a_request_has_one_line(flow: Flow, request_id: str) -> None:
    """It names the request, the operation, the collection, the status and the duration."""
    (line,) = lines_of(flow.server, request_id, "request")
    assert line["collection_id"] == flow.collection_id
    assert line["status"] == 200
    assert line["transport"] == "http"
    assert line["operation_name"]
    assert 0 < line["duration_ms"] < flow.milliseconds
    assert line["level"] == "info"
    assert datetime.datetime.fromisoformat(line["timestamp"]).tzinfo is not None


@pytest.mark.parametrize("request_id", STEPS)
def test_a_step_of_the_flow_has_one_line(flow: Flow, request_id: str) -> None:
    """Prepare, ask and record each name the request, the collection and the duration."""
    lines = lines_of(flow.server, request_id, "step")
    assert len(lines) == STEPS[request_id], lines
    if STEPS[request_id] == 3:
        assert [line["step"] for line in lines] == ["prepare", "ask", "record"]
    for line in lines:
        assert line["collection_id"] == flow.collection_id
        assert line["result"] == "done"
        assert 0 <= line["duration_ms"] < flow.milliseconds


def test_a_refused_request_has_a_line(flow: Flow) -> None:
    """A wrong credential is logged with its status, and with no collection."""
    for line in _refusals(flow.server):
        assert line["event"] == "request"
        assert line["collection_id"] is None


def test_every_line_is_one_json_object(flow: Flow) -> None:
    """Nothing else is written but the sentence that says where the server serves."""
    others = [
        line
        for line in flow.server.log_path.read_text().splitlines()
        if not line.startswith("{") and line != f"Tillgraph serves on {flow.server.url}/graphql"
    ]
    assert others == []
    assert flow.server.log_lines()


def test_no_secret_is_in_the_log(flow: Flow) -> None:
    """No key, client secret, card number, return address or idempotency key is in the log's text."""
    text = flow.server.log_path.read_text()
    assert flow.collection_id in text
    assert [secret for secret in flow.secrets if secret in text] == []


def test_a_declined_authorization_leaves_no_raw_message(flow: Flow) -> None:
    """The log has the steps of a declined attempt, and nothing that the gateway wrote."""
    made = flow.server.change("createPaymentCollection", {"amount": "10.00", "currencyCode": "USD"})
    session = flow.server.change(
        "createPaymentSession",
        {
            "paymentCollectionId": made["id"],
            "providerId": "sandbox",
            "data": {"token": "decline:insufficient_funds"},
        },
    )
    key = new_key()
    value = _request(
        flow.server,
        "complete/authorizePaymentSession",
        {"input": {"id": session["id"], "idempotencyKey": key}},
        "flow-declined",
    )
    assert (value["code"], value["declineCode"]) == ("DECLINED", "insufficient_funds")
    assert len(lines_of(flow.server, "flow-declined", "request")) == 1
    assert [line["step"] for line in lines_of(flow.server, "flow-declined", "step")] == [
        "prepare",
        "ask",
        "record",
    ]
    text = flow.server.log_path.read_text()
    assert "decline:insufficient_funds" not in text
    assert value["message"] not in text
    assert key not in text


def test_every_line_is_json(keyed_server: RunningServer) -> None:
    """Every line but the start-up one is JSON, even after invalid HTTP, too large a head or an invalid message."""
    for sent in (
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"x" * 40_000,
        UPGRADE.replace(b"Upgrade: websocket", b"Upgrade: none"),
    ):
        with connected(keyed_server.port) as connection:
            connection.sendall(sent)
            connection.shutdown(SHUT_WR)
            assert received(connection)
    with connected(keyed_server.port) as connection:
        connection.sendall(UPGRADE)
        assert received(connection, until=b"\r\n\r\n")  # What comes with it is no frame yet.
        connection.sendall(b"\x81\x81\0\0\0\0\xff")
        assert received(connection)
    keyed_server.execute("{ __typename }")
    other = [line for line in whole_lines(keyed_server.log_path) if not line.startswith(b"{")]
    assert [line[:19] for line in other] == [b"Tillgraph serves on"]


@pytest.mark.long
def test_what_libraries_log_is_json() -> None:
    """A server's log has no line of another form, whichever library it comes from."""
    program = (
        "import logging, warnings, server; server.configure_logging();"
        " logging.getLogger('uvicorn.error').error('Failed.\\nTwice.', exc_info=ValueError('word'));"
        " warnings.warn('Soon.', stacklevel=1)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, cwd=ROOT
    )
    lines = [orjson.loads(line) for line in ended.stderr.splitlines()]
    assert [line["logger"] for line in lines] == ["uvicorn.error", "py.warnings"]
    assert lines[0]["exceptions"] == ["builtins.ValueError"]
    assert b"word" not in ended.stderr
