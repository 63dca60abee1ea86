"""Rate limits counted in the database: together by all processes, with nothing left over, and in nobody's way."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.flow.shop import open_collection
from tests.support.program.clocks import STANDING_CLOCK, stop_clock
from tests.support.program.counting import ALONE, LIMITS, QUOTA, TOGETHER, Pair, guess, shown
from tests.support.program.keys import SECRET_KEY
from tests.support.program.running import (
    LONG_WAITS,
    NO_RECOVERY,
    SHORT_WAITS,
    URL,
    Json,
    RunningServer,
)
from tests.support.program.server_log import logged
from tests.support.stores import databases
from tests.support.waiting import until

SETTINGS = {
    **NO_RECOVERY,
    **STANDING_CLOCK,
    "TILLGRAPH_SECRET_KEYS": SECRET_KEY,
    "TILLGRAPH_SIGNING_KEYS": "the-signing-key-of-these-tests",
    "TILLGRAPH_SANDBOX_ENABLED": "false",
    "TILLGRAPH_RATE_LIMIT_STORE": "database://",
    **LIMITS,
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Return two servers on one database, who wait for it as long as it takes."""
    settings = {**SETTINGS, **LONG_WAITS}
    first = RunningServer(tmp_path_factory.mktemp("first"), settings, is_test_build=True)
    shared = {**settings, URL: first.database}
    second = RunningServer(tmp_path_factory.mktemp("second"), shared, is_test_build=True)
    first.credential = second.credential = SECRET_KEY
    stop_clock(first.folder)
    stop_clock(second.folder)
    yield first.start(), second.start()
    second.close()
    first.close()


def test_two_servers_count_together(pair: Pair) -> None:
    """A request that one server lets through counts at the other one too."""
    collection = open_collection(pair[0])
    for number in range(QUOTA):
        response = shown(pair[number % 2], collection)
        assert response.status_code == 200
        assert response.headers["ratelimit"].startswith(f'"browser";r={QUOTA - 1 - number};t=')
    assert [shown(server, collection).status_code for server in pair] == [429, 429]


def test_guesses_at_two_servers_count_together(pair: Pair) -> None:
    """A guesser gains nothing by going to another process, and what was right from there before is not locked out."""
    assert pair[0].post("{ __typename }").status_code == 200
    statuses = [guess(pair[number % 2]) for number in range(QUOTA + 1)]
    assert statuses == [401] * QUOTA + [429]
    # Where it was right before, at either process, it still is.
    assert [server.post("{ __typename }").status_code for server in pair] == [200, 200]
    pair[0].rows("DELETE FROM rate_counts WHERE key LIKE 'address/%'")


def test_first_requests_at_once_are_counted_one_by_one(pair: Pair) -> None:
    """Of ten that are sent to both together, with no row there yet, exactly the quota gets through."""

    def statuses_of(collection: Json) -> list[int]:
        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(lambda number: shown(pair[number % 2], collection), range(10))
            return sorted(answer.status_code for answer in answers)

    for _ in range(5):
        assert statuses_of(open_collection(pair[0])) == [200] * QUOTA + [429] * (10 - QUOTA)


def test_counts_that_have_ended_make_room(pair: Pair) -> None:
    """Each new count takes up to ten old ones with it, and none that still counts."""
    server = pair[0]
    kept = open_collection(server)
    assert shown(server, kept).status_code == 200
    for number in range(25):
        server.rows(
            "INSERT INTO rate_counts (key, count, ends_at) VALUES (?, 1, 1)", f"old/{number}"
        )
    left = []
    for _ in range(3):
        assert shown(server, open_collection(server)).status_code == 200
        left.append(server.rows("SELECT count(*) FROM rate_counts WHERE key LIKE 'old/%'")[0][0])
    assert left == [15, 5, 0]
    assert shown(server, kept).headers["ratelimit"].startswith(f'"browser";r={QUOTA - 2};t=')


def test_what_is_written_names_no_credential(pair: Pair) -> None:
    """A row has the collection and the version of its secret, or an address: no key, and no code."""
    collection = open_collection(pair[0])
    assert shown(pair[0], collection).status_code == 200
    keys = {row[0] for row in pair[0].rows("SELECT key FROM rate_counts")}
    [own] = [key for key in keys if collection["id"] in key]
    assert own.startswith(f"browser/{collection['id']}/1/86400/")
    assert not [key for key in keys if "tgcs" in key or SECRET_KEY in key]


def test_a_database_that_is_held_stops_nobody(make_server: Callable[..., RunningServer]) -> None:
    """Counting is given up soon, each process counts for itself meanwhile, and afterwards they count together again."""
    server = make_server(is_test_build=True, **SETTINGS, **SHORT_WAITS)
    server.credential = SECRET_KEY
    stop_clock(server.folder)
    server.start()
    collection = open_collection(server)
    assert shown(server, collection).status_code == 200
    with databases.held(server.database):
        statuses = [shown(server, collection).status_code for _ in range(QUOTA + 1)]
    # What was counted together before is counted on.
    assert statuses == [200] * (QUOTA - 1) + [429] * 2
    alone, together = (logged(server, event) for event in (ALONE, TOGETHER))
    # Once for each time, not for each request; a slow machine may have come to it before.
    assert len(alone) == len(together) + 1
    assert alone[-1]["level"] == "warning"
    until(
        lambda: (
            shown(server, open_collection(server)).status_code == 200
            and len(logged(server, TOGETHER)) > len(together)
        )
    )
    assert shown(server, collection).status_code == 429
