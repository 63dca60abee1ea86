"""How many connections a process carries, in all and from each address."""

import time
from collections.abc import Iterable
from typing import Protocol

import structlog

from edge import limits
from edge.addresses import ClientAddresses

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

    Where all are taken, the oldest connection that waits for its client gives way: whoever only holds connections open
    keeps nobody out.
    """

    def __init__(self, addresses: ClientAddresses, *, in_all: int, per_address: int | None) -> None:
        self._addresses = addresses
        self._in_all = in_all
        self._per_address = per_address
        self._held: dict[Holder, str | None] = {}
        """Each with its address, oldest first; None for a named proxy, whose clients are many."""
        self._by_address: dict[str, dict[Holder, None]] = {}
        self._refused = 0
        self._told_at = float("-inf")

    def take(self, holder: Holder, host: str) -> bool:
        """Admit a connection; return whether there was a place for it."""
        address = self._addresses.of_peer(host)
        beside = {} if address is None else self._by_address.get(address, {})
        is_full = self._per_address is not None and len(beside) >= self._per_address
        if is_full and not self._make_room(beside):
            self._tell("address", address)
            return False
        if len(self._held) >= self._in_all and not self._make_room(self._held):
            self._tell("process", None)
            return False
        self._held[holder] = address
        if address is not None:
            self._by_address.setdefault(address, {})[holder] = None
        return True

    def leave(self, holder: Holder) -> None:
        """Take a connection's place back, if it has one."""
        address = self._held.pop(holder, None)
        if address is not None:
            beside = self._by_address[address]
            del beside[holder]
            if not beside:
                del self._by_address[address]

    def _make_room(self, among: Iterable[Holder]) -> bool:
        waiting = next((holder for holder in among if holder.awaits_client), None)
        if waiting is None:
            return False
        self.leave(waiting)
        waiting.give_way()
        return True

    def _tell(self, bound: str, address: str | None) -> None:
        """Log that connections are refused, once in a while."""
        self._refused += 1
        if time.monotonic() - self._told_at < limits.TELL_SECONDS:
            return
        limit = self._in_all if address is None else self._per_address
        _log.warning(
            "connections refused", bound=bound, limit=limit, address=address, count=self._refused
        )
        self._refused = 0
        self._told_at = time.monotonic()
