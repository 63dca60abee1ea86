"""Lists: filters, both orders, both directions, and what they are while rows arrive."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.callers.cursors import encoded
from tests.support.callers.raw_requests import refused
from tests.support.flow.shop import authorize, capture, open_collection, open_session
from tests.support.program.running import Json, RunningServer

COLLECTIONS = """query (
  $filter: PaymentCollectionFilter, $sort: SortOrder, $first: Int, $after: String, $last: Int, $before: String
) { list: paymentCollections(
  filter: $filter, sort: $sort, first: $first, after: $after, last: $last, before: $before
) { totalCount edges { cursor node { id createdAt } } pageInfo {
  hasNextPage hasPreviousPage startCursor endCursor } } }"""
PAYMENTS = COLLECTIONS.replace("PaymentCollectionFilter", "PaymentFilter").replace(
    "paymentCollections", "payments"
)
BOTH = pytest.mark.parametrize("query", [COLLECTIONS, PAYMENTS], ids=["collections", "payments"])

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server of this file's own, on which nothing else is listed."""
    running = RunningServer(tmp_path_factory.mktemp("listed")).start()
    yield running
    running.close()


@pytest.fixture(scope="module")
def shop(listed: RunningServer) -> dict[str, list[str]]:
    """Return the ids of six collections, oldest first, and of the payments of four of them."""
    collections, payments = [], []
    for number, (currency, provider, amount) in enumerate(
        [
            ("USD", "sandbox", "10.00"),
            ("EUR", "sandbox", "10.00"),
            ("USD", "system", "10.00"),
            ("USD", "sandbox", None),
            ("EUR", None, None),
            ("USD", None, None),
        ]
    ):
        collection = open_collection(
            listed,
            "10.00",
            currency,
            reference=f"cart-{number % 2}",
            regionId=f"region-{number % 3}",
        )
        collections.append(collection["id"])
        if provider is not None:
            session = open_session(listed, collection["id"], provider=provider)
            payments.append(authorize(listed, session["id"])["id"])
        if amount is not None:
            capture(listed, payments[-1], amount=amount)
    return {"collections": collections, "payments": payments}


def page(server: RunningServer, query: str, **variables: Json) -> Json:
    """Read a page."""
    return server.execute(query, variables)["list"]


def ids_of(found: Json) -> list[str]:
    """Return the ids on a page."""
    return [edge["node"]["id"] for edge in found["edges"]]


OF_COLLECTIONS: dict[str, tuple[Json, list[int]]] = {
    "nothing": (None, [0, 1, 2, 3, 4, 5]),
    "an empty filter": ({}, [0, 1, 2, 3, 4, 5]),
    "nulls": (
        {"ids": None, "statuses": None, "reference": None, "createdAt": None},
        [0, 1, 2, 3, 4, 5],
    ),
    "a status": ({"statuses": ["COMPLETED"]}, [0, 1, 2]),
    "statuses": ({"statuses": ["AUTHORIZED", "NOT_PAID", "FAILED"]}, [3, 4, 5]),
    "a status twice": ({"statuses": ["AUTHORIZED", "AUTHORIZED"]}, [3]),
    "no status": ({"statuses": []}, []),
    "a reference": ({"reference": "cart-1"}, [1, 3, 5]),
    "another reference": ({"reference": "cart-2"}, []),
    "a reference in another case": ({"reference": "CART-1"}, []),
    "a region": ({"regionId": "region-2"}, [2, 5]),
    "a currency": ({"currencyCode": "EUR"}, [1, 4]),
    "a currency in lower case": ({"currencyCode": "eur"}, [1, 4]),
    "all together": (
        {
            "statuses": ["COMPLETED", "NOT_PAID"],
            "reference": "cart-1",
            "currencyCode": "USD",
            "regionId": "region-2",
        },
        [5],
    ),
}

OF_PAYMENTS: dict[str, tuple[Json, list[int]]] = {
    "nothing": (None, [0, 1, 2, 3]),
    "a status": ({"statuses": ["AUTHORIZED"]}, [3]),
    "statuses": ({"statuses": ["AUTHORIZED", "CAPTURED"]}, [0, 1, 2, 3]),
    "no status": ({"statuses": []}, []),
    "a provider": ({"providerId": "sandbox"}, [0, 1, 3]),
    "an unknown provider": ({"providerId": "' OR 1=1"}, []),
    "a currency": ({"currencyCode": "USD"}, [0, 2, 3]),
    "all together": (
        {"statuses": ["CAPTURED"], "providerId": "sandbox", "currencyCode": "USD"},
        [0],
    ),
}


