"""A real Chromium, and a page that fails its test when anything is loaded from elsewhere."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.program.running import RunningServer
from tests.support.waiting import PATIENCE_SECONDS

Seen = TypeVar("Seen")

RUN = ".graphiql-execute-button"
LOOK_MS = 20

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
    """Return the host and port that a request goes to; a blob: belongs to the origin that made it, data: to none."""
    parts = urlsplit(url.removeprefix("blob:"))
    return "" if parts.scheme == "data" else parts.netloc


PATIENCE_MS = PATIENCE_SECONDS * 1000


@dataclass(frozen=True)
class Visit:
    """A page in a profile of its own, with what it asked for and what it complained of."""

    page: Page
    requested: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen."""
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.on("websocket", lambda socket: self.requested.append(socket.url))
        # A breach of the content security policy is an error on the console.
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def assert_sound(self, server: RunningServer) -> None:
        """Assert that so far nothing has gone wrong or elsewhere."""
        assert self.requested != []
        assert {origin_of(url) for url in self.requested} <= {"", urlsplit(server.url).netloc}
        assert self.complaints == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Debian's Chromium, without a screen; while it is there, this thread's event loop is playwright's."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert path is not None, "Chromium is missing: run make system-dependencies."
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=PATIENCE_MS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def visit(browser: Browser, server: RunningServer) -> Iterator[Visit]:
    """Return a visitor's first visit to GraphiQL; the tests work in tabs of their own."""
    expect.set_options(timeout=PATIENCE_MS)
    context = browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme="light")
    visit = Visit(context.new_page())
    open_graphiql(visit.page, server)
    yield visit
    context.close()


@pytest.fixture
def page(visit: Visit, server: RunningServer) -> Iterator[Page]:
    """Return GraphiQL's page; at the end, nothing may have gone wrong or elsewhere."""
    yield visit.page
    visit.assert_sound(server)


def open_graphiql(page: Page, server: RunningServer) -> None:
    """Open the page and wait until it can run operations."""
    page.goto(f"{server.url}/graphql")
    page.wait_for_selector(RUN)


def until_seen(page: Page, look: Callable[[], Seen]) -> Seen:
    """Look again and again, while the page goes on, until something true is found, and return it."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not (seen := look()):
        assert time.monotonic() < ends_at, seen
        page.wait_for_timeout(LOOK_MS)
    return seen
