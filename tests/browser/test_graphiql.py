"""GraphiQL in a real browser, with no internet: it sends requests to the server's own origin alone."""

import re
from typing import Any

import httpx2
import orjson
from playwright.sync_api import Page, WebSocket, expect

from tests.browser.conftest import RUN, open_graphiql, until_seen
from tests.support.flow.shop import open_collection, open_session
from tests.support.program.running import QUERIES, RunningServer, document
from web.documents import load_documents

RESPONSE = ".graphiql-response"
TABS = "graphiql:tabState"
ALONE = "['query', 'variables'].map((name) => localStorage.getItem(`graphiql:${name}`))"
HISTORY = "String(localStorage.getItem('graphiql:queries'))"
FIRST = "CreatePaymentCollection"


def choose(page: Page, operation: str) -> None:
    """Change to the tab of an operation."""
    page.locator(".graphiql-tab-button", has_text=re.compile(f"^{operation}$")).click()


def type_headers(page: Page, headers: str) -> None:
    """Put text into the headers editor."""
    page.get_by_role("button", name="Headers", exact=True).click()
    page.locator(".graphiql-editor-tool .monaco-editor").last.click()
    page.keyboard.insert_text(headers)


def stored(page: Page) -> Any:
    """Read what GraphiQL keeps of its tabs for the next visit; None where it has kept nothing yet."""
    found = page.evaluate(f"localStorage.getItem('{TABS}')")
    return None if found is None else orjson.loads(found)


def stored_tabs(page: Page) -> Any:
    """Read the tabs that GraphiQL keeps for the next visit, once it has kept them."""
    return until_seen(page, lambda: stored(page))["tabs"]


def store(page: Page, operation: str) -> None:
    """Change to the tab of an operation, and wait until that is kept: whatever was done before is kept with it."""
    choose(page, operation)

    def is_kept() -> bool:
        found = stored(page)
        if found is None:
            return False
        tab = found["tabs"][found["activeTabIndex"]]
        # Kept for themselves, too: a visit in between, where they are no tab's, opens one more tab for them.
        alone = page.evaluate(ALONE)
        return bool(tab["operationName"] == operation and alone == [tab["query"], tab["variables"]])

    until_seen(page, is_kept)


def stored_variables(page: Page) -> list[str]:
    """Read the variables of the tabs that GraphiQL keeps, in the tabs' order."""
    return [one["variables"] for one in stored_tabs(page)]


def watched_collection(page: Page) -> str:
    """Read the id of the collection that the subscription's tab watches."""
    (tab,) = [one for one in stored_tabs(page) if one["operationName"] == "WatchPaymentCollection"]
    return str(orjson.loads(tab["variables"])["id"])


def test_tabs_are_the_documents(page: Page, server: RunningServer) -> None:
    """GraphiQL opens with a tab for each document of the use cases, in their order."""
    operations = [
        one.text.split("(")[0].split("{")[0].split()[-1] for one in load_documents(QUERIES)
    ]
    expect(page.locator(".graphiql-tab-button")).to_have_text(operations)


def test_first_tab_runs_as_it_is(page: Page, server: RunningServer) -> None:
    """The first tab opens a collection without anything being typed."""
    choose(page, FIRST)
    page.click(RUN)
    expect(page.locator(RESPONSE)).to_contain_text('"status": "NOT_PAID"')


def test_later_tab_runs_as_it_is(page: Page, server: RunningServer) -> None:
    """A tab in the middle of the flow works at once: its variables name an object that was made for it."""
    choose(page, "CapturePayment")
    page.click(RUN)
    expect(page.locator(RESPONSE)).to_contain_text('"status": "PARTIALLY_CAPTURED"')


def test_subscription_streams_over_a_socket(page: Page, server: RunningServer) -> None:
    """A subscription shows its snapshot, and then what happens elsewhere, live."""
    choose(page, "WatchPaymentCollection")
    with page.expect_websocket() as socket:
        page.click(RUN)
    assert socket.value.url == server.websocket_url
    expect(page.locator(RESPONSE)).to_contain_text('"event": null')
    open_session(server, watched_collection(page))
    expect(page.locator(RESPONSE)).to_contain_text("SESSION_CREATED")
    page.click(RUN)  # It ends the stream.


def test_headers_are_sent(page: Page, server: RunningServer) -> None:
    """The headers in the headers editor are sent with the request."""
    secret = open_collection(server)["clientSecret"]
    choose(page, "ListPaymentCollections")
    type_headers(page, f'{{"Authorization": "Bearer {secret}"}}')
    with page.expect_request(f"{server.url}/graphql") as sent:
        page.click(RUN)
    expect(page.locator(RESPONSE)).to_contain_text('"code": "FORBIDDEN"')
    assert sent.value.headers["authorization"] == f"Bearer {secret}"
    accepted = "application/graphql-response+json, application/json"
    assert sent.value.headers["accept"] == accepted