@pytest.mark.parametrize("sort", ["OLDEST_FIRST", "NEWEST_FIRST", None])
@pytest.mark.parametrize("name", OF_COLLECTIONS)
def test_collections_by_filter(
    listed: RunningServer, shop: dict[str, list[str]], name: str, sort: str | None
) -> None:
    """The list has the matching collections in the requested order, newest first by default, and their number."""
    wanted, numbers = OF_COLLECTIONS[name]
    found = page(listed, COLLECTIONS, filter=wanted, sort=sort)
    expected = [shop["collections"][number] for number in numbers]
    assert ids_of(found) == (expected if sort == "OLDEST_FIRST" else expected[::-1])
    assert found["totalCount"] == len(expected)


@pytest.mark.parametrize("sort", ["OLDEST_FIRST", "NEWEST_FIRST"])
@pytest.mark.parametrize("name", OF_PAYMENTS)
def test_payments_by_filter(
    listed: RunningServer, shop: dict[str, list[str]], name: str, sort: str
) -> None:
    """The list has the matching payments in the requested order, and their number."""
    wanted, numbers = OF_PAYMENTS[name]
    found = page(listed, PAYMENTS, filter=wanted, sort=sort)
    expected = [shop["payments"][number] for number in numbers]
    assert ids_of(found) == (expected if sort == "OLDEST_FIRST" else expected[::-1])
    assert found["totalCount"] == len(expected)


def test_by_ids(listed: RunningServer, shop: dict[str, list[str]]) -> None:
    """In the list's order and once each; malformed, unknown and other kinds' ids match nothing."""
    collections, payments = shop["collections"], shop["payments"]
    wrong = ["", "x", "pay_col_", f"pay_col_{ULID}", f"pay_{ULID}", "\0", "' OR 1=1"]
    for query, ids, others in (
        (COLLECTIONS, collections, payments),
        (PAYMENTS, payments, collections),
    ):
        wanted = {"ids": [ids[2], ids[0], ids[2], *wrong, others[1]]}
        found = page(listed, query, filter=wanted, sort="OLDEST_FIRST")
        assert ids_of(found) == [ids[0], ids[2]]
        assert ids_of(page(listed, query, filter={"ids": []})) == []
        assert ids_of(page(listed, query, filter={"ids": wrong})) == []


def test_payments_of_a_collection(listed: RunningServer, shop: dict[str, list[str]]) -> None:
    """Its own; an id that is none, or another kind's, has none."""
    for id, expected in (
        (shop["collections"][1], [shop["payments"][1]]),
        (shop["collections"][5], []),
        (shop["payments"][1], []),
        ("\0", []),
    ):
        assert ids_of(page(listed, PAYMENTS, filter={"paymentCollectionId": id})) == expected


@BOTH
def test_by_creation(listed: RunningServer, shop: dict[str, list[str]], query: str) -> None:
    """From an instant on and before another one: spans that follow each other share nothing and leave nothing out."""
    whole = page(listed, query, sort="OLDEST_FIRST")["edges"]
    instants = sorted({edge["node"]["createdAt"] for edge in whole})
    for instant in instants:
        early = ids_of(page(listed, query, filter={"createdAt": {"to": instant}}))
        late = ids_of(page(listed, query, filter={"createdAt": {"from": instant}}))
        assert late + early == [edge["node"]["id"] for edge in whole][::-1]
    first, last = instants[0], instants[-1]
    span = {"createdAt": {"from": first, "to": last}}
    assert page(listed, query, filter=span)["totalCount"] == sum(
        edge["node"]["createdAt"] < last for edge in whole
    )
    assert ids_of(page(listed, query, filter={"createdAt": {"from": first, "to": first}})) == []


@BOTH
@pytest.mark.parametrize("sort", ["OLDEST_FIRST", "NEWEST_FIRST"])
@pytest.mark.parametrize("wanted", [None, {"currencyCode": "USD"}])
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.usefixtures("shop")
def test_pages_from_either_end_join_to_the_whole(
    listed: RunningServer, query: str, sort: str, wanted: Json, size: int
) -> None:
    """Forward and backward alike: no gap, no repeat, the same order, and the flags say where the ends are."""
    whole = page(listed, query, filter=wanted, sort=sort)["edges"]
    assert whole
    for count, cursor, flag, other in (
        ("first", "after", "hasNextPage", "hasPreviousPage"),
        ("last", "before", "hasPreviousPage", "hasNextPage"),
    ):
        found: list[Json] = []
        at: dict[str, Any] = {}
        while True:
            one = page(listed, query, filter=wanted, sort=sort, **{count: size}, **at)
            info = one["pageInfo"]
            found = found + one["edges"] if count == "first" else one["edges"] + found
            assert info[other] is bool(at)
            assert info["startCursor"] == one["edges"][0]["cursor"]
            assert info["endCursor"] == one["edges"][-1]["cursor"]
            assert one["totalCount"] == len(whole)
            if not info[flag]:
                break
            at = {cursor: info["endCursor" if count == "first" else "startCursor"]}
        assert found == whole


