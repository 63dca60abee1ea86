"""The origins that may call from a browser, and the addresses to which a customer may return."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
"""The ports that a browser leaves out of an origin, and people may write."""


@lru_cache(256)
def is_loopback_name(host: str) -> bool:
    """Return whether a host name or address is this machine's own."""
    host = host.lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Origins:
    """The allowed origins: the server's own, the listed ones, and loopback's in development."""

    def __init__(self, allowed: Sequence[str], *, allows_loopback: bool) -> None:
        self.allowed = frozenset(_origin_of(urlsplit(origin)) for origin in allowed)
        self.allows_loopback = allows_loopback

    def allows(self, origin: str) -> bool:
        """Return whether an Origin header's value is allowed."""
        parts = _split(origin)
        return parts is not None and parts.path == "" and self._knows(parts)

    def allows_return_to(self, url: str) -> bool:
        """Return whether an absolute address lies on an allowed origin."""
        parts = _split(url)
        return parts is not None and self._knows(parts)

    def _knows(self, parts: SplitResult) -> bool:
        if _origin_of(parts) in self.allowed:
            return True
        return self.allows_loopback and is_loopback_name(parts.hostname or "")


def _origin_of(parts: SplitResult) -> str:
    """Return an address's origin as browsers write it: in lower case, without the scheme's own port."""
    return f"{parts.scheme}://{parts.netloc}".lower().removesuffix(
        f":{DEFAULT_PORTS[parts.scheme]}"
    )


def _split(url: str) -> SplitResult | None:
    # Browsers read a backslash as a slash and drop control characters: neither may decide where a customer lands.
    if not url.isascii() or not url.isprintable() or "\\" in url or " " in url:
        return None
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where the port is none
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return parts
