"""The addresses that webhooks may go to: a server that calls any address would open its own network.

A name is looked up when an endpoint is registered and again at each connection, which uses the address that was
checked: a name that changes a moment later has no effect.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from webhooks.ports import AddressRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

RESERVED = tuple(
    ipaddress.ip_network(one)
    for one in ("192.0.0.0/24", "192.88.99.0/24", "fec0::/10", "3fff::/20")
)
"""Not public, though older Pythons do not list it. Source: IANA's special-purpose address registries."""

NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""Source: RFC 6052, section 2.1: the last four bytes are an IPv4 address."""

LOOK_UPS_AT_ONCE = 8
"""Threads for look-ups: names whose servers are silent delay nothing but webhooks."""

LOOK_UP_SECONDS = 5.0
"""For the look-up of a name when an endpoint is registered."""


class AddressIsPrivate(OSError):
    """An error: a name stands for an address in a private network."""


class PublicAddresses:
    """The allowed addresses; see webhooks.ports.Addresses."""

    def __init__(self, *, allows_private: bool) -> None:
        self._allows_private = allows_private
        self.resolver = Resolver(allows_private=allows_private)

    async def check(self, url: str) -> None:
        """Check an address and what its host's name stands for now; raises AddressRefused."""
        host = self.check_written(url)
        if is_literal(host):
            return
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                found = await self.resolver.resolve(host)
        except AddressIsPrivate as error:
            raise AddressRefused(str(error)) from None
        except (OSError, TimeoutError, UnicodeError):
            found = []
        if not found:
            raise AddressRefused("The address's host is not found.")

    def check_written(self, url: str) -> str:
        """Check an address as it is written, and return its host; raises AddressRefused."""
        try:
            parsed = URL(url)
            # As it is connected to: a name's last dot changes nothing.
            host, port = (parsed.raw_host or "").rstrip("."), parsed.port
        except ValueError:
            parsed, host, port = URL(), "", None
        schemes = ("https", "http") if self._allows_private else ("https",)
        is_plain = url.isascii() and url.isprintable() and " " not in url
        if not is_plain or parsed.scheme not in schemes or not host or not port or parsed.fragment:
            raise AddressRefused("An address such as https://shop.example/webhooks, in ASCII.")
        if parsed.user is not None or parsed.password is not None:
            raise AddressRefused("An address without a user's name and password.")
        if is_literal(host):
            self._check_literal(host)
        return host

    def _check_literal(self, host: str) -> None:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            # Such as 127.1 or 2130706433, which networks accept as addresses too.
            raise AddressRefused("An IP address has to be written in full.") from None
        if not self._allows_private and is_private(address):
            raise AddressRefused(PRIVATE)


PRIVATE = (
    "This leads into a private network: TILLGRAPH_WEBHOOKS_ALLOW_PRIVATE has to allow it first."
)


class Resolver(AbstractResolver):
    """The look-up of names, which refuses those in a private network where that is not allowed."""

    def __init__(self, *, allows_private: bool) -> None:
        self._allows_private = allows_private
        self._threads = ThreadPoolExecutor(LOOK_UPS_AT_ONCE, thread_name_prefix="names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return every address of a name; raises AddressIsPrivate if any of them is private and that is not allowed."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _look_up, host, port, family)
        if not self._allows_private and has_private([one["host"] for one in found]):
            raise AddressIsPrivate(PRIVATE)
        return found

    async def close(self) -> None:
        """Stop waiting for look-ups."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [
        ResolveResult(
            hostname=host,
            host=str(address[0]),
            port=port,
            family=kind,
            proto=protocol,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for kind, _, protocol, _, address in found
    ]


def has_private(addresses: Sequence[str]) -> bool:
    """Return whether any address of a list lies in a private network."""
    return any(is_private(ipaddress.ip_address(one.partition("%")[0])) for one in addresses)


def is_literal(host: str) -> bool:
    """Return whether a host is an address rather than a name, however it is written."""
    return ":" in host or host.rpartition(".")[2].isdigit() or host.startswith("0x")


def is_private(address: Address) -> bool:
    """Return whether an address, or one embedded in it, is outside the public internet."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inner_addresses(address)
        if inner:
            return any(is_private(one) for one in inner)
    is_listed = any(address in network for network in RESERVED)
    return is_listed or not address.is_global or address.is_multicast or address.is_reserved


def _inner_addresses(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    if address in NAT64:
        return [ipaddress.IPv4Address(address.packed[-4:])]
    if address.teredo is not None:
        return list(address.teredo)
    inner = address.ipv4_mapped or address.sixtofour
    return [] if inner is None else [inner]
