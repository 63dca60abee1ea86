"""Lists within lists: an answer ends where it holds more than anybody reads, whoever asks, over every transport."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.callers.sockets import open_socket, receive, subscribe
from tests.support.flow.shop import open_collection
from tests.support.program.keys import KEYS, SECRET_KEY
from tests.support.program.running import NO_RECOVERY, Json, RunningServer
from tests.support.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.once

MANY_TIMES = 10
"""Without turns it is once or twice: the processor is taken for seconds."""

SESSIONS = 100
"""As many as a collection may have: what its browser can bring about by itself."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server that demands a key."""
    running = RunningServer(tmp_path_factory.mktemp("sizes"), {**NO_RECOVERY, **KEYS})
    running.credential = SECRET_KEY
    # To fill a back end's whole limit takes seconds, and many of them on a machine that does other things too.
    running.client.timeout = 2 * PATIENCE_SECONDS
    yield running.start()
    running.close()


@pytest.fixture(scope="module")
def collection(server: RunningServer) -> Json:
    """Return a collection whose browser has opened every session that it can."""
    made = open_collection(server)
    inputs = {"paymentCollectionId": made["id"], "providerId": "sandbox"}
    for _ in range(SESSIONS):
        server.change("createPaymentSession", inputs, bearer=made["clientSecret"])
    return made


def nested(levels: int, within: str = "paymentSessions { paymentCollection { %s } }") -> str:
    """Ask for the sessions of the collection of each session, and so on."""
    selected = "id"
    for _ in range(levels):
        selected = within % selected
    return selected


THROUGH_NULL = (
    "paymentSessions { id payment { id } requiredAction { __typename } paymentCollection { %s } }"
)
THROUGH_EVENTS = "events(first: 100) { edges { node { paymentCollection { %s } } } }"


@pytest.mark.parametrize(
    "selected",
    [nested(4), nested(3), nested(3, THROUGH_NULL), nested(2, THROUGH_EVENTS)],
    ids=["four times", "three times", "with fields that may be null", "through the log"],
)
def test_what_multiplies_is_refused(server: RunningServer, collection: Json, selected: str) -> None:
    """HTTP 422 and LIMIT_EXCEEDED before it is worked out, told a few times and not at each place."""
    refused_to(server, collection["clientSecret"], collection["id"], selected)


def test_a_back_end_is_held_to_a_limit_too(server: RunningServer, collection: Json) -> None:
    """To a larger one: its mistake would keep the browsers waiting."""
    refused_to(server, SECRET_KEY, collection["id"], nested(4))


def refused_to(server: RunningServer, bearer: str, id: str, selected: str) -> None:
    """Ask for a collection, and hold the answer to a refusal."""
    query = f"query ($id: ID!) {{ paymentCollection(id: $id) {{ {selected} }} }}"
    response = server.post(query, {"id": id}, bearer=bearer)
    answer = response.json()
    assert (response.status_code, "data" in answer) == (422, False)
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"LIMIT_EXCEEDED"}
    assert len(answer["errors"]) <= 20


def test_a_socket_and_a_stream_are_held_to_the_same(
    server: RunningServer, collection: Json
) -> None:
    """The query and the first item of a subscription are told LIMIT_EXCEEDED; the socket stays open."""
    variables = {"id": collection["id"]}
    with open_socket(server, bearer=collection["clientSecret"]) as socket:
        query = f"query ($id: ID!) {{ paymentCollection(id: $id) {{ {nested(4)} }} }}"
        subscribe(socket, query, variables)
        message = receive(socket)
        assert message["payload"]["data"] == {"paymentCollection": None}
        assert message["payload"]["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
        assert receive(socket)["type"] == "complete"


def test_a_change_stands_whose_answer_is_too_large(server: RunningServer, collection: Json) -> None:
    """The mutation is done, and the error says why nothing is shown of it."""
    query = (
        "mutation ($input: UpdatePaymentCollectionInput!) { updatePaymentCollection(input: $input)"
        f" {{ ... on PaymentCollection {{ {nested(3)} }} }} }}"
    )
    answer = server.post(query, {"input": {"id": collection["id"], "reference": "after"}}).json()
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
    shown = server.run("back_end/02_show_payment_collection", id=collection["id"])
    assert shown["reference"] == "after"


def test_a_collection_with_all_its_sessions_is_shown(
    server: RunningServer, collection: Json
) -> None:
    """By the documents that shops use, to its browser and to a back end."""
    browser = collection["clientSecret"]
    for name, bearer in (
        ("front_end/01_show_checkout", browser),
        ("back_end/02_show_payment_collection", browser),
        ("back_end/02_show_payment_collection", None),
    ):
        shown = server.run(name, id=collection["id"], bearer=bearer)
        assert len(shown["paymentSessions"]) == SESSIONS


def test_a_large_answer_keeps_nobody_waiting(server: RunningServer, collection: Json) -> None:
    """While a back end's large answer is worked out, others are answered again and again."""
    query = f"query ($id: ID!) {{ paymentCollection(id: $id) {{ {nested(2, THROUGH_EVENTS)} }} }}"

    def answered_meanwhile() -> int:
        answered = 0
        with ThreadPoolExecutor(1) as pool:
            large = pool.submit(server.post, query, {"id": collection["id"]})
            while not large.done():
                server.execute("{ __typename }", bearer=collection["clientSecret"])
                answered += 1
        assert large.result().status_code == 200
        return answered

    # The system may give this process no time just then.
    until(lambda: answered_meanwhile() >= MANY_TIMES)