def test_headers_are_not_stored(page: Page, server: RunningServer) -> None:
    """A secret in the headers editor reaches neither the stored tabs nor the stored history."""
    secret = open_collection(server)["clientSecret"]
    choose(page, "ListPayments")
    type_headers(page, f'{{"Authorization": "Bearer {secret}"}}')
    page.click(RUN)
    expect(page.locator(RESPONSE)).to_contain_text('"code": "FORBIDDEN"')
    store(page, FIRST)

    until_seen(page, lambda: "query ListPayments" in page.evaluate(HISTORY))
    assert secret not in page.evaluate("JSON.stringify(localStorage)")


def test_socket_carries_the_credential(page: Page, server: RunningServer) -> None:
    """A subscription's first message holds the headers editor's Authorization, whatever its case."""
    query = "query ($id: ID!) { paymentCollection(id: $id) { clientSecret } }"
    read = server.execute(query, {"id": watched_collection(page)})
    secret = read["paymentCollection"]["clientSecret"]
    choose(page, "WatchPaymentCollection")
    type_headers(page, f'{{"AUTHORIZATION": "Bearer {secret}"}}')
    sent: list[str | bytes] = []

    def keep(frame: str | bytes) -> None:
        sent.append(frame)

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", keep)

    page.once("websocket", listen)
    page.click(RUN)
    until_seen(page, lambda: sent)
    assert orjson.loads(sent[0]) == {
        "type": "connection_init",
        "payload": {"authorization": f"Bearer {secret}"},
    }
    expect(page.locator(RESPONSE)).to_contain_text('"event": null')
    page.click(RUN)  # It ends the stream.


def test_examples_need_no_correction(page: Page, server: RunningServer) -> None:
    """The editors mark nothing as wrong in the first tab, an object in a JSON scalar included."""
    choose(page, FIRST)
    page.click(RUN)
    expect(page.locator(RESPONSE)).to_contain_text('"status": "NOT_PAID"')
    marks = page.locator(".squiggly-error")
    # The marks come from workers, each for a whole text: with what is wrong all else is marked that is.
    page.get_by_role("button", name="Variables", exact=True).click()
    append(page, ".graphiql-editor-tool .monaco-editor", " x")
    expect(marks).to_have_count(1)
    append(page, ".graphiql-query-editor .monaco-editor", "\nquery Nope { nope }")
    expect(marks).to_have_count(2)


def append(page: Page, editor: str, text: str) -> None:
    """Put text after what an editor holds."""
    page.locator(editor).first.click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text(text)


def test_next_visit_keeps_the_tabs(page: Page, server: RunningServer) -> None:
    """The second visit shows the first one's tabs, and makes no further objects."""
    store(page, "ShowPayment")
    first = stored_variables(page)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    open_graphiql(page, server)
    store(page, "ListPayments")
    assert stored_variables(page) == first
    assert requested != []
    assert f"{server.url}/graphql/examples" not in requested


def test_fresh_examples_replace_the_tabs(page: Page, server: RunningServer) -> None:
    """The button for fresh examples fills every tab with new objects."""
    store(page, "ShowCheckout")
    first = stored_variables(page)
    page.click(RUN)
    expect(page.locator(RESPONSE)).to_contain_text('"paymentCollection"')
    with page.expect_response(f"{server.url}/graphql/examples") as answer:
        page.get_by_role("button", name="Fresh examples").click()
    fresh = [one["variables"] for one in answer.value.json()]
    page.wait_for_selector(RUN)
    store(page, "ShowPayment")
    assert stored_variables(page) == fresh
    assert fresh != first
    open_graphiql(page, server)
    store(page, "ShowCheckout")
    assert stored_variables(page) == fresh


def test_files_come_with_their_licences(server: RunningServer) -> None:
    """The licences of everything that is bundled are served beside it."""
    answer = httpx2.get(f"{server.url}/graphql/assets/LICENSES.txt")
    assert answer.status_code == 200
    assert "graphiql 5.4.0: MIT" in answer.text
    assert "monaco-editor" in answer.text


def test_only_hashed_names_are_kept_for_ever(server: RunningServer) -> None:
    """The script, whose name changes with its content, is kept for ever; the manifest is requested again."""
    manifest = httpx2.get(f"{server.url}/graphql/assets/manifest.json")
    script = httpx2.get(f"{server.url}/graphql/assets/{manifest.json()['script']}")
    assert manifest.headers["cache-control"] == "no-cache"
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["x-content-type-options"] == "nosniff"


def test_page_forbids_everything_from_elsewhere(server: RunningServer) -> None:
    """The page's policy names no other origin and no inline script."""
    answer = httpx2.get(f"{server.url}/graphql", headers={"accept": "text/html"})
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "http" not in policy
    assert document("back_end/01_create_payment_collection").splitlines()[1] in answer.text
