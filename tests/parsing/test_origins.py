"""Bad input 37: which origins are allowed, and which addresses lie on one.

tests/api/inputs/test_return_urls.py and tests/transport/server/test_origins.py hold every place to this.
"""

import pytest

from edge.origins import Origins

OWN = "http://127.0.0.1:8000"

ON_NO_LOOPBACK = [
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "ftp://localhost/x",
    "//evil.example",
    "//localhost/checkout",
    "/checkout",
    "checkout",
    "",
    " ",
    "https://evil.example/checkout",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://evil.example/http://localhost",
    "http://evil.example?http://localhost",
    "http://evil.example#@localhost",
    "http://localhost@evil.example",
    "http://evil.example@localhost",
    "http://localhost\\@evil.example",
    "http:\\\\localhost",
    "http://evil.example\\.localhost",
    "http://localhost\t.evil.example",
    "http://localhost/\nSet-Cookie: a=b",
    "http://localhost/ x",
    " http://localhost",
    "http://localhost/\0",
    "http://",
    "http:///checkout",
    "http:localhost",
    "http://localhost:99999",
    "http://localhost:port",
    "http://ｌocalhost",  # noqa: RUF001 - a browser would read it as localhost
    "http://évil.example",
    "http://[::1",
]

ON_LOOPBACK = [
    "http://localhost:3000/checkout",
    "https://localhost/checkout?session=1&b=2#done",
    "http://127.0.0.1:8080",
    "http://[::1]:3000/back",
    "http://shop.localhost:3000/",
]

LISTED = ["https://shop.example", "https://other.example:8443", "https://third.example:443"]
SPELLINGS = [
    "https://shop.example",
    "https://SHOP.example",
    "https://shop.example:443",
    "https://other.example:8443",
    "https://third.example",
    "https://third.example:443",
]
"""The listed origins, however they are written."""

FOREIGN = [
    "http://shop.example",
    "https://shop.example.evil.example",
    "https://www.shop.example",
    "https://shop.example:444",
    "https://shop.example:80",
    "https://other.example:443",
    "https://other.example",
    "http://localhost:3000",
    "http://127.0.0.1:3000",
]

development = Origins([OWN], allows_loopback=True)
production = Origins(LISTED, allows_loopback=False)


@pytest.mark.parametrize("url", ON_NO_LOOPBACK)
def test_an_address_that_is_not_on_an_allowed_origin(url: str) -> None:
    """No customer is sent there, and no page there may call, in production or in development."""
    for origins in (development, production):
        assert not origins.allows_return_to(url)
        assert not origins.allows(url)


@pytest.mark.parametrize("url", ON_LOOPBACK)
def test_an_address_on_a_loopback_origin(url: str) -> None:
    """Development sends customers back there, and production does not."""
    assert development.allows_return_to(url)
    assert not production.allows_return_to(url)


@pytest.mark.parametrize("origin", SPELLINGS)
def test_a_listed_origin(origin: str) -> None:
    """Case and the scheme's own port do not matter: an address there is taken, with a path, and so is the origin."""
    assert production.allows(origin)
    assert production.allows_return_to(f"{origin}/checkout?step=3")
    assert not development.allows(origin)
    assert not development.allows_return_to(f"{origin}/checkout?step=3")


@pytest.mark.parametrize("origin", [*FOREIGN, "null"])
def test_a_foreign_origin(origin: str) -> None:
    """Scheme, host and port have to be a listed origin's."""
    assert not production.allows(origin)
    assert not production.allows_return_to(f"{origin}/checkout?step=3")


@pytest.mark.parametrize("header", ["https://shop.example/", "https://shop.example/x"])
def test_an_origin_has_no_path(header: str) -> None:
    """An Origin header with a path is none."""
    assert not production.allows(header)
    assert production.allows_return_to(header)
