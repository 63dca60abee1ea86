"""The one reader of request bodies, which limits the size and the time of each."""

import asyncio

from starlette.types import Receive


class BodyTooLarge(Exception):
    """An error: a body is larger than it may be."""


class BodyLate(Exception):
    """An error: a body did not arrive in time."""


class ClientGone(Exception):
    """An error: the client went away before its request was complete."""


async def read_body(receive: Receive, *, most_bytes: int, within_seconds: float) -> bytes:
    """Read a whole body; raises BodyTooLarge, BodyLate and ClientGone."""
    try:
        async with asyncio.timeout(within_seconds):
            body, more = await _receive(receive)
            if len(body) > most_bytes:
                raise BodyTooLarge
            if not more:
                return body
            parts = bytearray(body)
            while more:
                body, more = await _receive(receive)
                parts += body
                if len(parts) > most_bytes:
                    raise BodyTooLarge
            return bytes(parts)
    except TimeoutError:
        raise BodyLate from None


async def _receive(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b""), message.get("more_body", False)
