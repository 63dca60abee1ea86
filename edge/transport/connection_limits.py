"""The limits of a process's connections, in all and from each address."""

import time
from collections.abc import Collection, Iterable
from typing import Protocol

import structlog

from edge import limits
from edge.rate_limits.client_addresses import ClientAddresses

_log: structlog.stdlib.BoundLogger = structlog.get_logger("edge")


class Holder(Protocol):
    """A connection that holds a place."""

    @property
    def awaits_client(self) -> bool:
        """Return whether its client has to send something before it is served."""

    def give_way(self) -> None:
        """Close, so that another connection can be served."""


class Places:
    """The places of a process's connections.

    When all are taken, the oldest connection that waits for its client is closed: clients that only hold connections
    open keep nobody out.
    """

    def __init__(self, addresses: ClientAddresses, *, in_all: int, per_address: int | None) -> None:
        self._addresses = addresses
        self._in_all = in_all
        self._per_address = per_address
        self._held: dict[Holder, str | None] = {}
        """The address of each connection, oldest first; None for a named proxy, whose clients are many."""
        self._by_address: dict[str, dict[Holder, None]] = {}
        self._untold: dict[str, int] = {}
        self._told_at: dict[str, float] = {}

    def take(self, holder: Holder, host: str) -> bool:
        """Admit a connection; return whether there was a place for it."""
        address = self._addresses.of_peer(host)
        beside = {} if address is None else self._by_address.get(address, {})
        if not self._has_room(beside, self._per_address, address):
            return False
        if not self._has_room(self._held, self._in_all, None):
            return False
        self._held[holder] = address
        if address is not None:
            self._by_address.setdefault(address, {})[holder] = None
        return True

    def leave(self, holder: Holder) -> None:
        """Release a connection's place, if it has one."""
        address = self._held.pop(holder, None)
        if address is not None:
            beside = self._by_address[address]
            del beside[holder]
            if not beside:
                del self._by_address[address]

    def _has_room(self, among: Collection[Holder], most: int | None, address: str | None) -> bool:
        """Return whether a place is free, or another connection gives way."""
        if most is None or len(among) < most:
            return True
        has_room = self._make_room(among)
        event = "connections gave way" if has_room else "connections refused"
        self._tell(event, limit=most, address=address)
        return has_room

    def _make_room(self, among: Iterable[Holder]) -> bool:
        waiting = next((holder for holder in among if holder.awaits_client), None)
        if waiting is None:
            return False
        self.leave(waiting)
        waiting.give_way()
        return True

    def _tell(self, event: str, *, limit: int, address: str | None) -> None:
        """Log refused and closed connections, at most once in a while."""
        count = self._untold.get(event, 0) + 1
        self._untold[event] = count
        if time.monotonic() - self._told_at.get(event, float("-inf")) < limits.TELL_SECONDS:
            return
        bound = "process" if address is None else "address"
        _log.warning(event, bound=bound, limit=limit, address=address, count=count)
        self._untold[event] = 0
        self._told_at[event] = time.monotonic()
