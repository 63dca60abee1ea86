"""Endpoints that are refused: addresses that are private or malformed, and inputs without content."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import CHECKED
from tests.support.flow.registering import ALLOWED, delete_all, deliveries, endpoints, register
from tests.support.flow.shop import open_collection
from tests.support.gateways.receiver import Receiver
from tests.support.program.ports import free_port
from tests.support.program.running import QUICK_RECOVERY, Json, RunningServer
from tests.support.stores.evidence import Evidence, evidence_of
from tests.support.waiting import until
from webhooks.address_policy import PublicAddresses
from webhooks.ports import AddressRefused

PUBLIC = "https://8.8.8.8/webhooks"
"""Nobody is called there: registering an address in figures asks nobody."""

PRIVATE = (
    "https://127.0.0.1/",
    "https://localhost/",
    "https://10.1.2.3/",
    "https://172.16.0.1/",
    "https://192.168.1.1:8443/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/",
    "https://0.0.0.0/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[fe80::1]/",
    "https://[fd00::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[fec0::1]/",
    "https://127.0.0.1./",
    "https://localhost./",
    "https://192.0.0.192/",
)

WRONG = (
    "",
    "shop.example",
    "//shop.example/",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "http://8.8.8.8/",
    "https://",
    "https://user:password@8.8.8.8/",
    "https://8.8.8.8/#part",
    "https://8.8.8.8:99999/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://münchen.example/",
    "https://8.8.8.8/\n",
    "https://a b.example/",
    f"https://{'a' * 64}.example/",
    "https://8.8.8.8:0/",
    "https://./",
)

UNREAD = ("https://8.8.8.8/\x00", f"https://8.8.8.8/{'a' * 2_000}")
"""An address with a character that no input may hold, and one that is too long."""


@pytest.fixture(scope="module")
def strict_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server as it comes: nothing private may be told."""
    running = RunningServer(tmp_path_factory.mktemp("strict"), QUICK_RECOVERY)
    yield running.start()
    checked = running.check()
    running.close()
    assert checked == CHECKED


@pytest.fixture
def strict(strict_server: RunningServer) -> Iterator[RunningServer]:
    """Return that server, and leave no endpoint on it."""
    yield strict_server
    delete_all(strict_server)


@pytest.fixture
def unchanged(strict: RunningServer) -> Iterator[None]:
    """Assert that a test leaves every row as it was."""
    before: Evidence = evidence_of(strict)
    yield
    assert evidence_of(strict) == before


@pytest.mark.once
@pytest.mark.parametrize("url", [*PRIVATE, *WRONG])
def test_an_address_that_is_none(url: str) -> None:
    """A private one is told which setting would allow it."""
    with pytest.raises(AddressRefused) as refused:
        asyncio.run(PublicAddresses(allows_private=False).check(url))
    assert ("TILLGRAPH_WEBHOOKS_ALLOW_PRIVATE" in str(refused.value)) is (url in PRIVATE)


@pytest.mark.once
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("url", [PRIVATE[0], PRIVATE[1], *UNREAD, WRONG[0]])
def test_an_address_is_refused(strict: RunningServer, url: str) -> None:
    """The field is named, and a private one is told which setting would allow it."""
    refused = strict.change("createWebhookEndpoint", {"url": url})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["url"])
    assert ("TILLGRAPH_WEBHOOKS_ALLOW_PRIVATE" in refused["message"]) is (url in PRIVATE)


@pytest.mark.once
@pytest.mark.parametrize("url", [PRIVATE[0], PRIVATE[1], WRONG[0]])
def test_a_changed_address_is_looked_at_too(strict: RunningServer, url: str) -> None:
    """An endpoint can't be moved into a private network either."""
    endpoint = register(strict, PUBLIC)
    strict.change("updateWebhookEndpoint", {"id": endpoint["id"], "isEnabled": False})
    refused = strict.change("updateWebhookEndpoint", {"id": endpoint["id"], "url": url})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["url"])
    assert [one["url"] for one in endpoints(strict)] == [PUBLIC]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_nothing_private_is_sent_to_where_the_setting_no_longer_allows_it(
    strict: RunningServer, receiver: Receiver, host: str
) -> None:
    """An address is looked at again at each attempt: a name may stand for something else by now."""
    endpoint = register(strict, PUBLIC)
    # As it was registered while the setting allowed it; http is refused as it is written, and the name is looked up.
    url = receiver.url.replace("http://127.0.0.1", f"https://{host}")
    strict.rows("UPDATE webhook_endpoints SET url = ? WHERE id = ?", url, endpoint["id"])
    open_collection(strict)
    (one,) = until(lambda: [one for one in deliveries(strict, endpoint) if one["attempts"]])
    assert one["attempts"][0]["failure"] == "PRIVATE_ADDRESS"
    assert receiver.received == []


@pytest.mark.once
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"eventTypes": []}, "eventTypes"),
        ({"description": "a" * 501}, "description"),
        ({"description": "a\x00"}, "description"),
    ],
)
def test_bad_input_changes_nothing(strict: RunningServer, given: Json, path: str) -> None:
    """The field is named."""
    refused = strict.change("createWebhookEndpoint", {"url": PUBLIC, **given})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", [path])


