"""Which addresses webhooks may go to: a server that calls whatever it is told to would open its own network.

A name is looked up when an endpoint is registered and again at each connection, which goes to the address that was
looked at: a name that stands for something else a moment later leads nowhere.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from payments.webhooks import AddressRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""Source: RFC 6052, section 2.1: the last four bytes are an IPv4 address."""

LOOK_UP_SECONDS = 5.0
"""For a name to be looked up when an endpoint is registered."""


class AddressIsPrivate(OSError):
    """Says that a name stands for an address in a private network."""


class PublicAddresses:
    """Knows the addresses that may be sent to; see payments.webhooks.Addresses."""

    def __init__(self, *, allows_private: bool) -> None:
        self._allows_private = allows_private

    async def check(self, url: str) -> None:
        """Look at an address and at what its host's name stands for now; raises AddressRefused."""
        host = self.check_written(url)
        if self._allows_private or is_literal(host):
            return
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                found = await PublicResolver().resolve(host)
        except AddressIsPrivate as error:
            raise AddressRefused(str(error)) from None
        except (OSError, TimeoutError):
            found = []
        if not found:
            raise AddressRefused("The address's host is not found.")

    def check_written(self, url: str) -> str:
        """Look at an address as it is written, and give its host; raises AddressRefused."""
        try:
            parsed = URL(url)
            host = parsed.host or ""
        except ValueError:
            parsed, host = URL(), ""
        schemes = ("https", "http") if self._allows_private else ("https",)
        is_plain = url.isascii() and url.isprintable() and " " not in url
        if not is_plain or parsed.scheme not in schemes or not host or parsed.fragment:
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
            # Such as 127.1 or 2130706433, which networks read as an address all the same.
            raise AddressRefused("An IP address has to be written in full.") from None
        if not self._allows_private and is_private(address):
            raise AddressRefused(PRIVATE)


PRIVATE = (
    "This leads into a private network: TILLGRAPH_WEBHOOKS_ALLOW_PRIVATE has to allow it first."
)


class PublicResolver(AbstractResolver):
    """Looks names up, and refuses those that stand for an address in a private network."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Give every address of a name; raises AddressIsPrivate if any of them is private."""
        found = await self._inner.resolve(host, port, family)
        if has_private([one["host"] for one in found]):
            raise AddressIsPrivate(PRIVATE)
        return found

    async def close(self) -> None:
        """Let go of nothing: there is nothing held."""


def has_private(addresses: Sequence[str]) -> bool:
    """Tell whether any of some addresses lies in a private network."""
    return any(is_private(ipaddress.ip_address(one.partition("%")[0])) for one in addresses)


def is_literal(host: str) -> bool:
    """Tell whether a host is an address rather than a name, however it is written."""
    return ":" in host or host.rpartition(".")[2].isdigit() or host.startswith("0x")


def is_private(address: Address) -> bool:
    """Tell whether an address, or one that it carries within, is not one of the public internet's."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inner_addresses(address)
        if inner:
            return any(is_private(one) for one in inner)
    return not address.is_global or address.is_multicast or address.is_reserved


def _inner_addresses(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    if address in NAT64:
        return [ipaddress.IPv4Address(address.packed[-4:])]
    if address.teredo is not None:
        return list(address.teredo)
    inner = address.ipv4_mapped or address.sixtofour
    return [] if inner is None else [inner]
