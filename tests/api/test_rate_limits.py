"""Rate limits: what a credential may send, how often an address may come without one, and what the answers say."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import orjson
import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.callers.log import WATCH, touch
from tests.support.callers.raw_requests import refused
from tests.support.callers.sockets import open_socket, receive, send, subscribe
from tests.support.callers.streams import TRANSPORTS, Ended, following
from tests.support.flow.shop import open_collection
from tests.support.program.clocks import DAY_SECONDS, NOON, STANDING_CLOCK, stop_clock
from tests.support.program.commands import PRODUCTION
from tests.support.program.keys import HASHED_KEY, KEYS, SECRET_KEY
from tests.support.program.running import NO_RECOVERY, Json, RunningServer, document

pytestmark = pytest.mark.once

QUOTA = 3
LEFT_SECONDS = DAY_SECONDS // 2
"""Until the day ends at which the clocks stand."""
SHOW = document("front_end/01_show_checkout")
CREATE_SESSION = document("complete/createPaymentSession")

LIMITS = {
    "TILLGRAPH_RATE_LIMIT_BROWSER": f"{QUOTA}/day",
    "TILLGRAPH_RATE_LIMIT_ADDRESS": f"{QUOTA}/day",
    # Each test comes from an address of its own.
    "TILLGRAPH_TRUSTED_PROXIES": "127.0.0.1",
}


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server that lets three requests a day through, whose clock the tests set."""
    settings = {**NO_RECOVERY, **KEYS, **LIMITS, **STANDING_CLOCK}
    running = RunningServer(tmp_path_factory.mktemp("limited"), settings)
    stop_clock(running.folder)
    running.credential = SECRET_KEY
    yield running.start()
    running.close()


def post(
    server: RunningServer,
    query: str,
    variables: Json = None,
    *,
    bearer: str | None = None,
    address: str | None = None,
    **more: str,
) -> httpx2.Response:
    """Send a request from an address, as a proxy would pass it on."""
    headers = {"content-type": "application/json", **more}
    if bearer is not None:
        headers["authorization"] = f"Bearer {bearer}"
    if address is not None:
        headers["x-forwarded-for"] = address
    body = orjson.dumps({"query": query, "variables": variables or {}})
    return server.client.post("/graphql", content=body, headers=headers)


def shown(server: RunningServer, collection: Json, **more: str) -> httpx2.Response:
    """Read a collection by its client secret."""
    return post(server, SHOW, {"id": collection["id"]}, bearer=collection["clientSecret"], **more)


def used_up(server: RunningServer) -> Json:
    """Open a collection whose browser has sent all that it may."""
    collection = open_collection(server)
    for _ in range(QUOTA):
        assert shown(server, collection).status_code == 200
    return collection


def to_wait(server: RunningServer, response: httpx2.Response, policy: str) -> int:
    """Assert that a refusal is complete; return how long to wait."""
    assert refused(response) == (429, "RATE_LIMITED")
    seconds = int(response.headers["retry-after"])
    [error] = response.json()["errors"]
    assert error["message"] == (
        f"Too many requests: at most {QUOTA} in {DAY_SECONDS} s. Send this one again in {seconds} s."
    )
    assert error["extensions"]["retryAfterSeconds"] == seconds
    assert response.headers["ratelimit-policy"] == f'"{policy}";q={QUOTA};w={DAY_SECONDS}'
    assert response.headers["ratelimit"] == f'"{policy}";r=0;t={seconds}'
    assert response.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    return seconds


# ── By credential ──────────────────────────────────────────────────────────────


def test_a_browser_is_told_what_is_left(limited: RunningServer) -> None:
    """Every answer says the policy and the rest of it; the one after the last is 429, and says when to come again."""
    collection = open_collection(limited)
    for remaining in (2, 1, 0):
        response = shown(limited, collection)
        assert response.status_code == 200
        assert response.headers["ratelimit-policy"] == '"browser";q=3;w=86400'
        assert response.headers["ratelimit"] == f'"browser";r={remaining};t={LEFT_SECONDS}'
    assert to_wait(limited, shown(limited, collection), "browser") == LEFT_SECONDS


