"""Reading lists of Stripe's: page by page, within bounds, and among what was made at about the time."""

from collections.abc import AsyncIterator, Iterator

import pytest
import stripe

from payments.model.ids import HolderId, SessionId, first_id, made_at, new_id
from payments.model.instants import SECOND, after, now
from providers.stripe.connection import Connection
from providers.stripe.errors import ListTooLong
from providers.stripe.lists import READ_TRIES, paged, spans_after
from tests.providers.stripe.site import SECRET_KEY, RunningStripe
from tests.support.forms import in_short
from tests.support.program.ports import free_port

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStripe]:
    """Return a Stripe that nobody else asks."""
    running = RunningStripe(tmp_path_factory.mktemp("alone"), free_port(), None).start()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
async def connection(alone: RunningStripe) -> AsyncIterator[Connection]:
    """Return a connection to it."""
    made = Connection(SECRET_KEY, alone.url, 5.0)
    try:
        yield made
    finally:
        await made.close()


def test_the_spans_of_an_id() -> None:
    """An id tells its millisecond; what belongs to it was made from ten minutes before on, within 25 hours."""
    before = now() // 1_000
    made = made_at(new_id("payses_"))
    assert before <= made // 1_000 <= now() // 1_000
    second = made // SECOND
    assert spans_after(made) == (
        {"gte": second - 600, "lte": second + 600},
        {"gte": second + 601, "lte": second + 90_000},
    )


async def test_an_intent_on_a_later_page(alone: RunningStripe, connection: Connection) -> None:
    """It is found after a hundred that were made since; one that is not there is not; no search is made."""
    session_id, other_id = SessionId(new_id("payses_")), SessionId(new_id("payses_"))
    values = {"amount": "1000", "currency": "usd", "metadata[tillgraph_session]": session_id}
    made = alone.call("POST", "payment_intents", **values)
    for _ in range(101):
        alone.call("POST", "payment_intents", amount="1000", currency="usd")
    found = await connection.find_intent(session_id, None)
    assert found is not None
    assert found.id == made["id"]
    assert await connection.find_intent(other_id, None) is None
    assert await connection.find_customer(HolderId(new_id("acchld_"))) is None
    assert alone.queries("search") == alone.queries("search_customers") == []
    assert [query["limit"] for query in alone.queries("list")] == [100] * 5
    assert all({"gte", "lte"} == query["created"].keys() for query in alone.queries("list"))


async def test_a_customer_that_was_made_late(alone: RunningStripe, connection: Connection) -> None:
    """An account holder whose first request came to nothing days ago is found by what was made since yesterday."""
    holder_id = HolderId(first_id("acchld_", after(now(), -3 * 86_400)))
    made = alone.call("POST", "customers", **{"metadata[tillgraph_account_holder]": holder_id})
    found = await connection.find_customer(holder_id)
    assert found is not None
    assert found.id == made["id"]


async def test_a_list_that_is_too_long() -> None:
    """It is read up to its bound, and says nothing of what was not found in it."""

    async def page(after: str | None) -> stripe.ListObject[stripe.Refund]:
        body = {"object": "list", "has_more": True, "data": [{"id": "re_1", "object": "refund"}]}
        return stripe.ListObject.construct_from(body, SECRET_KEY)

    found: list[str] = []

    async def read_all() -> None:
        async for one in paged(page, 3):
            found.append(str(one["id"]))

    with pytest.raises(ListTooLong):
        await read_all()
    assert found == ["re_1"] * 3


@pytest.mark.parametrize(
    "fault",
    in_short(
        ["TOO_MANY", "DROP_BEFORE", "FAIL_BEFORE", "HTML", "MALFORMED", "CONFLICT"], "TOO_MANY"
    ),
)
async def test_a_read_is_repeated(alone: RunningStripe, connection: Connection, fault: str) -> None:
    """While Stripe is busy, silent or at fault it is tried three times more, and then given up."""
    id = alone.call("POST", "payment_intents", amount="1000", currency="usd")["id"]
    alone.fault(fault, "retrieve", times=READ_TRIES - 1)
    assert (await connection.intent(id)).id == id
    alone.fault(fault, "retrieve", times=1_000)
    with pytest.raises(stripe.StripeError):
        await connection.intent(id)
    alone.control("go_on")
    assert (await connection.intent(id)).id == id
