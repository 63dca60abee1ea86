"""Readers of the requests to the sandbox's addresses, within limits."""

import codecs
import re
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request

from edge.transport.bodies import BodyLate, BodyTooLarge, ClientGone, read_body
from payments.model.statuses import OperationKind
from providers.sandbox.gateway.tokens import MOVEMENTS

BODY_BYTES = 64 * 1024
"""The same limit as everywhere at this server."""

BODY_SECONDS = 10.0
"""For a body to arrive: a slow sender holds no connection for longer."""

FORM_FIELDS = 8
"""Fields of a form; the page's has one."""

DECIMAL = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,4})?", re.ASCII)

ANSWERS = ("approve", "fail")
"""The answers of a customer to a challenge."""

RESULTS = (*ANSWERS, "reverse")
"""The possible ends of a pending operation; "reverse" undoes a refund that had succeeded."""

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class RequestRefused(Exception):
    """An error: a request is refused, with this HTTP status and sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def body_of(request: Request) -> bytes:
    """Return a body of at most 64 KiB; raises RequestRefused."""
    try:
        return await read_body(request.receive, most_bytes=BODY_BYTES, within_seconds=BODY_SECONDS)
    except BodyTooLarge:
        raise RequestRefused(413, f"A body has at most {BODY_BYTES} bytes.") from None
    except BodyLate:
        raise RequestRefused(408, "The body did not arrive in time.") from None
    except ClientGone:
        raise RequestRefused(400, "The body did not arrive whole.") from None


def media_type(request: Request) -> str:
    """Return the body's media type, without parameters and in lower case."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RequestRefused(415, "The body may not be compressed.")
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(request: Request) -> object:
    """Return a JSON body; raises RequestRefused."""
    if media_type(request) != JSON:
        raise RequestRefused(415, f"The body has to be {JSON}.")
    return parse_json(await body_of(request))


def parse_json(body: bytes) -> object:
    """Return decoded JSON in UTF-8, with or without a byte order mark; raises RequestRefused."""
    try:
        return orjson.loads(body.removeprefix(codecs.BOM_UTF8))
    except ValueError:
        raise RequestRefused(400, "This is not JSON in UTF-8.") from None


def parse_form(body: bytes) -> dict[str, object]:
    """Return a decoded form in UTF-8, each name once; raises RequestRefused."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=FORM_FIELDS,
        )
    except ValueError:
        raise RequestRefused(400, "This is not a URL-encoded form in UTF-8.") from None
    fields: dict[str, object] = dict(pairs)
    if len(fields) < len(pairs):
        raise RequestRefused(400, "A form gives each field once.")
    return fields


def is_approval(body: object) -> bool:
    """Return whether a challenge's answer approves; raises RequestRefused with 422."""
    return read_result(body, ANSWERS) == "approve"


def read_result(
    body: object, results: tuple[str, ...], *, others: frozenset[str] = frozenset()
) -> str:
    """Return `result` of an object that may have `others` beside it; raises RequestRefused with 422."""
    if not isinstance(body, dict) or not body.keys() <= {"result", *others}:
        keys = " and ".join(["result", *sorted(others)])
        raise RequestRefused(422, f"An answer is one object with {keys}.")
    if body.get("result") not in results:
        raise RequestRefused(422, f"result has to be {_either(results)}.")
    return str(body["result"])


def read_movement(body: object) -> tuple[OperationKind, str | None]:
    """Return a movement in the gateway's dashboard: a kind and a decimal amount, None for the whole amount."""
    if not isinstance(body, dict) or not body.keys() <= {"kind", "amount"}:
        raise RequestRefused(422, "A movement is one object with kind and amount.")
    kind, amount = body.get("kind"), body.get("amount")
    if kind not in MOVEMENTS:
        raise RequestRefused(422, f"kind has to be {_either(tuple(MOVEMENTS))}.")
    if amount is not None and not (isinstance(amount, str) and DECIMAL.fullmatch(amount)):
        raise RequestRefused(422, 'amount is a text such as "5.00"; left out, it is all there is.')
    return MOVEMENTS[kind], amount


def _either(words: tuple[str, ...]) -> str:
    *others, last = (f'"{word}"' for word in words)
    return f"{', '.join(others)} or {last}"
