"""Request ids that come with a request. tests/api/program/test_masking.py shows what becomes of one of each kind."""

import pytest

from edge.request_scope import request_id_from
from payments.model.ids import ULID_TEXT

HARMLESS = ["a", "abc-123_X", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "x" * 64]
HARMFUL = [
    "",
    "a b",
    "a;b",
    "a,b",
    "<script>",
    "a%0d%0aSet-Cookie:x=y",
    "x" * 65,
    '"',
    "${jndi:ldap://x}",
    "a\tb",
    "a\n",
    "é",
]


@pytest.mark.parametrize("given", HARMLESS)
def test_a_harmless_one_is_taken(given: str) -> None:
    """Letters, digits, dashes and underscores, at most 64."""
    assert request_id_from(given.encode()) == given


@pytest.mark.parametrize("given", HARMFUL)
def test_any_other_is_replaced(given: str) -> None:
    """A request id that could break a log or a header is replaced by one that the server makes."""
    made = request_id_from(given.encode())
    assert ULID_TEXT.fullmatch(made)


def test_where_there_is_none_each_request_has_its_own() -> None:
    """No two are the same."""
    assert ULID_TEXT.fullmatch(first := request_id_from(None))
    assert first != request_id_from(None)
