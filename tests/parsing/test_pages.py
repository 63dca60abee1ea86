"""Bad input 38: page sizes and cursors. tests/api/inputs/test_pages.py holds every list to this."""

import pytest
import strawberry
from graphql import GraphQLError, GraphQLInt, parse_value

from payments.model.errors import InvalidCursor, InvalidInput
from payments.model.ids import EventId
from resolvers.pages import page_size
from schema.cursors import cursor_of, event_cursor, event_of, id_of
from tests.support.callers.cursors import encoded

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
LISTS = {
    "collection": ("pay_col_",),
    "payment": ("pay_",),
    "unsettled": ("capt_", "ref_"),
    "event": ("evt_",),
}
"""The kinds of lists, each with prefixes of what stands on it."""


FORGED = [
    "",
    " ",
    "x",
    "0",
    "null",
    "é",
    "\0",
    "AAAA",
    "====",
    "x" * 10_000,
    ULID,
    f"evt_{ULID}",
    encoded("event"),
    encoded("event:"),
    encoded("collection:"),
    encoded("collection:' OR 1=1"),
    encoded("payment:' OR 1=1"),
    encoded("event:' OR 1=1"),
    encoded(f"collection:pay_{ULID}"),
    encoded(f"payment:pay_col_{ULID}"),
    encoded(f"unknown:evt_{ULID}"),
    encoded(f"unsettled:evt_{ULID}"),
    encoded(f"collection:pay_col_{ULID}") + "=",
    encoded(f"payment:pay_{ULID}") + "\n",
    encoded(f"event:evt_{ULID}") + "A",
    "+" + encoded(f"event:evt_{ULID}"),
]


@pytest.mark.parametrize("size", [0, -1, 101, 1_000_000, 2_147_483_647, -2_147_483_648])
@pytest.mark.parametrize("name", ["first", "last"])
def test_a_page_has_1_to_100_items(name: str, size: int) -> None:
    """Any other size is INVALID_INPUT, which names the argument."""
    with pytest.raises(InvalidInput) as refusal:
        page_size(size, name)
    assert refusal.value.failure.path == (name,)
    assert str(refusal.value) == f"{name}: a page has 1 to 100 items."


def test_a_size_that_is_taken() -> None:
    """From 1 to 100; 50 where it is null or left out."""
    sizes = [page_size(size) for size in (1, 2, 99, 100, None, strawberry.UNSET)]
    assert sizes == [1, 2, 99, 100, 50, 50]


@pytest.mark.parametrize("size", ["2147483648", "-2147483649", '"5"', "1.5", "true", "[5]"])
def test_a_size_that_is_no_int_is_no_value(size: str) -> None:
    """GraphQL's Int has 32 bits; a string, a fraction, a boolean and a list are none."""
    with pytest.raises(GraphQLError):
        GraphQLInt.parse_literal(parse_value(size))


@pytest.mark.parametrize("cursor", FORGED)
def test_a_forged_cursor_is_refused(cursor: str) -> None:
    """It is INVALID_CURSOR for every kind of list."""
    for kind, prefixes in LISTS.items():
        with pytest.raises(InvalidCursor):
            id_of(kind, cursor, *prefixes)
    with pytest.raises(InvalidCursor):
        event_of(cursor)


def test_a_cursor_is_read_by_its_own_kind_of_list_alone() -> None:
    """A cursor is read by the list that wrote it, and refused by every other list."""
    for kind, (*_, prefix) in LISTS.items():
        id = f"{prefix}{ULID}"
        cursor = cursor_of(kind, id)
        assert id_of(kind, cursor, *LISTS[kind]) == id
        for other in LISTS.keys() - {kind}:
            with pytest.raises(InvalidCursor):
                id_of(other, cursor, *LISTS[other])
    assert event_of(event_cursor(EventId(f"evt_{ULID}"))) == f"evt_{ULID}"
