"""Where requests are counted: in memory, or by whatever counts as limits' own storages do."""

from typing import Protocol

from edge import limits


class Counts(Protocol):
    """Keeps counts that end by themselves; limits' own storages do."""

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a count, which ends after a number of seconds from its first one on; gives what it is now."""

    async def get(self, key: str) -> int:
        """Give what a count is; 0 where there is none."""

    async def close(self) -> None:
        """Let go of connections; the server is ending."""


class OwnCounts:
    """Counts in this process's memory, for windows that bear other keys than those before.

    Not by limits' own: that looks through all its keys at each hit, on the event loop, which takes 50 ms with 100,000
    of them. Here what was not counted for long is forgotten as a whole, ended or not.
    """

    def __init__(self) -> None:
        self._newer: dict[str, int] = {}
        self._older: dict[str, int] = {}

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a count; gives what it is now."""
        count = await self.get(key) + amount
        if len(self._newer) >= limits.COUNTS_KEPT // 2 and key not in self._newer:
            self._newer, self._older = {}, self._newer
        self._newer[key] = count
        return count

    async def get(self, key: str) -> int:
        """Give what a count is."""
        return self._newer.get(key) or self._older.get(key, 0)

    async def close(self) -> None:
        """Do nothing: there are no connections."""
