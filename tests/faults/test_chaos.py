"""Everything at once, at random: two servers that are killed, a gateway that fails, customers who go away."""

import random
import time
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

from tests.faults.conftest import MakeSite
from tests.faults.customers import FINAL_SECONDS, Customer, Final, attempt, is_final
from tests.support.between import Between, Fault
from tests.support.records import open_operations
from tests.support.running import RunningServer
from tests.support.sites import Site
from tests.support.waiting import until

CUSTOMERS = 4

FAULTS = (
    Fault.DROP_BEFORE,
    Fault.DROP_AFTER,
    Fault.FAIL_BEFORE,
    Fault.FAIL_AFTER,
    Fault.CONFLICT,
    Fault.TOO_MANY,
    Fault.UNAVAILABLE,
    Fault.MALFORMED,
    Fault.TRUNCATED,
    Fault.OTHER_OBJECT,
    Fault.HOLD_BEFORE,
    Fault.HOLD_AFTER,
)

BETWEEN_FAULTS_SECONDS = (0.05, 0.4)
BETWEEN_KILLS_SECONDS = (1.0, 4.0)
CLOSED_SECONDS = (0.1, 0.8)
CLOSED_SHARE = 0.05
"""Of the faults: the gateway's port is closed for a while."""

STEP_SECONDS = 1.0
"""Between recovery's steps: without this they are minutes and hours behind the first."""

NEXT_STEP = (
    "UPDATE operations SET due_at = 0, unanswered_times = 0"
    " WHERE status IN ('UNKNOWN', 'PROCESSING')"
)


def faults(between: Between, chance: random.Random, is_over: Event) -> None:
    """Let asks fail in every way until it is over."""
    while not is_over.wait(chance.uniform(*BETWEEN_FAULTS_SECONDS)):
        between.let_go()
        if chance.random() < CLOSED_SHARE:
            with between.closed():
                is_over.wait(chance.uniform(*CLOSED_SECONDS))
        else:
            between.next(chance.choice(FAULTS))
    between.forget()
    between.let_go()


def kills(servers: list[RunningServer], chance: random.Random, is_over: Event) -> None:
    """Kill one of the servers and start it again until it is over."""
    while not is_over.wait(chance.uniform(*BETWEEN_KILLS_SECONDS)):
        server = chance.choice(servers)
        server.kill()
        server.start()


def steps(site: Site, _chance: random.Random, is_over: Event) -> None:
    """Make recovery's next steps due until it is over."""
    while not is_over.wait(STEP_SECONDS):
        site.server.rows(NEXT_STEP)


def test_f50_chaos(make_site: MakeSite, seed: int, chaos_seconds: float) -> None:
    """Whatever happens, every call by its key has one final answer, and all books agree at the end."""
    site = make_site(servers=2)
    is_over, is_quiet = Event(), Event()
    customers = [
        Customer(site.servers, site.gateway.url, seed + number, is_over)
        for number in range(CUSTOMERS)
    ]
    with ThreadPoolExecutor(CUSTOMERS + 3) as threads:
        troubles: list[Future[None]] = [
            threads.submit(faults, site.between, chance_of(seed, "faults"), is_over),
            threads.submit(kills, site.servers, chance_of(seed, "kills"), is_over),
        ]
        stepping = threads.submit(steps, site, chance_of(seed, "steps"), is_quiet)
        shopping = [threads.submit(customer.shop) for customer in customers]

        def has_ended() -> bool:
            is_troubled = any(trouble.done() for trouble in troubles)
            return is_troubled or any(customer.done() for customer in shopping)

        try:
            ends_at = time.monotonic() + chaos_seconds
            while time.monotonic() < ends_at and not has_ended():
                is_over.wait(0.5)
            is_over.set()
            for trouble in troubles:
                trouble.result()
            done = [one.result(timeout=FINAL_SECONDS + 10) for one in shopping]
            until(lambda: not open_operations(site.server), seconds=FINAL_SECONDS)
        finally:
            is_over.set()
            is_quiet.set()
        stepping.result()
    assert_final(site, done)


def chance_of(seed: int, what: str) -> random.Random:
    """Give each trouble a chance of its own, so that one does not depend on how often another one asks."""
    return random.Random(f"{seed} {what}")  # noqa: S311 - a test that can be repeated


def assert_final(site: Site, customers: list[Customer]) -> None:
    """Hold that every call answers again as it did, and that the sums are those that the customers heard of."""
    finals = [final for customer in customers for final in customer.finals]
    assert len(finals) > CUSTOMERS
    for final in finals:
        assert is_the_same(site.server, final), final
    sums = site.server.rows(
        "SELECT coalesce(sum(captured_minor), 0), coalesce(sum(refunded_minor), 0),"
        " coalesce(sum(released_minor), 0) FROM payments"
    )
    heard = tuple(
        sum(getattr(customer, name) for customer in customers)
        for name in ("captured_minor", "refunded_minor", "released_minor")
    )
    assert sums == [heard]


def is_the_same(server: RunningServer, final: Final) -> bool:
    """Send a call again, and tell whether the answer is about the same and is no contrary one."""
    answer = attempt(server, final.call, patience_seconds=15)
    assert answer is not None
    assert is_final(answer)
    names = ("__typename", "id", "code", "amount")
    return all(answer.get(name) == final.answer.get(name) for name in names)
