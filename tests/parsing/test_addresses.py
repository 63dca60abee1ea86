"""A PostgreSQL server's address: which of libpq's names are taken, and what is said of the others."""

import asyncio
import socket
from pathlib import Path

import asyncpg
import pytest

from db.engine.address import DatabaseUnusable, Host, read_address
from db.engine.connector import Connector

PREFIX = "postgresql+asyncpg://user:hunter2@"

HOSTS = {
    "db/till": (Host("db"),),
    "db:6432/till": (Host("db", 6432),),
    "[::1]:6432/till": (Host("::1", 6432),),
    "a,b/till": (Host("a"), Host("b")),
    "a:5432,b:5433/till": (Host("a", 5432), Host("b", 5433)),
    "/till?host=/run/postgresql": (Host("/run/postgresql"),),
    "/till?host=%2Frun%2Fpostgresql&port=5433": (Host("/run/postgresql", 5433),),
    "/till?host=a,b&port=1,2": (Host("a", 1), Host("b", 2)),
    "/till?host=a:1,b:2": (Host("a", 1), Host("b", 2)),
    "/till": (Host(),),
    "/till?port=5433": (Host(port=5433),),
}


@pytest.mark.parametrize("address", HOSTS)
def test_hosts(address: str) -> None:
    """Each host with its port, in order; of several, one that writes is looked for."""
    found = read_address(PREFIX + address)
    assert found.hosts == HOSTS[address]
    assert found.target == ("any" if len(found.hosts) == 1 else "read-write")


def test_names_that_are_taken(tmp_path: Path) -> None:
    """A setting that is not the connection's own goes on to the driver, encoded as it came."""
    certificate = tmp_path / "ca.crt"
    certificate.touch()
    found = read_address(
        f"{PREFIX}db/till?sslmode=verify-full&sslrootcert={certificate}&connect_timeout=10"
        "&application_name=till%201&options=-c%20search_path%3Dmoney&target_session_attrs=primary"
    )
    assert found.connect_seconds == 10
    assert found.settings == {"application_name": "till 1", "options": "-c search_path=money"}
    assert found.target == "primary"
    encoded = str(certificate).replace("/", "%2F")
    assert found.dsn == f"postgresql://user:hunter2@/till?sslmode=verify-full&sslrootcert={encoded}"


def test_what_holds_without_a_name() -> None:
    """A name at the server, three seconds to connect, and the driver's own way with TLS."""
    found = read_address(f"{PREFIX}db/till")
    assert (found.dsn, found.connect_seconds) == ("postgresql://user:hunter2@/till", 3)
    assert found.settings == {"application_name": "tillgraph"}


def test_the_drivers_own_word_for_tls() -> None:
    """`ssl` worked before `sslmode` did, and means the same."""
    assert read_address(f"{PREFIX}db/till?ssl=require").dsn.endswith("/till?sslmode=require")


WRONG = {
    "db/till?sslmode=on": "sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full",
    "db/till?ssl=true": "sslmode must be one of",
    "db/till?sslmode=": "sslmode must have a value",
    "db/till?sslmode=require&ssl=require": "sslmode must be given once",
    "/till?host=a&host=b": "several hosts are separated by commas",
    "db/till?channel_binding=require": "channel_binding is not taken; taken are application_name, ",
    "db/till?statement_cache_size=0": "statement_cache_size is not taken",
    "db/till?Hunter2=hunter2": "a parameter is not taken",
    "db/till?connect_timeout=soon": "connect_timeout must be a whole number of seconds from 1 to 60",
    "db/till?connect_timeout=0": "connect_timeout must be",
    "db/till?connect_timeout=-1": "connect_timeout must be",
    "db/till?target_session_attrs=standby": "target_session_attrs must be one of any, primary, read-write",
    "db/till?sslrootcert=/nowhere/hunter2.crt": "sslrootcert must name a file that exists",
    "db:65536/till": "port must be a number from 1 to 65535",
    "db:port/till": "hosts must be written as host:port",
    "a,,b/till": "hosts must be written as host:port",
    "/till?host=a,b,c&port=1,2": "hosts must be written as host:port",
}


@pytest.mark.parametrize("address", WRONG)
def test_what_is_wrong_is_said_in_a_sentence(address: str) -> None:
    """It names the setting and the parameter, and no value."""
    with pytest.raises(DatabaseUnusable) as refused:
        read_address(PREFIX + address)
    sentence = str(refused.value)
    assert sentence.startswith("TILLGRAPH_DATABASE_URL: ")
    assert WRONG[address] in sentence
    assert "hunter2" not in sentence.lower()


async def test_a_host_that_hangs_does_not_use_up_the_time_of_the_next() -> None:
    """Each host has its seconds, and the one that answers is asked first from then on."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        hosts = ",".join(f"127.0.0.1:{one.getsockname()[1]}" for one in (silent, other))
        connector = Connector(read_address(f"{PREFIX}{hosts}/till?connect_timeout=1"), None)
        connecting = asyncio.create_task(connector.connect())
        accepted, _ = await asyncio.get_running_loop().run_in_executor(None, other.accept)
        accepted.close()
        with pytest.raises((OSError, asyncpg.PostgresConnectionError)):
            await connecting