def test_each_client_secret_is_counted_by_itself(limited: RunningServer) -> None:
    """One that has used up its own takes nothing from another, nor from a back end, whose answers say nothing of it."""
    used_up(limited)
    assert shown(limited, open_collection(limited)).status_code == 200
    for _ in range(QUOTA + 1):
        response = limited.post("{ __typename }")
        assert response.status_code == 200
        assert "ratelimit" not in response.headers
        assert "ratelimit-policy" not in response.headers


def test_what_is_refused_is_not_done(limited: RunningServer) -> None:
    """A mutation after the last request leaves no session, event or key."""
    collection = used_up(limited)
    given = {"paymentCollectionId": collection["id"], "providerId": "sandbox"}
    response = post(limited, CREATE_SESSION, {"input": given}, bearer=collection["clientSecret"])
    to_wait(limited, response, "browser")
    found = limited.run("back_end/02_show_payment_collection", id=collection["id"])
    assert found["paymentSessions"] == []
    assert len(found["events"]["edges"]) == 1


def test_every_way_of_asking_counts(limited: RunningServer) -> None:
    """GET, a stream and a request that is malformed take one each; afterwards all of them are refused alike."""
    collection = open_collection(limited)
    secret = collection["clientSecret"]
    headers = {"authorization": f"Bearer {secret}"}
    variables = {"id": collection["id"]}

    def by_get() -> httpx2.Response:
        parameters = {"query": SHOW, "variables": orjson.dumps(variables).decode()}
        return limited.client.get("/graphql", params=parameters, headers=headers)

    def by_stream() -> httpx2.Response:
        return post(limited, SHOW, variables, bearer=secret, accept="text/event-stream")

    def malformed() -> httpx2.Response:
        headers["content-type"] = "application/json"
        return limited.client.post("/graphql", content=b"{", headers=headers)

    ways = {by_get: 200, by_stream: 200, malformed: 400}
    for remaining, (way, status) in enumerate(reversed(ways.items())):
        response = way()
        assert response.status_code == status
        assert response.headers["ratelimit"].startswith(f'"browser";r={2 - remaining};t=')
    for way in ways:
        to_wait(limited, way(), "browser")


def test_requests_at_once_are_counted_one_by_one(limited: RunningServer) -> None:
    """Of twenty that are sent together, three get through."""
    collection = open_collection(limited)
    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(lambda _: shown(limited, collection).status_code, range(20)))
    assert sorted(statuses) == [200] * 3 + [429] * 17


def test_a_replaced_secret_takes_nothing_from_the_new_one(limited: RunningServer) -> None:
    """The replaced secret is refused with 401 and, in the end, 429; the new one is counted by itself."""
    collection = open_collection(limited)
    rotated = limited.change("rotateClientSecret", {"paymentCollectionId": collection["id"]})
    for _ in range(QUOTA):
        assert refused(shown(limited, collection)) == (401, "UNAUTHENTICATED")
    to_wait(limited, shown(limited, collection), "browser")
    assert shown(limited, rotated).status_code == 200


# ── Sockets and streams ────────────────────────────────────────────────────────


def test_operations_over_a_socket_count(limited: RunningServer) -> None:
    """The connection is one, each operation another; one too many is told so, and the socket stays."""
    collection = open_collection(limited)
    with open_socket(limited, bearer=collection["clientSecret"]) as socket:
        subscribe(socket, SHOW, {"id": collection["id"]})
        assert [receive(socket)["type"] for _ in range(2)] == ["next", "complete"]
        again = {"query": SHOW, "variables": {"id": collection["id"]}}
        send(socket, {"id": "2", "type": "subscribe", "payload": again})
        assert [receive(socket)["type"] for _ in range(2)] == ["next", "complete"]
        send(socket, {"id": "3", "type": "subscribe", "payload": again})
        message = receive(socket)
        assert (message["type"], message["id"]) == ("error", "3")
        [error] = message["payload"]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert 0 < error["extensions"]["retryAfterSeconds"] <= DAY_SECONDS
        assert error["extensions"]["requestId"]
        send(socket, {"type": "ping"})
        assert receive(socket) == {"type": "pong"}
    to_wait(limited, shown(limited, collection), "browser")


