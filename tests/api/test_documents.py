"""Every document of queries/, and every complete one, fits the schema and the limits, and answers well and badly."""

import orjson
import pytest
from graphql import (
    FieldNode,
    GraphQLSchema,
    Lexer,
    OperationDefinitionNode,
    Source,
    TokenKind,
    parse,
    validate,
)
from graphql.language import Node as SyntaxNode
from graphql.language import SelectionSetNode, Visitor, visit

from tests.complete_documents import complete_documents
from tests.support.callers.schema import committed_schema
from tests.support.callers.sockets import first_message
from tests.support.program.running import DOCUMENTS, Json, RunningServer, document, document_names

pytestmark = pytest.mark.once

NAMES = document_names()
EXAMPLES = [name for name in NAMES if not name.startswith("complete/")]
HERE = [name for name in EXAMPLES if "webhook" not in name]
"""Those on webhooks need somebody who is told: tests/webhooks/test_documents.py runs them."""

COMPLETE = [name for name in NAMES if name.startswith("complete/")]

TOKENS_MAX, DEPTH_MAX, ALIASES_MAX, BODY_BYTES_MAX = 1_000, 10, 15, 64 * 1024


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    """Return the committed schema."""
    return committed_schema()


def test_there_are_documents_for_both_ends() -> None:
    """The folders are not empty, so that the tests below are about something."""
    folders = [name.partition("/")[0] for name in NAMES]
    assert {folder: folders.count(folder) for folder in sorted(set(folders))} == {
        "back_end": 39,
        "complete": 30,
        "front_end": 10,
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_document_fits_the_committed_schema(schema: GraphQLSchema, name: str) -> None:
    """graphql-core's own validation finds nothing."""
    assert validate(schema, parse(document(name))) == []


class _Measure(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.aliases = self.depth = self.deepest = 0

    def enter(self, node: SyntaxNode, *_: object) -> None:
        if isinstance(node, FieldNode):
            self.aliases += node.alias is not None
            self.depth += 1
            self.deepest = max(self.deepest, self.depth)

    def leave(self, node: SyntaxNode, *_: object) -> None:
        if isinstance(node, FieldNode):
            self.depth -= 1


def _tokens(text: str) -> int:
    lexer, count = Lexer(Source(text)), 0
    while (token := lexer.advance()).kind is not TokenKind.EOF:
        count += token.kind is not TokenKind.COMMENT
    return count


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_within_the_limits(name: str) -> None:
    """Tokens, depth, aliases, root fields and bytes are those that every client has."""
    text = document(name)
    (operation,) = parse(text).definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert isinstance(operation.selection_set, SelectionSetNode)
    measure = _Measure()
    visit(operation, measure)
    assert len(operation.selection_set.selections) == 1
    assert _tokens(text) <= TOKENS_MAX
    assert measure.deepest <= DEPTH_MAX
    assert measure.aliases <= ALIASES_MAX
    assert len(text.encode()) <= BODY_BYTES_MAX


def test_the_complete_documents_are_those_of_the_schema(schema: GraphQLSchema) -> None:
    """tests/documents/complete/ is what tests/complete_documents.py writes, no more and no less."""
    written = {path.stem: path.read_text() for path in (DOCUMENTS / "complete").glob("*.graphql")}
    assert written == dict(complete_documents(schema))


# ── Success ────────────────────────────────────────────────────────────────────


def examples_of(server: RunningServer) -> dict[str, Json]:
    """Ask the server for GraphiQL's tabs, their variables filled with fresh objects; by the document's text."""
    response = server.client.post("/graphql/examples", json={})
    assert response.status_code == 200, response.text
    return {tab["query"]: orjson.loads(tab["variables"]) for tab in response.json()}


@pytest.fixture(scope="module")
def examples(open_server: RunningServer) -> dict[str, Json]:
    """Return each document's variables, once."""
    return examples_of(open_server)


def test_every_example_is_a_tab(open_server: RunningServer) -> None:
    """GraphiQL's tabs are the documents of both ends, each with a title of its own and no placeholder left."""
    tabs = open_server.client.post("/graphql/examples", json={}).json()
    assert sorted(tab["query"] for tab in tabs) == sorted(document(name) for name in EXAMPLES)
    assert len({tab["title"] for tab in tabs}) == len(tabs)
    for tab in tabs:
        assert tab["title"]
        assert '"@' not in tab["variables"]


SUCCESS = {
    "createPaymentCollection": "PaymentCollection",
    "updatePaymentCollection": "PaymentCollection",
    "cancelPaymentCollection": "PaymentCollection",
    "createPaymentSession": "PaymentSession",
    "createPaymentSessions": "PaymentSessionsCreated",
    "updatePaymentSession": "PaymentSession",
    "cancelPaymentSession": "PaymentSession",
    "authorizePaymentSession": "Payment",
    "capturePayment": "Payment",
    "refundPayment": "Payment",
    "cancelPayment": "Payment",
    "askAgain": "UnsettledOperation",
    "settleOperation": "Settled",
    "updatePaymentProvider": "PaymentProvider",
    "createAccountHolder": "AccountHolder",
    "updateAccountHolder": "AccountHolder",
    "deleteAccountHolder": "Deleted",
    "savePaymentMethod": "PaymentMethod",
    "deletePaymentMethod": "Deleted",
    "markPaymentCollectionAsPaid": "PaymentCollection",
    "rotateClientSecret": "PaymentCollection",
    "createRefundReason": "RefundReason",
    "updateRefundReason": "RefundReason",
    "deleteRefundReason": "Deleted",
    "createWebhookEndpoint": "WebhookEndpoint",
    "updateWebhookEndpoint": "WebhookEndpoint",
    "rotateWebhookSecret": "WebhookEndpoint",
    "redeliverWebhook": "WebhookDelivery",
    "recoverWebhookEndpoint": "WebhookEndpoint",
    "deleteWebhookEndpoint": "Deleted",
}


def root_field(name: str) -> tuple[str, str]:
    """Return what kind of operation a document is, and its one root field."""
    (operation,) = parse(document(name)).definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert isinstance(operation.selection_set, SelectionSetNode)
    (field,) = operation.selection_set.selections
    assert isinstance(field, FieldNode)
    return operation.operation.value, field.name.value


@pytest.mark.both
@pytest.mark.parametrize("name", HERE)
def test_an_example_runs_as_it_is(
    open_server: RunningServer, examples: dict[str, Json], name: str
) -> None:
    """With the variables that the server fills in it answers with its success member, or its stream with an item."""
    text = document(name)
    kind, field_name = root_field(name)
    if kind == "subscription":
        _item_arrives(open_server, text, examples[text])
        return
    value = open_server.execute(text, examples[text])[field_name]
    assert value
    assert "code" not in value
    if name == "front_end/05_authorize_with_challenge":
        assert value["__typename"] == "RequiresMoreAction"


def _item_arrives(server: RunningServer, text: str, variables: Json) -> None:
    message = first_message(server, text, variables)
    assert message["type"] == "next", message
    assert "errors" not in message["payload"]
    assert list(message["payload"]["data"].values()) != [None]


def test_every_mutation_has_a_success_member_here(schema: GraphQLSchema) -> None:
    """A new mutation fails here until it is in the table."""
    assert schema.mutation_type is not None
    assert set(schema.mutation_type.fields) == SUCCESS.keys()
    assert [f"complete/{name}" for name in sorted(SUCCESS)] == COMPLETE


@pytest.fixture(scope="module")
def more_examples(open_server: RunningServer) -> dict[str, Json]:
    """Return each document's variables once more, on objects of their own."""
    return examples_of(open_server)


@pytest.mark.both
@pytest.mark.parametrize("field_name", [one for one in SUCCESS if "Webhook" not in one])
def test_a_complete_document_answers_with_success(
    open_server: RunningServer, more_examples: dict[str, Json], field_name: str
) -> None:
    """Every field of the success member is read, without an error, on what the example's variables name."""
    (name,) = [
        name for name in EXAMPLES if root_field(name)[1] == field_name and "_with_" not in name
    ]
    value = open_server.change(field_name, more_examples[document(name)]["input"])
    assert value["__typename"] == SUCCESS[field_name], value


def test_the_complete_authorization_answers_with_an_action(
    open_server: RunningServer, more_examples: dict[str, Json]
) -> None:
    """RequiresMoreAction is read whole, with the address to open."""
    variables = more_examples[document("front_end/05_authorize_with_challenge")]
    value = open_server.change("authorizePaymentSession", variables["input"])
    assert value["__typename"] == "RequiresMoreAction"
    assert value["action"]["__typename"] == "RedirectToUrl"
    assert value["action"]["url"].startswith(f"{open_server.url}/sandbox/challenges/")


# ── Failure ────────────────────────────────────────────────────────────────────

FAILURES: dict[str, tuple[Json, str, str]] = {
    "createPaymentCollection": (
        {"amount": "0", "currencyCode": "USD"},
        "RequestRejected",
        "INVALID_INPUT",
    ),
    "updatePaymentCollection": ({"id": "none"}, "RequestRejected", "NOT_FOUND"),
    "cancelPaymentCollection": ({"id": "none"}, "RequestRejected", "NOT_FOUND"),
    "createPaymentSession": (
        {"paymentCollectionId": "none", "providerId": "sandbox"},
        "RequestRejected",
        "NOT_FOUND",
    ),
    "createPaymentSessions": ({"paymentCollectionId": "none"}, "RequestRejected", "NOT_FOUND"),
    "updatePaymentSession": ({"id": "none"}, "RequestRejected", "NOT_FOUND"),
    "cancelPaymentSession": ({"id": "none"}, "RequestRejected", "NOT_FOUND"),
    "authorizePaymentSession": ({"id": "none"}, "AuthorizationFailed", "NOT_FOUND"),
    "capturePayment": ({"paymentId": "none", "idempotencyKey": "x"}, "CaptureFailed", "NOT_FOUND"),
    "refundPayment": ({"paymentId": "none", "idempotencyKey": "x"}, "RefundFailed", "NOT_FOUND"),
    "cancelPayment": ({"paymentId": "none"}, "CancelFailed", "NOT_FOUND"),
    "askAgain": ({"id": "none"}, "RequestRejected", "NOT_FOUND"),
    "settleOperation": (
        {"id": "none", "outcome": "SUCCEEDED", "evidence": "line 14", "idempotencyKey": "x"},
        "RequestRejected",
        "NOT_FOUND",
    ),
    "updatePaymentProvider": ({"id": "none", "isEnabled": True}, "RequestRejected", "NOT_FOUND"),
    "createAccountHolder": (
        {"providerId": "none", "customerReference": "ada"},
        "RequestRejected",
        "PROVIDER_DISABLED",
    ),
    "updateAccountHolder": ({"id": "none"}, "RequestRejected", "NOT_FOUND"),
    "deleteAccountHolder": ({"id": "none"}, "RequestRejected", "NOT_FOUND"),
    "savePaymentMethod": ({"accountHolderId": "none"}, "RequestRejected", "NOT_FOUND"),
    "deletePaymentMethod": ({"id": "none"}, "RequestRejected", "NOT_FOUND"),
    "markPaymentCollectionAsPaid": (
        {"id": "none", "idempotencyKey": "x"},
        "RequestRejected",
        "NOT_FOUND",
    ),
    "rotateClientSecret": ({"paymentCollectionId": "none"}, "RequestRejected", "NOT_FOUND"),
    "createRefundReason": ({"code": "No", "label": "No"}, "RequestRejected", "INVALID_INPUT"),
    "updateRefundReason": ({"id": "none"}, "RequestRejected", "NOT_FOUND"),
    "deleteRefundReason": ({"id": "none"}, "RequestRejected", "NOT_FOUND"),
    "createWebhookEndpoint": ({"url": "https://10.0.0.1/"}, "RequestRejected", "INVALID_INPUT"),
    "updateWebhookEndpoint": ({"id": "none"}, "RequestRejected", "NOT_FOUND"),
    "deleteWebhookEndpoint": ({"id": "none"}, "RequestRejected", "NOT_FOUND"),
    "rotateWebhookSecret": ({"id": "none"}, "RequestRejected", "NOT_FOUND"),
    "redeliverWebhook": ({"id": "none"}, "RequestRejected", "NOT_FOUND"),
    "recoverWebhookEndpoint": (
        {"id": "none", "since": "2026-11-01T00:00:00Z"},
        "RequestRejected",
        "NOT_FOUND",
    ),
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("field_name", SUCCESS)
def test_a_complete_document_answers_with_failure(
    open_server: RunningServer, field_name: str
) -> None:
    """Every field of the failing member is read, without an error; nothing is changed."""
    given, typename, code = FAILURES[field_name]
    value = open_server.change(field_name, given)
    assert (value["__typename"], value["code"], value["retryable"]) == (typename, code, False)
    assert value["message"]
    assert value["requestId"]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", [name for name in EXAMPLES if root_field(name)[0] == "mutation"])
def test_an_example_reads_a_failure_too(open_server: RunningServer, name: str) -> None:
    """The document of a use case shows code, message, path, retryable and request id of a refusal."""
    _, field_name = root_field(name)
    given, _, code = FAILURES[field_name]
    value = open_server.execute(document(name), {"input": given})[field_name]
    assert value["code"] == code
    assert {"message", "path", "retryable", "requestId"} <= value.keys()
