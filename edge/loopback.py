"""Callers on this very machine: without secret keys, such a caller may do everything."""

from starlette.requests import HTTPConnection

from edge.origins import is_loopback_name

PROXY_HEADERS = frozenset(
    {
        b"cdn-loop",
        b"cf-connecting-ip",
        b"fastly-client-ip",
        b"fly-client-ip",
        b"forwarded",
        b"true-client-ip",
        b"via",
        b"x-amzn-trace-id",
        b"x-appengine-user-ip",
        b"x-azure-clientip",
        b"x-client-ip",
        b"x-cloud-trace-context",
        b"x-cluster-client-ip",
        b"x-envoy-external-address",
        b"x-original-forwarded-for",
        b"x-original-host",
        b"x-originating-ip",
        b"x-proxyuser-ip",
        b"x-real-ip",
        b"x-scheme",
    }
)
"""Headers that proxies and content delivery networks add; X-Forwarded also matches longer names."""

FORWARDED = b"x-forwarded"

OF_PROXIES = "1.0"
"""The HTTP version that nginx speaks to its upstream by default, and that hardly any client uses today.

Source: https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_http_version
"""


def is_from_here(connection: HTTPConnection) -> bool:
    """Return whether a caller is on this machine and, as far as can be seen, not behind a proxy.

    A proxy that adds nothing, sends loopback's own Host and speaks HTTP/1.1 can't be seen.
    """
    if connection.client is None or not is_loopback_name(connection.client.host):
        return False
    if connection.scope.get("http_version") == OF_PROXIES:
        return False
    hosts = []
    for name, value in connection.scope["headers"]:
        if name in PROXY_HEADERS or name.startswith(FORWARDED):
            return False
        if name == b"host":
            hosts.append(value.decode("latin-1"))
    return all(is_loopback_name(_name(host)) for host in hosts or [""])


def _name(host: str) -> str:
    """Return a Host header without its port."""
    if host.startswith("["):
        return host.partition("]")[0][1:]
    return host.partition(":")[0]