def test_a_connection_too_many_is_closed(limited: RunningServer) -> None:
    """With 1013, "try again later", which clients do; 4429 would say that it was initialised twice."""
    collection = used_up(limited)
    with open_socket(limited, bearer=collection["clientSecret"]) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            receive(socket)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "Try again later")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_items_of_a_stream_do_not_count(limited: RunningServer, transport: str) -> None:
    """Opening it does; then it goes on, however much there is to tell."""
    collection = open_collection(limited)
    secret, variables = collection["clientSecret"], {"id": collection["id"]}
    with following(limited, transport, WATCH, variables, bearer=secret) as stream:
        stream.next()
        for number in range(QUOTA + 2):
            touch(limited, collection["id"], f"reference-{number}")
            assert stream.next()["event"]["type"] == "COLLECTION_UPDATED"
        while shown(limited, collection).status_code == 200:
            pass
        touch(limited, collection["id"], "the last one")
        assert stream.next()["event"]["type"] == "COLLECTION_UPDATED"


def test_a_stream_too_many_over_a_socket_is_an_error(limited: RunningServer) -> None:
    """A subscription is refused as a query is."""
    collection = open_collection(limited)
    secret, variables = collection["clientSecret"], {"id": collection["id"]}
    assert shown(limited, collection).status_code == 200
    assert shown(limited, collection).status_code == 200
    with (
        following(limited, "websocket", WATCH, variables, bearer=secret) as stream,
        pytest.raises(Ended) as ended,
    ):
        stream.next()
    assert ended.value.code == "RATE_LIMITED"


# ── By address ─────────────────────────────────────────────────────────────────

WRONG = {
    "nothing": None,
    "an unknown key": "a-key-that-nobody-has",
    "a client secret that nobody signed": f"tgcs_01ARZ3NDEKTSV4RRFFQ69G5FAV_1_1_{'A' * 43}",
}


def guess(
    server: RunningServer, address: str, bearer: str | None = "a-key-that-nobody-has"
) -> httpx2.Response:
    """Come from an address with a credential."""
    return post(server, "{ __typename }", bearer=bearer, address=address)


def locked(server: RunningServer, address: str) -> str:
    """Use an address's failures up; return it."""
    for _ in range(QUOTA):
        assert refused(guess(server, address)) == (401, "UNAUTHENTICATED")
    return address


@pytest.mark.parametrize("kind", WRONG)
def test_guessing_is_limited(limited: RunningServer, kind: str) -> None:
    """Three are 401; then an address is 429 before its credential is looked at, a right guess too."""
    address = f"198.51.100.{list(WRONG).index(kind)}"
    for _ in range(QUOTA):
        response = guess(limited, address, WRONG[kind])
        assert refused(response) == (401, "UNAUTHENTICATED")
        assert response.headers["www-authenticate"] == "Bearer"
    for bearer in (WRONG[kind], SECRET_KEY, HASHED_KEY, None):
        to_wait(limited, guess(limited, address, bearer), "address")


def test_other_addresses_are_not_concerned(limited: RunningServer) -> None:
    """A right key comes through from elsewhere, and a wrong one is 401 there."""
    locked(limited, "198.51.100.10")
    assert guess(limited, "198.51.100.11", SECRET_KEY).status_code == 200
    assert guess(limited, "198.51.100.11").status_code == 401


def test_a_browser_is_never_locked_out_by_others(limited: RunningServer) -> None:
    """A genuine client secret can't be guessed: it passes from an address that is locked."""
    address = locked(limited, "198.51.100.20")
    collection = open_collection(limited)
    assert shown(limited, collection, **{"x-forwarded-for": address}).status_code == 200


def test_a_back_end_is_not_locked_out_by_its_neighbour(limited: RunningServer) -> None:
    """A key that was right from an address stays so; another one that is right has to wait."""
    address = "198.51.100.30"
    assert guess(limited, address, SECRET_KEY).status_code == 200
    locked(limited, address)
    assert guess(limited, address, SECRET_KEY).status_code == 200
    to_wait(limited, guess(limited, address, HASHED_KEY), "address")


