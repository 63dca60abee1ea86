"""The faults of the network and the server that a test sets for the next requests."""

import asyncio
from collections import Counter
from enum import Enum, auto

from aiohttp import web

from tests.support.waiting import PATIENCE_SECONDS

LONGEST_HOLD_SECONDS = 2 * PATIENCE_SECONDS
"""Longer than any test waits meanwhile."""
HTML = "<html><body>Something is wrong.</body></html>"


class Fault(Enum):
    """The fault of one request."""

    DROP_BEFORE = auto()
    """Its connection is closed before anything is done."""
    DROP_AFTER = auto()
    """Its connection is closed after the effect: the reply is lost."""
    FAIL_BEFORE = auto()
    """500 without an effect, and not kept for the key."""
    FAIL_KEPT = auto()
    """500 without an effect, which is the answer to its key from now on."""
    FAIL_AFTER = auto()
    """500 after the effect, which is the answer to its key from now on."""
    HTML = auto()
    """503 with a page of HTML, before anything is done."""
    CONFLICT = auto()
    """409: its key or its object is in use."""
    TOO_MANY = auto()
    """429."""
    HOLD_BEFORE = auto()
    """It waits until `go_on`, and is then carried out."""
    HOLD_AFTER = auto()
    """Its answer waits until `go_on`, after the effect."""
    MALFORMED = auto()
    """The answer after the effect is not JSON."""


class Faults:
    """The script of the next faults."""

    def __init__(self) -> None:
        self._script: list[tuple[Fault, str | None]] = []
        self._may_go = asyncio.Event()
        self.held: Counter[str] = Counter()
        """How many requests of each name are waiting."""

    def script(self, fault: Fault, name: str | None, times: int) -> None:
        """Let a fault happen to the next requests of a name, or of any."""
        self._may_go.clear()
        self._script += [(fault, name)] * times

    def go_on(self) -> None:
        """Let all waiting requests continue, and forget faults that have not happened yet."""
        self._may_go.set()
        self._script.clear()

    def take(self, name: str) -> Fault | None:
        """Return a request's fault."""
        for scripted in self._script:
            if scripted[1] in (None, name):
                self._script.remove(scripted)
                return scripted[0]
        return None

    async def before(self, fault: Fault, name: str, request: web.Request) -> web.Response | None:
        """Apply a fault before the effect; None: go on."""
        match fault:
            case Fault.DROP_BEFORE:
                return _dropped(request)
            case Fault.FAIL_BEFORE:
                return web.json_response(
                    {"error": {"type": "api_error", "message": "Wrong."}}, status=500
                )
            case Fault.HTML:
                return web.Response(status=503, text=HTML, content_type="text/html")
            case Fault.CONFLICT:
                error = {
                    "type": "invalid_request_error",
                    "code": "lock_timeout",
                    "message": "In use.",
                }
                return web.json_response({"error": error}, status=409)
            case Fault.TOO_MANY:
                error = {
                    "type": "invalid_request_error",
                    "code": "rate_limit",
                    "message": "Too many.",
                }
                return web.json_response({"error": error}, status=429)
            case Fault.HOLD_BEFORE:
                await self._wait(name)
            case _:
                pass
        return None

    async def after(
        self, fault: Fault, name: str, request: web.Request, body: bytes
    ) -> web.Response | None:
        """Apply a fault after the effect; None: answer."""
        match fault:
            case Fault.DROP_AFTER:
                return _dropped(request)
            case Fault.MALFORMED:
                return web.Response(body=body[: len(body) // 2], content_type="application/json")
            case Fault.HOLD_AFTER:
                await self._wait(name)
            case _:
                pass
        return None

    async def _wait(self, name: str) -> None:
        self.held[name] += 1
        try:
            async with asyncio.timeout(LONGEST_HOLD_SECONDS):
                await self._may_go.wait()
        finally:
            self.held[name] -= 1


def _dropped(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
