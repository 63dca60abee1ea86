"""Callers on this very machine: without secret keys, such a caller may do everything."""

from starlette.requests import HTTPConnection

from edge.origins import is_loopback_name

PROXY_HEADERS = frozenset(
    {
        "cdn-loop",
        "cf-connecting-ip",
        "fastly-client-ip",
        "fly-client-ip",
        "forwarded",
        "true-client-ip",
        "via",
        "x-amzn-trace-id",
        "x-appengine-user-ip",
        "x-azure-clientip",
        "x-client-ip",
        "x-cloud-trace-context",
        "x-cluster-client-ip",
        "x-envoy-external-address",
        "x-original-forwarded-for",
        "x-original-host",
        "x-originating-ip",
        "x-proxyuser-ip",
        "x-real-ip",
        "x-scheme",
    }
)
"""Headers that proxies and content delivery networks add; X-Forwarded also matches longer names."""

FORWARDED = "x-forwarded"

OF_PROXIES = "1.0"
"""The HTTP version that nginx speaks to its upstream by default, and that hardly any client uses today.

Source: https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_http_version
"""


def is_from_here(connection: HTTPConnection) -> bool:
    """Return whether a caller is on this machine and, as far as can be seen, not behind a proxy.

    A proxy that adds nothing, sends loopback's own Host and speaks HTTP/1.1 can't be seen.
    """
    headers = connection.headers
    if connection.client is None or not is_loopback_name(connection.client.host):
        return False
    if connection.scope.get("http_version") == OF_PROXIES:
        return False
    if any(name in PROXY_HEADERS or name.startswith(FORWARDED) for name in headers):
        return False
    return all(is_loopback_name(_name(host)) for host in headers.getlist("host") or [""])


def _name(host: str) -> str:
    """Return a Host header without its port."""
    if host.startswith("["):
        return host.partition("]")[0][1:]
    return host.partition(":")[0]