def test_right_credentials_do_not_count_by_address(limited: RunningServer) -> None:
    """A shop that renders its pages itself sends everything from one address."""
    for _ in range(QUOTA * 2):
        assert guess(limited, "198.51.100.40", SECRET_KEY).status_code == 200
    assert guess(limited, "198.51.100.40").status_code == 401


def test_keys_are_guarded_wherever_they_are_asked_for(limited: RunningServer) -> None:
    """The sandbox's addresses and GraphiQL's variables count the same failures."""
    headers = {
        "authorization": "Bearer a-key-that-nobody-has",
        "x-forwarded-for": "198.51.100.50",
        "content-type": "application/json",
    }

    def asked() -> list[httpx2.Response]:
        return [
            limited.client.get("/sandbox/ledger", headers=headers),
            limited.client.post("/sandbox/reports/x", content=b"{}", headers=headers),
            limited.client.post("/graphql/examples", content=b"{}", headers=headers),
        ]

    assert [response.status_code for response in asked()] == [401] * QUOTA
    to_wait(limited, guess(limited, "198.51.100.50"), "address")
    for response in asked():
        assert response.status_code == 429
        assert 0 < int(response.headers["retry-after"]) <= DAY_SECONDS


def test_guessing_over_sockets_is_limited(limited: RunningServer) -> None:
    """Three are closed with 4403, the next ones with 1013, a right guess too."""
    headers = {"x-forwarded-for": "198.51.100.60"}
    codes = []
    for bearer in (*["a-key-that-nobody-has"] * (QUOTA + 1), SECRET_KEY):
        with (
            open_socket(limited, bearer=bearer, headers=headers) as socket,
            pytest.raises(ConnectionClosed) as closed,
        ):
            receive(socket)
        assert closed.value.rcvd is not None
        codes.append(closed.value.rcvd.code)
    assert codes == [4403, 4403, 4403, 1013, 1013]


def test_what_a_client_writes_of_its_address_is_not_believed(limited: RunningServer) -> None:
    """The entries before the last are the client's own claim and change nothing."""
    for number in range(QUOTA):
        assert guess(limited, f"203.0.113.{number}, 198.51.100.70").status_code == 401
    to_wait(limited, guess(limited, "203.0.113.9, 198.51.100.70", SECRET_KEY), "address")


def test_reports_and_figures_are_not_limited(limited: RunningServer) -> None:
    """From a locked address reports are refused by their signature alone, and health and figures are served."""
    headers = {"x-forwarded-for": locked(limited, "198.51.100.80")}
    for _ in range(QUOTA + 2):
        response = limited.client.post("/webhooks/sandbox", content=b"{}", headers=headers)
        assert response.status_code == 401
        for path in ("/health/live", "/health/ready", "/metrics"):
            assert limited.client.get(path, headers=headers).status_code == 200


# ── Time ───────────────────────────────────────────────────────────────────────


def test_who_waits_as_long_as_told_gets_through(limited: RunningServer) -> None:
    """Not a moment before Retry-After is over, and then with the whole quota again, by credential and by address."""
    collection = used_up(limited)
    address = locked(limited, "198.51.100.90")
    seconds = to_wait(limited, shown(limited, collection), "browser")
    stop_clock(limited.folder, NOON + seconds - 1)
    assert to_wait(limited, shown(limited, collection), "browser") == 1
    assert to_wait(limited, guess(limited, address, HASHED_KEY), "address") == 1
    stop_clock(limited.folder, NOON + seconds)
    response = shown(limited, collection)
    assert response.status_code == 200
    assert response.headers["ratelimit"].startswith('"browser";r=2;t=')
    assert guess(limited, address, HASHED_KEY).status_code == 200
    stop_clock(limited.folder)


# ── Other settings ─────────────────────────────────────────────────────────────


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[RunningServer]:
    """Return a server that limits each secret key, and knows of no proxies."""
    settings = {
        **NO_RECOVERY,
        **KEYS,
        **STANDING_CLOCK,
        "TILLGRAPH_RATE_LIMIT_BACK_END": f"{QUOTA} per day",
        "TILLGRAPH_RATE_LIMIT_ADDRESS": f"{QUOTA}/1 day",
    }
    running = RunningServer(tmp_path, settings)
    stop_clock(running.folder)
    yield running.start()
    running.close()


