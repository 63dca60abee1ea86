"""A server's addresses: the one that is bound answers, and so does the one that is told."""

import re
from collections.abc import Callable

import httpx2
import pytest

from tests.support.flow.looking import session_status, settle
from tests.support.flow.shop import authorize, open_with_session
from tests.support.program.commands import run_command
from tests.support.program.keys import SECRET_KEY
from tests.support.program.running import NO_RECOVERY, RunningServer
from tests.support.waiting import until

pytestmark = pytest.mark.once

TOLD = re.compile(r"^Tillgraph serves on (http://\S+)/graphql$", re.MULTILINE)


def told(server: RunningServer) -> str:
    """Return the address that a server says it serves on, once it does."""
    found = until(lambda: TOLD.search(server.log_path.read_text()))
    assert found is not None
    return found[1]


def is_live(address: str) -> bool:
    """Return whether a server answers there."""
    response = httpx2.get(f"{address}/health/live", trust_env=False, verify=False)
    return response.status_code == 200


def test_every_address_is_of_both_families(make_server: Callable[..., RunningServer]) -> None:
    """IPv4 and IPv6 are answered, the address told answers, and the sandbox's own reports arrive."""
    server = make_server(**{**NO_RECOVERY, "HOST": "::", "TILLGRAPH_SECRET_KEYS": SECRET_KEY})
    server.credential = SECRET_KEY
    server.start()
    assert told(server) == f"http://127.0.0.1:{server.port}"
    for address in (told(server), f"http://[::1]:{server.port}"):
        assert is_live(address)
    _, session = open_with_session(server, "pending")
    authorize(server, session)
    settle(server, session, "approve")
    until(lambda: session_status(server, session) == "AUTHORIZED")


def test_one_address_of_ipv6(make_server: Callable[..., RunningServer]) -> None:
    """Bound to ::1, a server without keys serves there, says so, and nowhere else."""
    server = make_server(HOST="::1")
    server.launch()
    assert told(server) == f"http://[::1]:{server.port}"
    assert is_live(told(server))
    with pytest.raises(httpx2.ConnectError):
        is_live(f"http://127.0.0.1:{server.port}")


def test_a_port_of_the_systems_choice_is_told(make_server: Callable[..., RunningServer]) -> None:
    """Port 0 is whatever is free: the address told is the one that was bound."""
    server = make_server(PORT="0")
    server.launch()
    assert is_live(told(server))


def test_a_gateway_that_cannot_be_bound_says_so(
    make_server: Callable[..., RunningServer],
) -> None:
    """The sandbox's own process ends with a sentence where its address is taken, also by the other family."""
    server = make_server().start()
    ended = run_command(
        server.folder / "gateway", "sandbox", "--host", "::", "--port", str(server.port)
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        f"Tillgraph does not start. --host and --port: [::]:{server.port} can't be bound:"
        " Address already in use.\n"
    )
