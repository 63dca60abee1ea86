"""Bad input 30: ids. What is an id of a kind, and what is none.

tests/api/inputs/test_ids.py holds every mutation to it.
"""

import time
from functools import partial
from inspect import getmembers
from itertools import permutations
from multiprocessing import get_context

import pytest
from graphql import GraphQLID

from edge.requests import read_json
from payments.model import ids
from payments.model.ids import COLLECTION, first_id, is_id, made_at, new_id
from payments.model.instants import Instant

PREFIXES = sorted(
    value
    for name, value in getmembers(ids)
    if name.isupper() and isinstance(value, str) and value.endswith("_")
)
"""Of every kind."""

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

NO_IDS = {
    "empty": '""',
    "spaces": '" x "',
    "NUL": '"\\u0000"',
    "NUL after an id": '"{prefix}01ARZ3NDEKTSV4RRFFQ69G5FAV\\u0000"',
    "lone surrogate": '"\\ud800"',
    "surrogate in an id": '"{prefix}01ARZ3NDEKTSV4RRFFQ69G5FA\\udfff"',
    "bidi control": '"\\u202e{prefix}01ARZ3NDEKTSV4RRFFQ69G5FAV"',
    "10 kB": f'"{"x" * 10_000}"',
    "10 kB after a prefix": f'"{{prefix}}{"0" * 10_000}"',
    "SQL": '"\' OR 1=1 --"',
    "SQL after a prefix": "\"{prefix}' OR '1'='1\"",
    "wildcard": '"{prefix}%"',
    "line end after an id": '"{prefix}01ARZ3NDEKTSV4RRFFQ69G5FAV\\n"',
    "lower case": '"{prefix}01arz3ndektsv4rrffq69g5fav"',
    "full-width digits": '"{prefix}０1ARZ3NDEKTSV4RRFFQ69G5FAV"',  # noqa: RUF001
    "a letter that no ULID has": '"{prefix}01ARZ3NDEKTSV4RRFFQ69G5FAU"',
    "more than 128 bits": '"{prefix}81ARZ3NDEKTSV4RRFFQ69G5FAV"',
    "a digit too few": '"{prefix}01ARZ3NDEKTSV4RRFFQ69G5FA"',
    "a digit too many": '"{prefix}01ARZ3NDEKTSV4RRFFQ69G5FAV0"',
    "prefix alone": '"{prefix}"',
    "no prefix": '"01ARZ3NDEKTSV4RRFFQ69G5FAV"',
    "prefix twice": '"{prefix}{prefix}01ARZ3NDEKTSV4RRFFQ69G5FAV"',
    "integer": "5",
    "large integer": "123456789012345678901234567890",
}
"""As they stand in a request's variables."""


def test_every_kind_has_a_prefix_of_its_own() -> None:
    """There are 17 kinds, and no two share a prefix."""
    assert len(PREFIXES) == len(set(PREFIXES)) == 17


@pytest.mark.parametrize("kind", NO_IDS)
def test_what_is_no_id(kind: str) -> None:
    """Any text or number is taken by the ID scalar, and is an id of no kind."""
    for prefix in PREFIXES:
        text = GraphQLID.parse_value(read_json(NO_IDS[kind].replace("{prefix}", prefix)))
        assert isinstance(text, str)
        assert is_id(text, prefix) is False, prefix


@pytest.mark.parametrize("prefix", PREFIXES)
def test_what_is_an_id(prefix: str) -> None:
    """The prefix and a ULID, as new ids are."""
    assert is_id(f"{prefix}{ULID}", prefix) is True
    assert is_id(new_id(prefix), prefix) is True


def test_an_id_is_of_one_kind() -> None:
    """No id is another kind's too, though one prefix begins with another: pay_ and pay_col_."""
    assert [pair for pair in permutations(PREFIXES, 2) if is_id(f"{pair[0]}{ULID}", pair[1])] == []


def test_ids_sort_by_their_creation() -> None:
    """No two of one process are equal, and those of one millisecond sort in the order in which they were made."""
    made = [new_id(COLLECTION) for _ in range(1_000)]
    assert made == sorted(set(made))


def test_an_id_tells_its_millisecond() -> None:
    """The first ten digits are the milliseconds since 1970, and the lowest id of a millisecond has no random bits."""
    since = Instant(1_469_922_850_259_000)
    assert made_at(f"{COLLECTION}01ARZ3NDEKTSV4RRFFQ69G5FAV") == since
    assert first_id(COLLECTION, since) == f"{COLLECTION}01ARZ3NDEK0000000000000000"


def test_a_forked_process_makes_ids_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also within the millisecond in which its parent made the last one."""
    monkeypatch.setattr(time, "time_ns", lambda: 1_764_500_000_000_000_000)
    make = partial(new_id, COLLECTION)
    ours = {make()}
    with get_context("fork").Pool(1) as child:
        theirs = {child.apply(make) for _ in range(10)}
    ours |= {make() for _ in range(10)}
    assert len(ours | theirs) == 21
