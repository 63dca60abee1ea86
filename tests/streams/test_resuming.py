"""Subscribers that are cut off at random instants see every event once and in order."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from tests.support.callers.log import FOLLOW, WATCH, cursors_of, everything_after, touch
from tests.support.callers.streams import TRANSPORTS, following
from tests.support.flow.shop import authorize, capture, open_collection, open_session, refund
from tests.support.forms import in_short
from tests.support.program.running import Json, RunningServer

DROPS = 20
BOTH = "both in turn"
pytestmark = pytest.mark.parametrize("transport", in_short([*TRANSPORTS, BOTH], BOTH))


@contextmanager
def happening(*work: Callable[[], None]) -> Iterator[None]:
    """Let changes happen beside the block; what they raise fails the test."""
    faults: list[BaseException] = []

    def run(one: Callable[[], None]) -> None:
        try:
            one()
        except BaseException as fault:  # noqa: BLE001 - it is raised again in the test's own thread
            faults.append(fault)

    threads = [Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()
    if faults:
        raise faults[0]


class Reader:
    """Reads a stream over many connections, each broken off at a random instant and resumed at its last cursor."""

    def __init__(
        self,
        server: RunningServer,
        transport: str,
        query: str,
        variables: dict[str, Json],
        chance: random.Random,
    ) -> None:
        self._server = server
        self._transports = TRANSPORTS if transport == BOTH else (transport,)
        self._query = query
        self._variables = variables
        """With `after`: the cursor after which it reads on."""
        self._random = chance
        self.seen: list[str] = []
        self.drops = 0

    def read(self, count: int) -> list[str]:
        """Read a number of items and give their cursors."""
        while len(self.seen) < count:
            self._read_some(count)
        return self.seen

    def _read_some(self, count: int) -> None:
        transport = self._transports[self.drops % len(self._transports)]
        # So few that the last of them is never read before the connection was cut off often enough.
        some = self._random.randint(0, count // DROPS - 1) if self.drops < DROPS else count
        with following(self._server, transport, self._query, self._variables) as stream:
            for _ in range(min(some, count - len(self.seen))):
                self._variables["after"] = stream.next()["cursor"]
                self.seen.append(self._variables["after"])
            if self._random.random() < 0.5:
                # Some of it may be on its way already, and is lost with the connection.
                time.sleep(self._random.uniform(0, 0.02))
                stream.drop()
        self.drops += 1


def test_f38_cut_off_from_a_collection(
    keyed: RunningServer, transport: str, chance: random.Random
) -> None:
    """Cut off 20 times while 80 events happen, a collection's subscriber sees each once, in the log's order."""
    collection = open_collection(keyed, "10.00")
    cursor = cursors_of(keyed, collection["id"])[0]

    def change() -> None:
        for number in range(80):
            touch(keyed, collection["id"], str(number))

    variables = {"id": collection["id"], "after": cursor}
    reader = Reader(keyed, transport, WATCH, variables, chance)
    with happening(change):
        seen = reader.read(80)
    assert reader.drops > DROPS
    assert seen == cursors_of(keyed, collection["id"])[1:]


def test_f38_cut_off_from_the_whole_log(
    keyed: RunningServer, transport: str, chance: random.Random
) -> None:
    """Cut off 20 times while shops pay beside each other, whoever follows the whole log sees each event once."""
    first = open_collection(keyed)
    cursor = cursors_of(keyed, first["id"])[0]

    def shop() -> None:
        for _ in range(4):
            session = open_session(keyed, open_collection(keyed)["id"])
            payment = authorize(keyed, session["id"])
            capture(keyed, payment["id"])
            refund(keyed, payment["id"])

    reader = Reader(keyed, transport, FOLLOW, {"after": cursor}, chance)
    with happening(shop, shop, shop):
        seen = reader.read(3 * 4 * 8)
    assert reader.drops > DROPS
    assert seen == everything_after(keyed, cursor)
