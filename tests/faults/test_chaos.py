"""Everything at once, at random: two servers that are killed, a gateway that fails, customers who go away."""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pytest

from tests.faults.conftest import MakeSite
from tests.faults.customers import Customer, Final, attempt, is_final
from tests.support.gateways.between import Between, Fault
from tests.support.gateways.sites import Site
from tests.support.program.running import RunningServer
from tests.support.stores.records import end_leases, open_operations
from tests.support.waiting import PATIENCE_SECONDS, until

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
CLOSED_SECONDS = (0.1, 0.8)
CLOSED_SHARE = 0.05
"""Of the faults: the gateway's port is closed for a while."""

NEXT_STEP = (
    "UPDATE operations SET due_at = 0, unanswered_times = 0"
    " WHERE status IN ('UNKNOWN', 'PROCESSING')"
)


@dataclass(frozen=True, slots=True)
class Course:
    """How long chaos lasts: in the short form by its steps, in the long one by the clock."""

    seconds: float | None = None
    faults: int | None = None
    kills: int | None = None
    kill_seconds: tuple[float, float] = (1.0, 4.0)
    """Between two kills."""
    step_seconds: float = 1.0
    """Between recovery's steps: without this they are minutes and hours after the first."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """The servers'."""

    @property
    def is_lease_waited_for(self) -> bool:
        """Return whether what a killed server was asking is left to its lease."""
        return self.seconds is not None


@pytest.fixture
def course(request: pytest.FixtureRequest, is_long: bool, chaos_seconds: float) -> Course:
    """Return the long form's course if it or a duration is requested, and otherwise some steps."""
    if is_long or request.config.getoption("--chaos-seconds") is not None:
        return Course(seconds=chaos_seconds, settings={"TILLGRAPH_TEST_WAIT_SCALE": "1"})
    return Course(faults=12, kills=3, kill_seconds=(0.2, 1.0), step_seconds=0.2)


def times(count: int | None) -> Iterator[int]:
    """Count up to a number, or for ever."""
    return iter(range(count)) if count is not None else itertools.count()


def faults(between: Between, chance: random.Random, is_over: Event, course: Course) -> None:
    """Let asks fail in every way, as often as the course says or until it is over."""
    for _ in times(course.faults):
        if is_over.wait(chance.uniform(*BETWEEN_FAULTS_SECONDS)):
            break
        between.let_go()
        if chance.random() < CLOSED_SHARE:
            with between.closed():
                is_over.wait(chance.uniform(*CLOSED_SECONDS))
        else:
            between.next(chance.choice(FAULTS))
    between.forget()
    between.let_go()


def kills(
    servers: list[RunningServer], chance: random.Random, is_over: Event, course: Course
) -> None:
    """Kill one of the servers and start it again, as often as the course says or until it is over."""
    for _ in times(course.kills):
        if is_over.wait(chance.uniform(*course.kill_seconds)):
            return
        server = chance.choice(servers)
        server.kill()
        if not course.is_lease_waited_for:
            end_leases(server)
        server.start()


def steps(site: Site, is_quiet: Event, course: Course) -> None:
    """Make recovery's next steps due until all is quiet."""
    while not is_quiet.wait(course.step_seconds):
        site.server.rows(NEXT_STEP)


def test_f50_chaos(make_site: MakeSite, seed: int, course: Course) -> None:
    """Despite faults and kills every call has one final answer by its key, and all records agree at the end."""
    site = make_site(servers=2, settings=course.settings)
    is_over, is_quiet = Event(), Event()
    customers = [
        Customer(site.servers, site.gateway.url, seed + number, is_over)
        for number in range(CUSTOMERS)
    ]
    with ThreadPoolExecutor(CUSTOMERS + 3) as threads:
        troubles: list[Future[None]] = [
            threads.submit(faults, site.between, chance_of(seed, "faults"), is_over, course),
            threads.submit(kills, site.servers, chance_of(seed, "kills"), is_over, course),
        ]
        stepping = threads.submit(steps, site, is_quiet, course)
        shopping = [threads.submit(customer.shop) for customer in customers]
        try:
            wait_for_end(course, troubles, shopping)
            is_over.set()
            for trouble in troubles:
                trouble.result()
            done = [one.result() for one in shopping]
            until(lambda: not open_operations(site.server))
        finally:
            is_over.set()
            is_quiet.set()
        stepping.result()
    assert_final(site, done)


def wait_for_end(
    course: Course, troubles: Sequence["Future[None]"], shopping: Sequence["Future[Customer]"]
) -> None:
    """Wait until the course is over; a customer, or a trouble, that ends before it has failed."""
    if course.seconds is None:
        until(lambda: all(one.done() for one in troubles) or any(one.done() for one in shopping))
    else:
        running: list[Future[Any]] = [*troubles, *shopping]
        wait(running, timeout=course.seconds, return_when=FIRST_COMPLETED)


def chance_of(seed: int, what: str) -> random.Random:
    """Return each trouble a chance of its own, so that one does not depend on how often another one asks."""
    return random.Random(f"{seed} {what}")  # noqa: S311 - a test that can be repeated


def assert_final(site: Site, customers: list[Customer]) -> None:
    """Assert that every call answers again as it did, and that the sums are those that the customers heard of."""
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
    answer = attempt(server, final.call, patience_seconds=PATIENCE_SECONDS)
    assert answer is not None
    assert is_final(answer)
    names = ("__typename", "id", "code", "amount")
    return all(answer.get(name) == final.answer.get(name) for name in names)
