"""The address of a request's client, even from behind named proxies; rate limits count by it."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

import structlog
from starlette.requests import HTTPConnection

from edge import limits

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FORWARDED_FOR = "x-forwarded-for"
NOBODY = ipaddress.IPv4Address(0)
"""Stands for a peer without an address, as at a socket file."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger("edge")


class ClientAddresses:
    """The addresses of clients; X-Forwarded-For is believed from named proxies alone."""

    def __init__(self, proxies: Sequence[Network]) -> None:
        self._proxies = proxies
        self._has_told = False

    def of(self, connection: HTTPConnection) -> str:
        """Return the key to count a client by: its IPv4 address, or the /64 network of its IPv6 address."""
        peer = _read(connection.client.host if connection.client else "") or NOBODY
        forwarded = connection.headers.getlist(FORWARDED_FOR)
        if not forwarded:
            return _partition(peer)
        if not self._is_proxy(peer):
            self._tell(peer)
            return _partition(peer)
        # From the right: each proxy has added its caller's address, and the first that is no proxy of ours is the
        # client. Anything before that was written by the client.
        for text in reversed(",".join(forwarded).split(",")[-limits.PROXIES :]):
            address = _read(text.strip()[: limits.ADDRESS_CHARACTERS])
            if address is None:
                break
            peer = address
            if not self._is_proxy(peer):
                break
        return _partition(peer)

    def of_peer(self, host: str) -> str | None:
        """Return the key to count a connection by; None for a named proxy, which carries many clients."""
        peer = _read(host) or NOBODY
        return None if self._is_proxy(peer) else _partition(peer)

    def _is_proxy(self, address: Address) -> bool:
        return any(address in network for network in self._proxies)

    def _tell(self, peer: Address) -> None:
        """Log once that a proxy's clients are counted as one."""
        if not self._has_told:
            self._has_told = True
            _log.warning("proxy not named", setting="TILLGRAPH_TRUSTED_PROXIES", peer=str(peer))


@lru_cache(maxsize=limits.ADDRESSES_KEPT)
def _read(text: str) -> Address | None:
    """Return an address, which may have a port; None where it is invalid."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=limits.ADDRESSES_KEPT)
def _partition(address: Address) -> str:
    # A household has 2^64 addresses of version 6.
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address), 64), strict=False))
    return str(address)
