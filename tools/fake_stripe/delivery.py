"""The delivery of events to a webhook's address, signed as Stripe signs: at once, or as a test says."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import orjson
import stripe
from aiohttp import web

from tools.fake_stripe.store import Body

TRIES = 20
WAIT_SECONDS = 0.3


class Delivery:
    """The sender."""

    def __init__(self, url: str | None, secret: str) -> None:
        self._is_holding = False
        self._url = url
        self._secret = secret
        self._waiting: asyncio.Queue[Body] = asyncio.Queue()
        self._client: aiohttp.ClientSession | None = None

    def tell(self, event: Body) -> None:
        """Send an event soon, unless a test holds them back."""
        if self._url is not None and not self._is_holding:
            self._waiting.put_nowait(event)

    async def hold(self, *, holds: bool) -> None:
        """Hold events back, or send them again; return when everything due is sent."""
        self._is_holding = holds
        await self._waiting.join()

    async def running(self, _: web.Application) -> AsyncIterator[None]:
        """Send in the background while the application runs."""
        # The server closes connections idle for 5 s, and would reset a report that arrives at that instant.
        self._client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        task = asyncio.create_task(self._send_each())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await self._client.close()

    async def send(self, event: Body) -> int:
        """Send an event once; return the status, 0 where nobody answers."""
        assert self._url is not None
        assert self._client is not None
        body = orjson.dumps(event).decode()
        signature = stripe.WebhookSignature.generate_signature_header(body, self._secret)
        headers = {"content-type": "application/json", "stripe-signature": signature}
        try:
            async with self._client.post(self._url, data=body, headers=headers) as answer:
                return answer.status
        except aiohttp.ClientError:
            return 0

    async def _send_each(self) -> None:
        while True:
            event = await self._waiting.get()
            for _ in range(TRIES):
                if 200 <= await self.send(event) < 300:
                    break
                await asyncio.sleep(WAIT_SECONDS)
            self._waiting.task_done()
