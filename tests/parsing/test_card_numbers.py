"""Card numbers and metadata: what may be kept. tests/rules/test_metadata.py holds every place to this."""

import pytest

from payments.model.card_numbers import check_metadata, holds_card_number
from payments.model.errors import InvalidInput
from payments.model.outcomes import JsonObject, JsonValue

CARD_NUMBERS = [
    "4242424242424242",
    "4242 4242 4242 4242",
    "4242-4242-4242-4242",
    "4222222222222",
    "paid with 5555 5555 5555 4444, he said",
    "2223003122003222",
    "3782 822463 10005",
    "order 77 6011111111111117",
    "3566.0020.2036.0505",
    "30569309025904",
    "6200000000000005",
    "4242 - 4242 - 4242 - 4242",
    "4242\u00a04242\u00a04242\u00a04242",
    "4242\u20134242\u20134242\u20134242",
]

NO_CARD_NUMBERS = [
    "4242424242424241",
    "42424242424242424242424242",
    "+49 30 901820, +49 170 1234567",
    "1764000000000",
    "2026-11-24T10:00:00.000Z",
    "0242424242424242",
    "order 1234567890123456",
    "01M83Z0VFZ74CBMTKCMF7JQCQP",
    "4242 4242 and 4242 4242",
]


def refusal_of(metadata: JsonValue) -> InvalidInput:
    """Check metadata that may not be kept, and return the refusal."""
    with pytest.raises(InvalidInput) as refusal:
        check_metadata(metadata, ("metadata",))
    assert refusal.value.failure.path == ("metadata",)
    return refusal.value


@pytest.mark.parametrize("text", CARD_NUMBERS)
def test_a_card_number(text: str) -> None:
    """It is found in a text, and in metadata as a value, as a key and deep down; the refusal does not repeat it."""
    assert holds_card_number(text)
    places: list[JsonObject] = [{"card": text}, {text: "x"}, {"a": [{"b": [text]}]}]
    for metadata in places:
        assert text not in str(refusal_of(metadata))


@pytest.mark.parametrize("number", [4242424242424242, 4242424242424242.0, [4000000000000000006]])
def test_a_card_number_as_a_number(number: JsonValue) -> None:
    """A JSON number is as good as a text, with a fraction of nothing too."""
    assert "4242" not in str(refusal_of({"card": number}))


@pytest.mark.parametrize("text", NO_CARD_NUMBERS)
def test_other_numbers(text: str) -> None:
    """Telephone numbers, instants, ids and orders are no issuer's number, or their last digit does not fit."""
    assert not holds_card_number(text)
    check_metadata({"it": text, text: 1}, ("metadata",))


@pytest.mark.parametrize(
    "metadata",
    [
        {"__proto__": {"isAdmin": True}},
        {"a": [{"__proto__": 1}]},
        {"a": "bell \u0007"},
        {"a\u0001": 1},
        {"a": "\u009b31m"},
    ],
)
def test_wrong_metadata(metadata: JsonObject) -> None:
    """A key that changes what objects are made of, and control characters."""
    refusal_of(metadata)


def test_what_metadata_may_be() -> None:
    """Lines, tabs, every script, numbers and nulls, and a value that would be a dangerous key."""
    metadata: JsonObject = {
        "lines": "one\ntwo\tthree\r\n",
        "имя": "名前 👍🏽",
        "deep": {"a": [1, 2.5, None, True]},
        "proto": "__proto__",
    }
    check_metadata(metadata, ("metadata",))