def test_each_secret_key_is_counted_by_itself(strict: RunningServer) -> None:
    """If a rate is set for back ends, each key has its own count, over HTTP and sockets together."""
    query = "{ __typename }"
    with open_socket(strict, bearer=SECRET_KEY) as socket:
        subscribe(socket, query)
        assert [receive(socket)["type"] for _ in range(2)] == ["next", "complete"]
        response = post(strict, query, bearer=SECRET_KEY)
        assert response.headers["ratelimit-policy"] == '"back-end";q=3;w=86400'
        assert response.headers["ratelimit"].startswith('"back-end";r=0;t=')
        send(socket, {"id": "2", "type": "subscribe", "payload": {"query": query}})
        assert receive(socket)["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    to_wait(strict, post(strict, query, bearer=SECRET_KEY), "back-end")
    assert post(strict, query, bearer=HASHED_KEY).status_code == 200


def test_without_keys_this_machine_is_not_limited(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A caller who is trusted without a credential is not counted, even if every rate is set."""
    settings = {
        f"TILLGRAPH_RATE_LIMIT_{name}": "1/day" for name in ("BACK_END", "BROWSER", "ADDRESS")
    }
    running = RunningServer(tmp_path_factory.mktemp("open"), {**NO_RECOVERY, **settings}).start()
    try:
        for _ in range(5):
            response = running.post("{ __typename }")
            assert response.status_code == 200
            assert "ratelimit" not in response.headers
    finally:
        running.close()


def test_development_limits_nothing_by_itself(keyed_server: RunningServer) -> None:
    """No header, and a hundred wrong keys are a hundred 401s."""
    collection = open_collection(keyed_server)
    assert "ratelimit" not in shown(keyed_server, collection).headers
    for _ in range(100):
        assert post(keyed_server, "{ __typename }", bearer="wrong").status_code == 401


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a production server with its defaults, and a shop's origin."""
    settings = {
        **PRODUCTION,
        **STANDING_CLOCK,
        "TILLGRAPH_ALLOWED_ORIGINS": "https://shop.example",
        "TILLGRAPH_TRUSTED_PROXIES": "127.0.0.0/8, ::1",
    }
    running = RunningServer(tmp_path_factory.mktemp("production"), settings)
    stop_clock(running.folder)
    running.credential = SECRET_KEY
    yield running.start()
    running.close()


def test_production_limits_browsers_and_guesses(production: RunningServer) -> None:
    """600 a minute for a client secret, 60 wrong credentials from an address, and nothing for a secret key."""
    response = shown(production, open_collection(production))
    assert response.headers["ratelimit-policy"] == '"browser";q=600;w=60'
    assert response.headers["ratelimit"].startswith('"browser";r=599;t=60')
    assert "ratelimit" not in production.post("{ __typename }").headers
    statuses = [guess(production, "2001:db8::1").status_code for _ in range(61)]
    assert statuses == [401] * 60 + [429]
    assert guess(production, "2001:db8::ffff").headers["ratelimit-policy"] == '"address";q=60;w=60'
    assert guess(production, "2001:db8:0:1::1").status_code == 401


def test_a_page_of_the_shop_can_read_the_headers(production: RunningServer) -> None:
    """CORS names them beside Retry-After."""
    response = shown(production, open_collection(production), origin="https://shop.example")
    exposed = response.headers["access-control-expose-headers"].lower().split(", ")
    assert {"ratelimit", "ratelimit-policy", "retry-after"} <= set(exposed)


def test_a_proxy_that_is_not_named_is_told_once(strict: RunningServer) -> None:
    """Its clients are counted as one, whatever it says of them, and the log says so at the first of them."""
    assert not _told_of_proxies(strict)
    for number in range(QUOTA):
        assert guess(strict, f"198.51.100.{number}").status_code == 401
    to_wait(strict, guess(strict, "198.51.100.99"), "address")
    [line] = _told_of_proxies(strict)
    assert line["level"] == "warning"
    assert (line["setting"], line["peer"]) == ("TILLGRAPH_TRUSTED_PROXIES", "127.0.0.1")


def _told_of_proxies(server: RunningServer) -> list[Json]:
    return [line for line in server.log_lines() if line["event"] == "proxy not named"]