@pytest.mark.parametrize("name", ["url", "isEnabled"])
def test_what_has_to_be_there_is_not_emptied(telling: RunningServer, name: str) -> None:
    """Null is refused; where it may be, it empties."""
    endpoint = register(telling, "https://8.8.8.8/", eventTypes=["PAYMENT_CAPTURED"])
    refused = telling.change("updateWebhookEndpoint", {"id": endpoint["id"], name: None})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", [name])
    emptied = telling.change(
        "updateWebhookEndpoint", {"id": endpoint["id"], "eventTypes": None, "description": None}
    )
    assert (emptied["eventTypes"], emptied["description"]) == (None, None)


def test_there_are_at_most_twenty(telling: RunningServer) -> None:
    """The next one is refused with INVALID_STATE until another one is deleted."""
    made = [register(telling, f"https://8.8.8.8/{number}") for number in range(20)]
    refused = telling.change("createWebhookEndpoint", {"url": "https://8.8.8.8/"})
    assert (refused["code"], refused["path"]) == ("INVALID_STATE", None)
    telling.change("deleteWebhookEndpoint", {"id": made[0]["id"]})
    register(telling, "https://8.8.8.8/")


DELIVERIES = """
query ($id: ID!, $first: Int, $after: String, $status: WebhookDeliveryStatus) {
  node(id: $id) { ... on WebhookEndpoint { deliveries(first: $first, after: $after, status: $status) {
    edges { cursor node { id event { id } endpoint { id } } } pageInfo { hasNextPage hasPreviousPage endCursor }
  } } }
}
"""


def test_a_browser_finds_neither(
    make_server: Callable[..., RunningServer], receiver: Receiver
) -> None:
    """For a client secret there is no endpoint and no delivery, whatever its collection was told of."""
    key = "the-secret-key-of-these-tests"
    server = make_server(**ALLOWED, TILLGRAPH_SECRET_KEYS=key)
    server.credential = key
    server.start()
    endpoint = register(server, receiver.url)
    collection = open_collection(server)
    receiver.wait_for(1)
    (delivery,) = deliveries(server, endpoint)
    query = "query ($id: ID!) { node(id: $id) { id } }"
    for id in (endpoint["id"], delivery["id"]):
        assert server.execute(query, {"id": id}) == {"node": {"id": id}}
        hidden = server.execute(query, {"id": id}, bearer=collection["clientSecret"])
        assert hidden == {"node": None}


def test_deliveries_come_in_pages(telling: RunningServer, receiver: Receiver) -> None:
    """Newest first; each page goes on after the one before, whatever arrives meanwhile."""
    endpoint = register(telling, receiver.url)
    opened = [open_collection(telling)["id"] for _ in range(5)]
    told = {one.place[0]: one.event_id for one in receiver.wait_for(5)}
    seen, after = [], None
    for has_next in (True, True, False):
        values = {"id": endpoint["id"], "first": 2, "after": after}
        page = telling.execute(DELIVERIES, values)["node"]["deliveries"]
        assert page["pageInfo"]["hasNextPage"] is has_next
        seen += [edge["node"]["event"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        open_collection(telling)
    assert seen == [told[id] for id in reversed(opened)]


@pytest.mark.once
@pytest.mark.parametrize("size", [0, -1, 101, 1_000_000])
def test_a_page_size_is_bounded(telling: RunningServer, size: int) -> None:
    """Anything but 1 to 100 is a malformed request."""
    endpoint = register(telling, "https://8.8.8.8/")
    response = telling.post(DELIVERIES, {"id": endpoint["id"], "first": size})
    assert response.status_code == 422


def test_a_cursor_is_this_list_s(telling: RunningServer, receiver: Receiver) -> None:
    """One of another endpoint's list, of another list or of nobody's is refused."""
    first, second = register(telling, receiver.url), register(telling, receiver.url)
    collection = open_collection(telling)
    receiver.wait_for(2)
    values = {"id": first["id"]}
    (edge,) = telling.execute(DELIVERIES, values)["node"]["deliveries"]["edges"]
    event = telling.run("back_end/02_show_payment_collection", id=collection["id"])["events"]
    for cursor in (edge["cursor"], event["edges"][0]["cursor"], "x", ""):
        response = telling.post(DELIVERIES, {"id": second["id"], "after": cursor})
        assert response.status_code == 422, cursor
        assert response.json()["errors"][0]["extensions"]["code"] == "INVALID_CURSOR"


@pytest.mark.once
def test_a_wrong_setting_stops_start_up(tmp_path: Path) -> None:
    """It is a yes or a no."""
    settings = {"TILLGRAPH_WEBHOOKS_ALLOW_PRIVATE": "perhaps"}
    server = RunningServer(tmp_path, settings, port=free_port())
    code, said = server.command("serve")
    server.close()
    assert code == 2
    assert "TILLGRAPH_WEBHOOKS_ALLOW_PRIVATE" in said
