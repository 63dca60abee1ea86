"""Servers of this folder's own: nothing but its tests changes their rows, so that "nothing changed" can be exact."""

from collections.abc import Iterator, Mapping

import pytest

from tests.api.shops import Shop, full_collection
from tests.support.flow.shop import collection_of, open_collection
from tests.support.program.keys import KEYS, SECRET_KEY
from tests.support.program.running import NO_RECOVERY, RunningServer
from tests.support.stores.evidence import Evidence, evidence_of


@pytest.fixture(scope="package")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server without secret keys, which trusts this machine."""
    folder = tmp_path_factory.mktemp("open")
    running = RunningServer(folder, NO_RECOVERY, is_test_build=True).start()
    yield running
    running.close()


@pytest.fixture(scope="package")
def keyed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server with a secret key and a hashed one; calls that name no credential use the first."""
    running = RunningServer(tmp_path_factory.mktemp("keyed"), {**NO_RECOVERY, **KEYS})
    running.credential = SECRET_KEY
    running.start()
    yield running
    running.close()


@pytest.fixture
def unchanged(open_server: RunningServer) -> Iterator[None]:
    """Assert that a test leaves every row, event and effect at the gateway as it was."""
    before: Evidence = evidence_of(open_server)
    yield
    assert evidence_of(open_server) == before


@pytest.fixture(scope="module")
def shop(keyed_server: RunningServer) -> Shop:
    """Return two collections and the secret of the first."""
    secret, own = full_collection(keyed_server)
    _, stranger = full_collection(keyed_server)
    return Shop(secret, own, stranger)


@pytest.fixture(scope="module")
def strangers(keyed_server: RunningServer) -> Mapping[str, str]:
    """Return every credential that a collection does not open for."""
    replaced = open_collection(keyed_server)
    keyed_server.change("rotateClientSecret", {"paymentCollectionId": replaced["id"]})
    ended = open_collection(keyed_server)
    return {
        "nobody": "",
        "a wrong key": "a-key-that-nobody-has",
        "a replaced secret": replaced["clientSecret"],
        "an ended secret": _ended(keyed_server, ended["id"]),
        "another browser": open_collection(keyed_server)["clientSecret"],
    }


def _ended(server: RunningServer, id: str) -> str:
    """Put the end of a collection's secret into the past; return the secret, signed and all."""
    server.rows("UPDATE payment_collections SET secret_ends_at = 1 WHERE id = ?", id)
    secret = collection_of(server, id)["clientSecret"]
    assert "_1_" in secret
    return str(secret)
