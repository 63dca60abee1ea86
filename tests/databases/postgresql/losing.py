"""Connections that the database ends, and calls that are sent again until they get through."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.program.running import Json, RunningServer, document
from tests.support.waiting import until

OF_SERVERS = "application_name = 'tillgraph' AND datname = current_database()"
END_CONNECTIONS = f"SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OF_SERVERS}"  # noqa: S608
CONNECTED = f"SELECT pid FROM pg_stat_activity WHERE {OF_SERVERS}"  # noqa: S608

LONGEST_PAUSE_SECONDS = 0.15
MOST_LOSSES = 40
"""Then it is over, so that a slow machine comes to the end of a payment too."""

NOT_YET = {"RequiresMoreAction", "CapturePending", "RefundPending"}


def end_connections(server: RunningServer) -> None:
    """End every connection of servers to a database, and wait until they are gone and the server does without them."""
    ended = {pid for pid, _ in server.rows(END_CONNECTIONS)}
    until(lambda: ended.isdisjoint(pid for (pid,) in server.rows(CONNECTED)))
    until(lambda: server.client.get("/health/ready").status_code == 200)


@contextmanager
def losing_connections(server: RunningServer, chance: random.Random) -> Iterator[None]:
    """End every connection of a server to its database at random instants; after the block none is lost any more."""
    is_over = threading.Event()

    def end_them() -> None:
        # Ever more rarely: there is more and more to be done again.
        for number in range(MOST_LOSSES):
            pause_seconds = chance.uniform(0.02, LONGEST_PAUSE_SECONDS) * (1 + number / 50)
            if is_over.wait(pause_seconds):
                break
            server.rows(END_CONNECTIONS)

    ending = threading.Thread(target=end_them)
    ending.start()
    try:
        yield
    finally:
        is_over.set()
        ending.join()
    end_connections(server)


def until_done(server: RunningServer, field_name: str, **values: Json) -> Json:
    """Send the very same mutation again until it has its final answer; no fault of ours may come between."""

    def attempt() -> Json:
        answer = server.post(document(f"complete/{field_name}"), {"input": values}).json()
        if "errors" in answer:
            assert answer["errors"][0]["extensions"]["code"] == "STORE_BUSY", answer
            return None
        value = answer["data"][field_name]
        is_open = value["__typename"] in NOT_YET or value.get("retryable")
        return None if is_open else value

    return until(attempt)
