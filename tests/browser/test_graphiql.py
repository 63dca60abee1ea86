"""GraphiQL in a real browser, with no internet: nothing but the server's own origin is asked for anything."""

import httpx2
import orjson
from playwright.sync_api import Page, Request, expect

from tests.running import QUERIES, RunningServer, document
from tests.shop import open_collection, open_session
from web.documents import load_documents

RUN = ".graphiql-execute-button"
RESPONSE = ".graphiql-response"
SECONDS = 15_000


def open_graphiql(page: Page, server: RunningServer) -> None:
    page.goto(f"{server.url}/graphql")
    page.wait_for_selector(RUN, timeout=SECONDS)


def choose(page: Page, operation: str) -> None:
    page.locator(".graphiql-tab-button", has_text=operation).first.click()


def test_tabs_are_the_documents(page: Page, server: RunningServer) -> None:
    """GraphiQL opens with a tab for each document of the use cases, in their order."""
    open_graphiql(page, server)
    operations = [
        one.text.split("(")[0].split("{")[0].split()[-1] for one in load_documents(QUERIES)
    ]
    expect(page.locator(".graphiql-tab-button")).to_have_text(operations)


def test_first_tab_runs_as_it_is(page: Page, server: RunningServer) -> None:
    """The first tab opens a collection without anything being typed."""
    open_graphiql(page, server)
    page.click(RUN)
    expect(page.locator(RESPONSE)).to_contain_text('"status": "NOT_PAID"', timeout=SECONDS)


def test_later_tab_runs_as_it_is(page: Page, server: RunningServer) -> None:
    """A tab in the middle of the flow works at once: its variables name an object that was made for it."""
    open_graphiql(page, server)
    choose(page, "CapturePayment")
    page.click(RUN)
    expect(page.locator(RESPONSE)).to_contain_text(
        '"status": "PARTIALLY_CAPTURED"', timeout=SECONDS
    )


def test_subscription_streams_over_a_socket(page: Page, server: RunningServer) -> None:
    """A subscription shows its snapshot, and then what happens elsewhere, live."""
    open_graphiql(page, server)
    choose(page, "WatchPaymentCollection")
    with page.expect_websocket() as socket:
        page.click(RUN)
    assert socket.value.url == server.websocket_url
    expect(page.locator(RESPONSE)).to_contain_text('"event": null', timeout=SECONDS)
    stored = page.evaluate("localStorage.getItem('graphiql:tabState')")
    tabs = orjson.loads(stored)["tabs"]
    (tab,) = [one for one in tabs if one["operationName"] == "WatchPaymentCollection"]
    open_session(server, orjson.loads(tab["variables"])["id"])
    expect(page.locator(RESPONSE)).to_contain_text("SESSION_CREATED", timeout=SECONDS)


def test_headers_are_sent(page: Page, server: RunningServer) -> None:
    """What stands in the headers editor goes with the request."""
    secret = open_collection(server)["clientSecret"]
    open_graphiql(page, server)
    page.get_by_role("button", name="Headers", exact=True).click()
    editor = page.locator(".graphiql-editor-tool .monaco-editor").last
    editor.click()
    page.keyboard.insert_text(f'{{"Authorization": "Bearer {secret}"}}')
    choose_run: list[Request] = []
    page.on("request", choose_run.append)
    page.click(RUN)
    expect(page.locator(RESPONSE)).to_contain_text('"code": "FORBIDDEN"', timeout=SECONDS)
    sent = [one for one in choose_run if one.url == f"{server.url}/graphql"]
    assert sent[-1].headers["authorization"] == f"Bearer {secret}"


def test_files_come_with_their_licences(server: RunningServer) -> None:
    """The licences of everything that is bundled are served beside it."""
    answer = httpx2.get(f"{server.url}/graphql/assets/LICENSES.txt")
    assert answer.status_code == 200
    assert "graphiql 5.4.0: MIT" in answer.text
    assert "monaco-editor" in answer.text


def test_page_forbids_everything_from_elsewhere(server: RunningServer) -> None:
    """The page's policy names no other origin and no inline script."""
    answer = httpx2.get(f"{server.url}/graphql", headers={"accept": "text/html"})
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "http" not in policy
    assert document("back_end/01_create_payment_collection").splitlines()[1] in answer.text
