"""A real Chromium, and a page that fails its test when anything is loaded from elsewhere."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.running import RunningServer

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give Debian's Chromium, without a screen."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path is not None, "Chromium is missing: run make system-dependencies."
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, server: RunningServer) -> Iterator[Page]:
    """Give a page in a fresh profile; at the end, nothing may have gone wrong or elsewhere."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    requested: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("websocket", lambda socket: requested.append(socket.url.replace("ws://", "http://")))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.context.close()
    own = (server.url, "data:", f"blob:{server.url}")
    assert [url for url in requested if not url.startswith(own)] == []
    assert complaints == []
