"""How the gateway answers: never to be kept, with a promise where nothing happened, or not at all."""

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

NO_STORE = {"cache-control": "no-store"}


class ReplyLost(Exception):
    """Breaks the connection after a durable effect."""


class LostReply(Response):
    """Begins an answer and breaks off."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        raise ReplyLost


def refusal_of(status: int, message: str) -> Response:
    """Refuse, and promise that this request did nothing."""
    return JSONResponse({"message": message, "nothing_happened": True}, status, NO_STORE)
