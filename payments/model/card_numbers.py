"""The check for card numbers: metadata and free text are shown to many, and must not hold one.

Source: PCI DSS 4.0.1, requirement 3, and ISO/IEC 7812-1 on how card numbers are made.
"""

import re
from collections.abc import Iterator

from payments.model.errors import InvalidInput
from payments.model.outcomes import JsonObject, JsonValue
from payments.model.texts import is_prose

CARD_NUMBER_DIGITS = range(13, 20)
"""The shortest and longest card numbers in use."""

CARD_NUMBER = re.compile(
    r"4\d{12}(?:\d{3}){0,2}"  # Visa: 13, 16 or 19
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11,16}"  # Diners Club
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12,15}"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"  # JCB
    r"|62\d{14,17}"  # UnionPay
    r"|(?:50|5[6-8]|6[037])\d{12,17}",  # Maestro
    re.ASCII,
)

CARD_NUMBER_GROUPS = 5
"""Digits as cards print them, in groups of three to six. The number of groups is limited: long runs would be slow."""

SEPARATORS_TOGETHER = 3
"""Between two groups of digits, as in "4242 - 4242"."""

DIGITS_AND_SEPARATORS = re.compile(
    # Non-breaking spaces and dashes too: they are copied along with a number from a page.
    rf"\d(?:[ \u00a0\u2007\u202f\u2010-\u2015\-./]{{0,{SEPARATORS_TOGETHER}}}\d)*",
    re.ASCII,
)

DANGEROUS_KEY = "__proto__"
"""Assigned to an object in a JavaScript front end, this key replaces the prototype of that object."""


def refuse_card_number(text: str, path: tuple[str, ...]) -> None:
    """Refuse a text that holds a card number; raises InvalidInput, which does not repeat the number."""
    if holds_card_number(text):
        raise InvalidInput("This looks like a card number, which may not be kept here.", path=path)


def check_data(data: JsonObject, path: tuple[str, ...]) -> None:
    """Refuse a card number in data for a provider, naming its key; raises InvalidInput."""
    for key, value in data.items():
        for text, _ in _texts(value):
            refuse_card_number(text, (*path, key))


def check_metadata(value: JsonValue, path: tuple[str, ...]) -> None:
    """Refuse metadata that not everybody may read, at any depth; raises InvalidInput."""
    for text, is_key in _texts(value):
        if is_key and text == DANGEROUS_KEY:
            raise InvalidInput(f"A key can't be {DANGEROUS_KEY}.", path=path)
        if not is_prose(text):
            raise InvalidInput("Metadata takes no control characters.", path=path)
        refuse_card_number(text, path)


def holds_card_number(text: str) -> bool:
    """Return whether a text holds a card number, in groups or in one piece."""
    return any(_is_card_number(number) for number in _numbers(text))


def _texts(value: JsonValue) -> Iterator[tuple[str, bool]]:
    """Yield every text of a JSON value and whether it is a key; numbers as they are written."""
    match value:
        case dict():
            for key, item in value.items():
                yield key, True
                yield from _texts(item)
        case list():
            for item in value:
                yield from _texts(item)
        case str():
            yield value, False
        case int() if not isinstance(value, bool):
            yield str(value), False
        case float() if value.is_integer():
            yield f"{value:.0f}", False
        case _:
            pass


def _numbers(text: str) -> Iterator[str]:
    """Return every number of a card's length that adjacent groups of digits form."""
    for run in DIGITS_AND_SEPARATORS.finditer(text):
        groups = re.findall(r"\d+", run[0], re.ASCII)
        for start in range(len(groups)):
            number = ""
            for group in groups[start : start + CARD_NUMBER_GROUPS]:
                number += group
                if len(number) >= CARD_NUMBER_DIGITS.stop:
                    break
                if len(number) in CARD_NUMBER_DIGITS:
                    yield number


def _is_card_number(number: str) -> bool:
    """Return whether a number has a card issuer's prefix and a valid check digit, by ISO/IEC 7812-1, annex B."""
    if CARD_NUMBER.fullmatch(number) is None:
        return False
    doubled = (int(digit) * 2 for digit in number[-2::-2])
    return (sum(map(int, number[-1::-2])) + sum(n // 10 + n % 10 for n in doubled)) % 10 == 0