@pytest.mark.usefixtures("shop")
def test_between_two_cursors(listed: RunningServer) -> None:
    """Neither of them is on the page; without a size and with `before` alone, the page is the one right before it."""
    whole = page(listed, COLLECTIONS)["edges"]
    after, before = whole[0]["cursor"], whole[4]["cursor"]
    for count in ("first", "last"):
        found = page(listed, COLLECTIONS, after=after, before=before, **{count: 10})
        assert found["edges"] == whole[1:4]
        assert (found["pageInfo"]["hasPreviousPage"], found["pageInfo"]["hasNextPage"]) == (
            True,
            True,
        )
    assert page(listed, COLLECTIONS, before=before)["edges"] == whole[:4]
    assert page(listed, COLLECTIONS, after=before, before=after)["edges"] == []


def test_a_list_is_stable_while_rows_arrive(tmp_path: Path) -> None:
    """Collections that are opened between two pages neither hide nor repeat any that were there before."""
    running = RunningServer(tmp_path).start()
    try:
        there = [open_collection(running)["id"] for _ in range(9)]
        for sort, expected in (("NEWEST_FIRST", there[::-1]), ("OLDEST_FIRST", there)):
            found: list[str] = []
            at: dict[str, Any] = {}
            while len(found) < len(expected):
                one = page(running, COLLECTIONS, sort=sort, first=2, **at)
                found += ids_of(one)
                at = {"after": one["pageInfo"]["endCursor"]}
                open_collection(running)
            assert found[: len(expected)] == expected
            there = ids_of(page(running, COLLECTIONS, sort="OLDEST_FIRST", first=100))
    finally:
        running.close()


WRONG: dict[str, tuple[dict[str, Json], str, str]] = {
    "last 0": ({"last": 0}, "INVALID_INPUT", "last"),
    "last -1": ({"last": -1}, "INVALID_INPUT", "last"),
    "last 101": ({"last": 101}, "INVALID_INPUT", "last"),
    "first 101": ({"first": 101}, "INVALID_INPUT", "first"),
    "both ends": ({"first": 1, "last": 1}, "INVALID_INPUT", "first or last"),
    "a forged before": ({"before": "x"}, "INVALID_CURSOR", "cursor"),
    "an event's cursor": ({"before": encoded(f"event:evt_{ULID}")}, "INVALID_CURSOR", "cursor"),
    "a cursor of what never was": (
        {"after": encoded(f"collection:pay_col_{ULID}")},
        "INVALID_CURSOR",
        "cursor",
    ),
    "101 ids": ({"filter": {"ids": ["x"] * 101}}, "INVALID_INPUT", "filter.ids"),
    "a currency that is none": (
        {"filter": {"currencyCode": "XXX"}},
        "INVALID_INPUT",
        "currencyCode",
    ),
    "a span backwards": (
        {"filter": {"createdAt": {"from": "2026-11-24T00:00:00Z", "to": "2026-11-23T00:00:00Z"}}},
        "INVALID_INPUT",
        "filter.createdAt",
    ),
    "no instant": ({"filter": {"createdAt": {"from": "yesterday"}}}, "BAD_USER_INPUT", "DateTime"),
    "no status": ({"filter": {"statuses": ["PAID"]}}, "BAD_USER_INPUT", "PAID"),
    "an unknown field": ({"filter": {"amount": "1.00"}}, "BAD_USER_INPUT", "amount"),
}


@pytest.mark.once
@pytest.mark.parametrize("name", WRONG)
@BOTH
def test_what_is_asked_for_wrongly(listed: RunningServer, query: str, name: str) -> None:
    """HTTP 422 with a code, and a message that names what is wrong."""
    variables, code, word = WRONG[name]
    response = listed.post(query, variables)
    assert refused(response) == (422, code)
    assert word in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("name", ["reference", "regionId"])
def test_a_text_that_no_database_keeps(listed: RunningServer, name: str) -> None:
    """NUL matches nothing that there could be: INVALID_INPUT rather than a fault of the database's."""
    response = listed.post(COLLECTIONS, {"filter": {name: "a\0"}})
    assert refused(response) == (422, "INVALID_INPUT")
