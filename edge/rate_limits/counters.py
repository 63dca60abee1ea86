"""Counters of requests: in memory, or shared with other processes through a storage of the `limits` library."""

import asyncio
import time
from typing import Protocol

import structlog

from edge import limits

_log: structlog.stdlib.BoundLogger = structlog.get_logger("edge")


class Counts(Protocol):
    """Counters that expire by themselves, as the storages of `limits` have them."""

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a count, which expires a number of seconds after its first increment; return its value."""

    async def get(self, key: str) -> int:
        """Return a count's value; 0 where there is none."""

    async def close(self) -> None:
        """Close connections at shutdown."""


class OwnCounts:
    """Counts in this process's memory, for windows whose keys change with time.

    Not the memory storage of `limits`: that looks through all its keys at each hit, on the event loop, which takes
    50 ms with 100,000 of them. Here old counts are forgotten as a whole, expired or not.
    """

    def __init__(self) -> None:
        self._newer: dict[str, int] = {}
        self._older: dict[str, int] = {}

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a count; return its value."""
        count = await self.get(key) + amount
        self.note(key, count)
        return count

    def note(self, key: str, count: int) -> None:
        """Take over a count's value from elsewhere."""
        if len(self._newer) >= limits.COUNTS_KEPT // 2 and key not in self._newer:
            self._newer, self._older = {}, self._newer
        self._newer[key] = count

    async def get(self, key: str) -> int:
        """Return a count's value."""
        return self._newer.get(key) or self._older.get(key, 0)

    async def close(self) -> None:
        """Do nothing: there are no connections."""


class SharedCounts:
    """Counts in a store that other processes share, and in this process alone while the store is away.

    A payment does not fail because it could not be counted, and guessing keys stays limited meanwhile.
    """

    def __init__(
        self,
        shared: Counts,
        patience_seconds: float,
        retry_seconds: float = limits.STORE_RETRY_SECONDS,
    ) -> None:
        self._shared = shared
        self._patience_seconds = patience_seconds
        self._retry_seconds = retry_seconds
        self._own = OwnCounts()
        self._is_away = False
        self._asked_again_at = 0.0

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a count; return its value."""
        if time.monotonic() >= self._asked_again_at:
            try:
                async with asyncio.timeout(self._patience_seconds):
                    count = await self._shared.incr(key, expiry, amount)
            except Exception as error:  # noqa: BLE001 - whatever it is, it may stop no request.
                self._note_away(error)
            else:
                self._note_back()
                # If the store goes away, this process counts on from here.
                self._own.note(key, count)
                return count
        return await self._own.incr(key, expiry, amount)

    async def get(self, key: str) -> int:
        """Return a count's value."""
        if time.monotonic() >= self._asked_again_at:
            try:
                async with asyncio.timeout(self._patience_seconds):
                    return await self._shared.get(key)
            except Exception as error:  # noqa: BLE001 - as above.
                self._note_away(error)
        return await self._own.get(key)

    async def close(self) -> None:
        """Close the store's connections."""
        await self._shared.close()

    def _note_away(self, error: Exception) -> None:
        self._asked_again_at = time.monotonic() + self._retry_seconds
        if not self._is_away:
            self._is_away = True
            _log.warning("rate limits counted by this process alone", error=type(error).__name__)

    def _note_back(self) -> None:
        if self._is_away:
            self._is_away = False
            _log.info("rate limits counted together again")
