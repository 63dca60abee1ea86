"""The gateway's answers: never cached, with a promise where nothing happened, or lost on purpose."""

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

NO_STORE = {"cache-control": "no-store"}


class ReplyLost(Exception):
    """An answer after a durable effect that breaks the connection."""


class LostReply(Response):
    """An answer that begins and breaks off."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        raise ReplyLost


def refusal_of(status: int, message: str) -> Response:
    """Return a refusal, which promises that this request did nothing."""
    return JSONResponse({"message": message, "nothing_happened": True}, status, NO_STORE)
