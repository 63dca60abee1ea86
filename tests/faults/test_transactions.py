"""The state while a provider is contacted: the intent is committed, and no transaction is open."""

from collections.abc import Iterator

import pytest

from tests.faults.probe import NOTES
from tests.support.flow.shop import authorize, capture, open_collection, open_session, pay, refund
from tests.support.program.files import whole_lines
from tests.support.program.running import QUICK_RECOVERY, ROOT, RunningServer
from tests.support.stores.records import operation_in, put_off
from tests.support.waiting import until


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server with a provider that an installed package brings by its entry point."""
    folder = tmp_path_factory.mktemp("probed")
    installed = tmp_path_factory.mktemp("installed")
    metadata = installed / "tillgraph_probe-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: tillgraph-probe\nVersion: 1.0\n"
    )
    (metadata / "entry_points.txt").write_text(
        "[tillgraph.providers]\nprobe = tests.faults.probe:create\n"
    )
    running = RunningServer(
        folder,
        {
            **QUICK_RECOVERY,
            "PYTHONPATH": f"{installed}:{ROOT}",
        },
    )
    (folder / NOTES).touch()
    yield running.start()
    running.close()


def notes_of(server: RunningServer) -> list[str]:
    """Read what the provider wrote down."""
    return [line.decode() for line in whole_lines(server.folder / NOTES)]


def test_no_transaction_is_open_while_a_provider_is_asked(probed: RunningServer) -> None:
    """At every ask the intent with its amount is committed, and another connection can write at once."""
    before = len(notes_of(probed))
    payment = pay(probed, provider="probe")
    assert capture(probed, payment["id"], amount="60.00")["capturedAmount"] == "60.00"
    assert refund(probed, payment["id"], amount="20.00")["refundedAmount"] == "20.00"
    canceled = probed.change("cancelPayment", {"paymentId": payment["id"]})
    assert canceled["releasedAmount"] == "40.00"
    assert notes_of(probed)[before:] == [
        "open True free",
        "authorize True free",
        "capture True free",
        "refund True free",
        "cancel True free",
    ]


def test_a_provider_that_raises(probed: RunningServer) -> None:
    """An exception in a provider's module leaves the outcome unknown, and its text is not logged."""
    collection = open_collection(probed)
    session = open_session(probed, collection["id"], provider="probe")
    answer = authorize(probed, session["id"], data={"raises": True})
    assert answer["__typename"] == "RequiresMoreAction"
    assert answer["action"]["__typename"] == "AwaitProvider"
    until(lambda: operation_in(probed, "UNKNOWN", "authorize", session["id"]))
    assert probed.rows("SELECT id FROM payments WHERE session_id = ?", session["id"]) == []
    assert "sk_live_of_the_probe" not in probed.log_path.read_text()
    # The other tests read what recovery requests.
    put_off(probed, session["id"])


def test_recovery_asks_without_a_transaction(probed: RunningServer) -> None:
    """Recovery asks under the same rule."""
    session = open_session(probed, open_collection(probed)["id"], provider="probe")
    before = len(notes_of(probed))
    authorize(probed, session["id"], data={"raises": True})
    again = until(lambda: notes_of(probed)[before + 1 :])
    assert set(notes_of(probed)[before:]) == {"authorize True free"}
    assert again
    put_off(probed, session["id"])
