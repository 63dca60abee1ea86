"""The address that a request comes from: only proxies that are named are believed."""

import ipaddress

import pytest
from starlette.requests import HTTPConnection

from edge import limits
from edge.rate_limits.client_addresses import ClientAddresses

PROXIES = [ipaddress.ip_network(text) for text in ("10.0.0.0/8", "192.0.2.7", "fd00::/8")]


def address_of(peer: str | None, *forwarded: str) -> str:
    """Return what a request is counted by; each header of its own."""
    headers = [(b"x-forwarded-for", text.encode("latin-1")) for text in forwarded]
    scope = {"type": "http", "headers": headers, "client": (peer, 1) if peer is not None else None}
    return ClientAddresses(PROXIES).of(HTTPConnection(scope))


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted_by"),
    [
        ("198.51.100.1", [], "198.51.100.1"),
        # A peer that is no proxy says what it likes.
        ("198.51.100.1", ["203.0.113.5"], "198.51.100.1"),
        ("192.0.2.8", ["203.0.113.5"], "192.0.2.8"),
        ("10.1.2.3", ["203.0.113.5"], "203.0.113.5"),
        ("192.0.2.7", ["203.0.113.5"], "203.0.113.5"),
        # The first from the right that is no proxy; what stands before it is the client's own.
        ("10.1.2.3", ["198.51.100.9, 203.0.113.5"], "203.0.113.5"),
        ("10.1.2.3", ["198.51.100.9, 203.0.113.5,10.9.9.9 , 192.0.2.7"], "203.0.113.5"),
        # Several headers are one list.
        ("10.1.2.3", ["198.51.100.9", "203.0.113.5, 10.9.9.9"], "203.0.113.5"),
        # A client within the network of proxies.
        ("10.1.2.3", ["10.5.5.5"], "10.5.5.5"),
        ("10.1.2.3", ["10.6.6.6, 10.5.5.5"], "10.6.6.6"),
        # Without the header, and with what is no address: as far as it is known.
        ("10.1.2.3", [], "10.1.2.3"),
        ("10.1.2.3", [""], "10.1.2.3"),
        ("10.1.2.3", ["unknown"], "10.1.2.3"),
        ("10.1.2.3", ["203.0.113.5, unknown"], "10.1.2.3"),
        ("10.1.2.3", ["203.0.113.5, _hidden, 10.9.9.9"], "10.9.9.9"),
        ("10.1.2.3", ["203.0.113.5,"], "10.1.2.3"),
        ("10.1.2.3", ["1" * 60_000], "10.1.2.3"),
        ("10.1.2.3", ["\\xff"], "10.1.2.3"),
        # Some proxies write the port.
        ("10.1.2.3", ["203.0.113.5:51234"], "203.0.113.5"),
        ("10.1.2.3", ["[2001:db8:1:2::5]:51234"], "2001:db8:1:2::/64"),
        # A household has a network of version 6.
        ("2001:db8:1:2:a:b:c:d", [], "2001:db8:1:2::/64"),
        ("fd00::1", ["2001:db8:1:2::5"], "2001:db8:1:2::/64"),
        ("fd00::1", ["2001:DB8:1:3::5"], "2001:db8:1:3::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        # Version 4 within version 6 is version 4.
        ("::ffff:198.51.100.1", [], "198.51.100.1"),
        ("::ffff:10.1.2.3", ["::ffff:203.0.113.5"], "203.0.113.5"),
        # A socket file has no address.
        (None, [], "0.0.0.0"),  # noqa: S104 - not bound
        ("", ["203.0.113.5"], "0.0.0.0"),  # noqa: S104 - not bound
    ],
)
def test_what_a_request_is_counted_by(
    peer: str | None, forwarded: list[str], counted_by: str
) -> None:
    """The client's address as far as it is known from who can be believed."""
    assert address_of(peer, *forwarded) == counted_by


def test_a_row_of_proxies_is_bounded() -> None:
    """Of a header with thousands of entries the last few are read."""
    entries = ["203.0.113.5", *["10.9.9.9"] * limits.PROXIES]
    assert address_of("10.1.2.3", ", ".join(entries[:-1])) == "203.0.113.5"
    assert address_of("10.1.2.3", ", ".join(entries * 100)) == "10.9.9.9"
