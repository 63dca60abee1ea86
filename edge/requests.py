"""Incoming requests: a body's bytes, a query string's parameters, and the GraphQL request that they hold."""

import json
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, NoReturn
from urllib.parse import parse_qsl

from starlette.types import Receive

from edge import limits
from edge.errors import RequestRefused, refuse
from edge.transport import bodies

CLOSING = ((b"connection", b"close"),)
"""If the body is not read to its end, the connection can't carry another request."""

_LENGTH_DIGITS = 9
"""A longer Content-Length is too large whatever its value, and int() would refuse 4,301 digits."""

_PARAMETERS = 16
"""A GET request has four parameters of ours; a proxy may have added some."""


class GraphQLRequest(NamedTuple):
    """A client's GraphQL request, whatever its transport."""

    query: str | None
    """None if only `persisted` identifies it."""
    variables: dict[str, object] | None
    operation_name: str | None
    persisted: object = None
    """The extension `persistedQuery` as it came."""


class Number(Decimal):
    """A JSON number that keeps its text: 1e2 and 100 are equal but have different texts."""

    __slots__ = ("_text",)
    _text: str

    def __new__(cls, text: str) -> "Number":
        """Parse a number's text."""
        number = super().__new__(cls, text)
        number._text = text
        return number

    def __str__(self) -> str:
        return self._text

    def __inspect__(self) -> str:
        """Return the text that graphql-core's messages about a wrong value show."""
        return self._text


def is_bounded(declared: bytes | None) -> bool:
    """Return whether a Content-Length is small enough."""
    return (
        declared is not None
        and declared.isdigit()
        and len(declared) <= _LENGTH_DIGITS
        and int(declared) <= limits.BODY_BYTES
    )


async def read_body(receive: Receive, declared: bytes | None) -> bytes:
    """Read a body of at most BODY_BYTES within BODY_SECONDS; raises RequestRefused and ClientGone."""
    if declared is not None and not is_bounded(declared):
        raise _too_large()
    try:
        return await bodies.read_body(
            receive, most_bytes=limits.BODY_BYTES, within_seconds=limits.BODY_SECONDS
        )
    except bodies.BodyTooLarge:
        raise _too_large() from None
    except bodies.BodyLate:
        raise refuse(408, "REQUEST_TIMEOUT", "The body did not arrive in time.", CLOSING) from None


def _too_large() -> RequestRefused:
    return refuse(413, "BODY_TOO_LARGE", f"The body is larger than {limits.BODY_BYTES} bytes.")


def check_media_type(content_type: bytes | None, encoding: bytes | None) -> None:
    """Refuse a body that is not uncompressed JSON in UTF-8."""
    if encoding is not None and encoding.strip().lower() not in (b"", b"identity"):
        raise refuse(
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            "The body may not be compressed.",
            ((b"accept-encoding", b"identity"),),
        )
    if content_type == b"application/json" or _is_json(content_type):
        return
    # Not only for order: a page of any origin may send text/plain and forms without a preflight (CSRF).
    raise refuse(415, "UNSUPPORTED_MEDIA_TYPE", "The body has to be application/json in UTF-8.")


def _is_json(content_type: bytes | None) -> bool:
    if content_type is None or len(content_type) > limits.KEPT_HEADER_BYTES:
        return False
    return _is_json_header(content_type)


@lru_cache(maxsize=limits.ACCEPTS_KEPT)
def _is_json_header(content_type: bytes) -> bool:
    media_type, *parameters = content_type.decode("latin-1").lower().split(";")
    if media_type.strip() != "application/json":
        return False
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            return False
    return True


def _decimal(text: str) -> Number:
    """Return a number as it was written; through a binary float an amount could change."""
    if len(text) > limits.NUMBER_DIGITS:
        raise ValueError("too many digits")
    return Number(text)


def _integer(text: str) -> int:
    if len(text) > limits.NUMBER_DIGITS:
        raise ValueError("too many digits")
    return int(text)


def _constant(name: str) -> NoReturn:
    raise ValueError(name)


# Built once: json.loads builds a decoder for each call that has hooks. Of two equal keys the last
# one wins.
_decode = json.JSONDecoder(
    parse_float=_decimal, parse_int=_integer, parse_constant=_constant
).decode


def read_json(raw: bytes | str) -> object:
    """Return decoded JSON, its numbers exact; raises RequestRefused with status 400.

    A byte order mark before it is skipped, as RFC 8259, section 8.1, allows.
    """
    try:
        return _decode(
            (raw if isinstance(raw, str) else raw.decode("utf-8")).removeprefix("\ufeff")
        )
    except (ValueError, ArithmeticError, RecursionError):
        # UnicodeDecodeError and JSONDecodeError are ValueErrors. An exponent of 20 digits is an
        # ArithmeticError.
        raise refuse(400, "BAD_REQUEST", "This is not JSON in UTF-8.") from None


def read_request(parameters: object) -> GraphQLRequest:
    """Return the request in decoded JSON; raises RequestRefused with status 422.

    An empty operationName counts as missing: forms and some clients can't leave it out.
    """
    if not isinstance(parameters, dict):
        raise _malformed("A request is one JSON object; batches are not supported.")
    variables = parameters.get("variables")
    if variables is not None and not isinstance(variables, dict):
        raise _malformed("variables has to be an object.")
    operation_name = parameters.get("operationName")
    if operation_name is not None and not isinstance(operation_name, str):
        raise _malformed("operationName has to be a string.")
    extensions = parameters.get("extensions")
    if extensions is not None and not isinstance(extensions, dict):
        raise _malformed("extensions has to be an object.")
    persisted = extensions.get("persistedQuery") if extensions else None
    query = parameters.get("query")
    if query == "" and persisted is not None:
        query = None  # The clients of graphql-ws can't leave it out.
    if not isinstance(query, str) and not (query is None and persisted is not None):
        raise _malformed("query has to be a string.")
    return GraphQLRequest(query, variables, operation_name or None, persisted)


def read_query_string(raw: bytes) -> dict[str, str]:
    """Return the parameters of a GET request; of two equal names the last one wins."""
    if len(raw) > limits.URL_BYTES:
        raise refuse(414, "URL_TOO_LONG", f"The URL is longer than {limits.URL_BYTES} bytes.")
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_PARAMETERS,
        )
    except ValueError:
        raise refuse(400, "BAD_REQUEST", "The query string is not URL-encoded UTF-8.") from None
    return dict(pairs)


def read_parameters(parameters: dict[str, str]) -> GraphQLRequest:
    """Return the request in a query string; an empty optional parameter counts as missing."""
    return read_request(
        {
            "query": parameters.get("query"),
            "operationName": parameters.get("operationName"),
            "variables": _json_parameter(parameters.get("variables")),
            "extensions": _json_parameter(parameters.get("extensions")),
        }
    )


def _json_parameter(text: str | None) -> object:
    return read_json(text) if text else None


def _malformed(message: str) -> RequestRefused:
    return refuse(422, "BAD_REQUEST", message)
