"""Bad input 38: page sizes and cursors. tests/parsing/test_pages.py says which are wrong; here each list has some."""

import orjson
import pytest
from graphql import build_schema, is_object_type

from tests.support.callers.cursors import encoded
from tests.support.callers.raw_requests import post_text, refused
from tests.support.callers.sockets import first_message
from tests.support.flow.shop import authorize, capture, open_collection, open_session, pay
from tests.support.program.running import ROOT, Json, RunningServer, document

pytestmark = pytest.mark.once

PAGE = "edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
EVENTS = 'paymentCollection(id: "COLLECTION") { events(ARGUMENTS) { PAGE } }'
HISTORY = """paymentCollection(id: "COLLECTION") {
  payments { events(ARGUMENTS) { PAGE } } }"""
LISTS = {
    name: f"{{ {text} }}".replace("PAGE", PAGE)
    for name, text in {
        "paymentCollections": "paymentCollections(ARGUMENTS) { PAGE }",
        "payments": "payments(ARGUMENTS) { PAGE }",
        "paymentEvents": "paymentEvents(ARGUMENTS) { PAGE }",
        "unsettledOperations": "unsettledOperations(ARGUMENTS) { PAGE }",
        "events": EVENTS,
        "history": HISTORY,
    }.items()
}
OF_EVENTS = {"paymentEvents", "events", "history"}
"""Lists that share their cursors."""


@pytest.fixture(scope="module")
def collection_id(open_server: RunningServer) -> str:
    """Return a collection with a payment, something unsettled and a log of several events."""
    collection = open_collection(open_server)
    for token in ("lost_reply", "approve", "pending"):
        session = open_session(open_server, collection["id"], token, amount="30.00")
        payment = authorize(open_server, session["id"])
        if token == "approve":
            capture(open_server, payment["id"], amount="10.00")
            capture(open_server, payment["id"], amount="5.00")
    return str(collection["id"])


def _query(name: str, collection_id: str, arguments: str) -> str:
    text = LISTS[name].replace("COLLECTION", collection_id)
    return text.replace("(ARGUMENTS)", f"({arguments})" if arguments else "")


def _page(server: RunningServer, name: str, collection_id: str, arguments: str) -> Json:
    data = server.execute(_query(name, collection_id, arguments))
    if name == "history":
        (payment,) = data["paymentCollection"]["payments"]
        return payment["events"]
    return data["paymentCollection"]["events"] if name == "events" else data[name]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", LISTS)
def test_a_page_has_1_to_100_items(
    open_server: RunningServer, collection_id: str, name: str
) -> None:
    """Any other size is HTTP 422 and INVALID_INPUT; what is no 32-bit integer is none."""
    for first in ("0", "-1", "101"):
        response = post_text(open_server, _query(name, collection_id, f"first: {first}"))
        assert refused(response) == (422, "INVALID_INPUT"), first
    response = post_text(open_server, _query(name, collection_id, "first: 2147483648"))
    assert refused(response) == (422, "GRAPHQL_VALIDATION_FAILED")


def test_every_size_is_an_int() -> None:
    """Of whatever takes `first` or `last`, it is GraphQL's Int, which takes no string, fraction or boolean."""
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text())
    sizes = [
        argument.type
        for kind in schema.type_map.values()
        if is_object_type(kind)
        for field in kind.fields.values()
        for name, argument in field.args.items()
        if name in ("first", "last")
    ]
    assert set(map(str, sizes)) == {"Int"}
    assert len(sizes) >= len(LISTS)


ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
NEVER_WAS = {
    "paymentCollections": f"collection:pay_col_{ULID}",
    "payments": f"payment:pay_{ULID}",
    "unsettledOperations": f"unsettled:capt_{ULID}",
    "paymentEvents": f"event:evt_{ULID}",
    "events": f"event:evt_{ULID}",
    "history": f"event:evt_{ULID}",
}
"""The text in a cursor of each list for an object that never existed."""


@pytest.mark.both
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", LISTS)
def test_a_forged_cursor_is_refused(
    open_server: RunningServer, collection_id: str, name: str
) -> None:
    """HTTP 422 and INVALID_CURSOR, for what no list has written and for what could be its own and never was."""
    for cursor in ("", "x\0", encoded(NEVER_WAS[name])):
        after = orjson.dumps(cursor).decode()
        response = post_text(open_server, _query(name, collection_id, f"after: {after}"))
        assert refused(response) == (422, "INVALID_CURSOR"), cursor


@pytest.fixture(scope="module")
def cursors(open_server: RunningServer, collection_id: str) -> dict[str, str]:
    """Return a cursor of each list."""
    return {
        name: _page(open_server, name, collection_id, "first: 1")["edges"][0]["cursor"]
        for name in LISTS
    }


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", LISTS)
def test_a_cursor_of_another_list_is_refused(
    open_server: RunningServer, collection_id: str, cursors: dict[str, str], name: str
) -> None:
    """Only events share their cursors: a payment's, its collection's and the whole log's are the same."""
    for other, cursor in cursors.items():
        if name != other and not {name, other} <= OF_EVENTS:
            response = post_text(open_server, _query(name, collection_id, f'after: "{cursor}"'))
            assert refused(response) == (422, "INVALID_CURSOR"), other


