"""Strict scalars: a value that is not exactly right is a request error, never a guess."""

import decimal
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NewType

import orjson
import strawberry
from graphql import (
    BooleanValueNode,
    FloatValueNode,
    GraphQLError,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    VariableNode,
)
from strawberry.types.scalar import ScalarDefinition

from payments.model.instants import Instant
from payments.model.limits import JSON_BYTES
from payments.model.money import Money, is_known_currency
from payments.model.outcomes import JsonValue
from payments.model.texts import is_storable

Decimal = NewType("Decimal", object)
"""Money on the way out, decimal.Decimal on the way in."""

CurrencyCode = NewType("CurrencyCode", str)
DateTime = NewType("DateTime", int)
JSON = NewType("JSON", object)


def optional_instant(instant: Instant | None) -> "DateTime | None":
    """Return an instant as the API shows it; None where there is none."""
    return None if instant is None else DateTime(instant)


DECIMAL_TEXT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)
"""Plain decimal text, without exponent, sign +, spaces, leading zeros or digits of other scripts."""

DECIMAL_CHARACTERS = 1_000
"""The longest text that is read as a number: longer ones are refused before any arithmetic."""

JSON_DEPTH = 32
"""Levels of one JSON value: deeper ones break the decoders of most clients."""

LONGEST_INTEGER_BITS = 64
"""Digits of an integer inside JSON: a longer one would lose digits in most clients and databases."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_decimal(value: object) -> decimal.Decimal:
    """Return the amount in a text; a JSON number is a decimal with the text that was sent, or an integer."""
    if isinstance(value, bool) or not isinstance(value, str | int | decimal.Decimal):
        raise GraphQLError('Decimal takes plain decimal text, such as "49.90".')
    text = str(value)
    if len(text) > DECIMAL_CHARACTERS or DECIMAL_TEXT.fullmatch(text) is None:
        raise GraphQLError('Decimal takes plain decimal text, such as "49.90".')
    return decimal.Decimal(text)


def parse_decimal_literal(node: ValueNode, _variables: Any = None) -> decimal.Decimal:
    """Return an amount written in the document."""
    if not isinstance(node, StringValueNode | IntValueNode | FloatValueNode):
        raise GraphQLError('Decimal takes plain decimal text, such as "49.90".', node)
    return parse_decimal(node.value)


def serialize_decimal(value: Any) -> str:
    """Return an amount as text with exactly its currency's number of decimals."""
    assert isinstance(value, Money)
    return str(value)


def parse_currency(value: object) -> str:
    """Return an ISO 4217 code in either case; a well-formed one that is not in use becomes INVALID_INPUT later."""
    if not isinstance(value, str):
        raise GraphQLError('CurrencyCode takes an ISO 4217 code, such as "USD".')
    return value.upper() if value.isascii() and is_known_currency(value.upper()) else value


def _text_literal(parse: Callable[[object], Any]) -> Callable[..., Any]:
    """Parse a scalar that must be a string in the document: USD without quotes is not one."""

    def parse_literal(node: ValueNode, _variables: Any = None) -> Any:
        return parse(node.value if isinstance(node, StringValueNode) else None)

    return parse_literal


def serialize_date_time(value: Any) -> str:
    """Return an instant by RFC 3339, in UTC, to the millisecond."""
    moment = EPOCH + timedelta(microseconds=value)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def parse_date_time(value: object) -> Instant:
    """Return an RFC 3339 instant that names its offset."""
    try:
        moment = datetime.fromisoformat(value)  # type: ignore[arg-type]  # what is no text raises TypeError
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise GraphQLError('DateTime takes an RFC 3339 instant, such as "2026-01-31T12:00:00Z".')
    return Instant((moment - EPOCH) // timedelta(microseconds=1))


def parse_json(value: object) -> JsonValue:
    """Return any JSON value of at most 16 KiB; numbers become what JSON can carry without loss."""
    plain = _plain(value, JSON_DEPTH)
    if len(orjson.dumps(plain)) > JSON_BYTES:
        raise GraphQLError(f"JSON takes at most {JSON_BYTES} bytes once encoded.")
    return plain


def _plain(value: object, depth: int) -> JsonValue:
    if depth == 0:
        raise GraphQLError(f"JSON takes at most {JSON_DEPTH} levels.")
    match value:
        case None | bool():
            return value
        case str():
            if not is_storable(value):
                raise GraphQLError("JSON takes text without NUL and lone surrogates.")
            return value
        case int():
            if value.bit_length() >= LONGEST_INTEGER_BITS:
                raise GraphQLError("JSON takes integers of at most 64 bits.")
            return value
        case decimal.Decimal() | float():
            return _number(value)
        case list():
            return [_plain(item, depth - 1) for item in value]
        case dict():
            return {str(_plain(key, depth)): _plain(item, depth - 1) for key, item in value.items()}
        case _:
            raise GraphQLError("This is not a JSON value.")


def _number(value: decimal.Decimal | float) -> float:
    """Return a number that a double holds exactly as written: others must read what was sent."""
    number = float(value)
    if not math.isfinite(number) or decimal.Decimal(repr(number)) != decimal.Decimal(value):
        raise GraphQLError("JSON takes numbers that a double can hold; send a longer one as text.")
    return number


def parse_json_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> JsonValue:
    """Return a JSON value written in the document."""
    return parse_json(_literal(node, variables or {}))


def _literal(node: ValueNode, variables: dict[str, Any]) -> object:
    match node:
        case NullValueNode():
            return None
        case StringValueNode() | BooleanValueNode():
            return node.value
        case IntValueNode():
            return int(node.value) if len(node.value) <= DECIMAL_CHARACTERS else math.inf
        case FloatValueNode():
            return float(node.value)
        case ListValueNode():
            return [_literal(item, variables) for item in node.values]
        case ObjectValueNode():
            return {item.name.value: _literal(item.value, variables) for item in node.fields}
        case VariableNode():
            return variables.get(node.name.value)
        case _:
            raise GraphQLError("This is not a JSON value.", node)


def _same(value: Any) -> Any:
    return value


SCALARS: dict[object, ScalarDefinition] = {
    Decimal: strawberry.scalar(
        name="Decimal",
        description=(
            "An exact decimal amount in the currency's major unit"
            ' ("49.90" is forty-nine dollars and ninety cents). Output is always a string with exactly the'
            " currency's number of decimals. Input is a string, or an integer or decimal number, read from its"
            " text and never through a binary float; anything that is not plain decimal text (NaN, exponent,"
            " spaces, other scripts' digits, a boolean) is a request error. Sign, zero, size and the currency's"
            " number of decimals are decided behind the scalar: INVALID_INPUT with a path."
        ),
        serialize=serialize_decimal,
        parse_value=parse_decimal,
        parse_literal=parse_decimal_literal,
    ),
    CurrencyCode: strawberry.scalar(
        name="CurrencyCode",
        description=(
            "An ISO 4217 code of a currency in use. Input in either case, output in upper case."
        ),
        serialize=_same,
        parse_value=parse_currency,
        parse_literal=_text_literal(parse_currency),
    ),
    DateTime: strawberry.scalar(
        name="DateTime",
        description="An RFC 3339 instant in UTC.",
        serialize=serialize_date_time,
        parse_value=parse_date_time,
        parse_literal=_text_literal(parse_date_time),
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value. At most 16 KiB once encoded.",
        serialize=_same,
        parse_value=parse_json,
        parse_literal=parse_json_literal,
    ),
}
