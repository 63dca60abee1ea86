"""Servers that tell receivers on this machine."""

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import CHECKED
from tests.support.flow.registering import ALLOWED, delete_all
from tests.support.gateways.receiver import Receiver
from tests.support.program.running import QUICK_RECOVERY, RunningServer


@pytest.fixture(scope="package")
def telling_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server that may tell receivers on this machine; each test registers its own."""
    running = RunningServer(tmp_path_factory.mktemp("telling"), {**QUICK_RECOVERY, **ALLOWED})
    yield running.start()
    checked = running.check()
    running.close()
    assert checked == CHECKED


@pytest.fixture
def telling(telling_server: RunningServer) -> Iterator[RunningServer]:
    """Return that server without any endpoint, before and after."""
    delete_all(telling_server)
    yield telling_server
    delete_all(telling_server)


@pytest.fixture
def make_receiver() -> Iterator[Callable[[], Receiver]]:
    """Return a function that makes receivers."""
    made: list[Receiver] = []

    def make() -> Receiver:
        made.append(Receiver())
        return made[-1]

    yield make
    for receiver in made:
        receiver.close()


@pytest.fixture
def receiver(make_receiver: Callable[[], Receiver]) -> Receiver:
    """Return one receiver."""
    return make_receiver()