@pytest.mark.both
@pytest.mark.usefixtures("unchanged")
def test_a_collection_s_log_does_not_go_on_behind_another_collection_s_event(
    open_server: RunningServer, collection_id: str
) -> None:
    """A genuine event's cursor of another collection is INVALID_CURSOR there."""
    other = open_server.execute(
        _query("payments", collection_id, "first: 100").replace(
            "node { id }", "node { id paymentCollection { id } }"
        )
    )
    ids = {edge["node"]["paymentCollection"]["id"] for edge in other["payments"]["edges"]}
    foreign = next(iter(ids - {collection_id}))
    cursor = _page(open_server, "events", foreign, "first: 1")["edges"][0]["cursor"]
    for name in ("events", "history"):
        response = post_text(open_server, _query(name, collection_id, f'after: "{cursor}"'))
        assert refused(response) == (422, "INVALID_CURSOR")


@pytest.fixture(scope="module", autouse=True)
def another_payment(open_server: RunningServer) -> None:
    """Make sure that another collection has a payment and a log."""
    pay(open_server)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("cursor", ["", encoded(f"event:evt_{ULID}")])
@pytest.mark.parametrize(
    "name", ["front_end/06_watch_payment_collection", "back_end/12_follow_payment_events"]
)
def test_a_stream_does_not_resume_at_a_forged_cursor(
    open_server: RunningServer, collection_id: str, name: str, cursor: str
) -> None:
    """It ends before its first item with INVALID_CURSOR."""
    variables = {"after": cursor}
    if name.startswith("front_end"):
        variables["id"] = collection_id
    message = first_message(open_server, document(name), variables)
    assert message["type"] == "error"
    assert [error["extensions"]["code"] for error in message["payload"]] == ["INVALID_CURSOR"]


@pytest.mark.both
@pytest.mark.parametrize("name", LISTS)
def test_pages_join_without_gap_or_repeat(
    open_server: RunningServer, collection_id: str, name: str
) -> None:
    """One item a page, each after the last one's cursor, is the whole list in its order."""
    whole = _page(open_server, name, collection_id, "first: 4")
    found: list[Json] = []
    after = ""
    for _ in range(4):
        page = _page(open_server, name, collection_id, f"first: 1{after}")
        found += page["edges"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = f', after: "{page["pageInfo"]["endCursor"]}"'
    assert found == whole["edges"]
    assert len({edge["cursor"] for edge in found}) == len(found)


@pytest.mark.both
def test_the_history_of_a_payment_is_its_own(
    open_server: RunningServer, collection_id: str
) -> None:
    """From its authorization on, oldest first, in a collection where more has happened."""
    types = "edges { node { type amount payment { id } } }"
    query = f"query ($id: ID!) {{ paymentCollection(id: $id) {{ payments {{ id events {{ {types} }} }} }} }}"
    found = open_server.execute(query, {"id": collection_id})["paymentCollection"]
    (payment,) = found["payments"]
    assert [edge["node"] for edge in payment["events"]["edges"]] == [
        {"type": type, "amount": amount, "payment": {"id": payment["id"]}}
        for type, amount in (
            ("SESSION_AUTHORIZED", "30.00"),
            ("PAYMENT_CAPTURE_PENDING", "10.00"),
            ("PAYMENT_CAPTURED", "10.00"),
            ("PAYMENT_CAPTURE_PENDING", "5.00"),
            ("PAYMENT_CAPTURED", "5.00"),
        )
    ]


@pytest.mark.both
def test_a_collection_s_cursor_goes_on_in_the_history_of_its_payment(
    open_server: RunningServer, collection_id: str
) -> None:
    """Behind an event that is none of the payment's come those of its own that are later."""
    history = _page(open_server, "history", collection_id, "")["edges"]
    for edge in _page(open_server, "events", collection_id, "first: 100")["edges"]:
        rest = _page(open_server, "events", collection_id, f'after: "{edge["cursor"]}"')["edges"]
        found = _page(open_server, "history", collection_id, f'after: "{edge["cursor"]}"')["edges"]
        assert found == [one for one in rest if one in history]


@pytest.mark.both
def test_an_event_s_cursor_goes_on_in_the_whole_log(
    open_server: RunningServer, collection_id: str
) -> None:
    """A cursor read in a collection's log is taken by the whole log, which goes on right after it."""
    own = _page(open_server, "events", collection_id, "first: 2")["edges"]
    rest = _page(open_server, "paymentEvents", collection_id, f'after: "{own[0]["cursor"]}"')
    assert rest["edges"][0] == own[1]
