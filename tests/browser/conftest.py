"""A real Chromium, and a page that fails its test when anything is loaded from elsewhere."""

import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.running import RunningServer

# The names that `make system-dependencies` looks for, and where Debian's package puts the first.
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "/usr/bin/chromium")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def origin_of(url: str) -> str:
    """Give the host and port that a request goes to; a blob: belongs to the origin that made it, data: to none."""
    parts = urlsplit(url.removeprefix("blob:"))
    return "" if parts.scheme == "data" else parts.netloc


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give Debian's Chromium, without a screen."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert path is not None, "Chromium is missing: run make system-dependencies."
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, server: RunningServer) -> Iterator[Page]:
    """Give a page in a fresh profile; at the end, nothing may have gone wrong or elsewhere."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme="light")
    page = context.new_page()
    requested: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("websocket", lambda socket: requested.append(socket.url))
    # A breach of the content security policy is an error on the console.
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert requested != []
    assert {origin_of(url) for url in requested} <= {"", urlsplit(server.url).netloc}
    assert complaints == []
