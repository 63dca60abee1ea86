"""A PostgreSQL server's address, with the parameters named as in libpq; a fault is reported in one sentence."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

SETTING: Final = "TILLGRAPH_DATABASE_URL"

CONNECT_SECONDS: Final = 3
"""For a new connection to one host: an unreachable host is reported as quickly as a busy one."""

LONGEST_CONNECT_SECONDS: Final = 60

APPLICATION: Final = "tillgraph"

HOST: Final = re.compile(
    r"(?P<host>/[^:,]*|\[[0-9A-Fa-f:.%a-z]+\]|[^:,\[\]/]+)(:(?P<port>[0-9]{1,5}))?"
)

HANDED_ON: Final = frozenset(
    (
        *("user", "password", "passfile", "dbname", "service", "krbsrvname", "gsslib"),
        *("sslmode", "sslnegotiation", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version"),
    )
)
"""Parameters that the driver itself reads in an address."""

TAKEN: Final = HANDED_ON | {
    *("host", "port", "connect_timeout", "application_name", "options", "target_session_attrs")
}

CHOICES: Final[Mapping[str, Sequence[str]]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    # This program writes: a server that only reads is of no use.
    "target_session_attrs": ("any", "primary", "read-write"),
    "sslnegotiation": ("postgres", "direct"),
    "ssl_min_protocol_version": ("TLSv1.2", "TLSv1.3"),
    "ssl_max_protocol_version": ("TLSv1.2", "TLSv1.3"),
}

FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")


class DatabaseUnusable(Exception):
    """An error: the database can't be used; start-up ends with its one sentence."""


@dataclass(frozen=True, slots=True)
class Host:
    """One of the hosts of an address; None stands for the driver's default."""

    name: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A parsed address."""

    dsn: str
    """Everything that the driver reads itself, without the hosts."""
    hosts: tuple[Host, ...]
    connect_seconds: int
    target: str
    """Which of the hosts are acceptable, in libpq's words."""
    settings: Mapping[str, str]
    """The server settings of each new connection."""


def read_address(address: str) -> ServerAddress:
    """Return a parsed address; raises DatabaseUnusable, which names the wrong parameter but no value."""
    parts = urlsplit(address)
    given = _parameters(parts.query)
    credentials, _, place = parts.netloc.rpartition("@")
    named = place or given.get("host", "")
    hosts = _hosts(unquote(named), given.get("port", ""))
    settings = {"application_name": given.get("application_name", APPLICATION)}
    if "options" in given:
        settings["options"] = given["options"]
    query = urlencode({name: value for name, value in given.items() if name in HANDED_ON})
    return ServerAddress(
        dsn=f"postgresql://{credentials}{'@' if credentials else ''}{parts.path}?{query}".rstrip(
            "?"
        ),
        hosts=hosts,
        connect_seconds=_connect_seconds(given.get("connect_timeout")),
        target=given.get("target_session_attrs", "any" if len(hosts) == 1 else "read-write"),
        settings=settings,
    )


def _parameters(query: str) -> Mapping[str, str]:
    given: dict[str, str] = {}
    for written, value in parse_qsl(query, keep_blank_values=True):
        # The driver's own spelling, which worked before libpq's did.
        name = "sslmode" if written == "ssl" else written
        if name not in TAKEN:
            raise _wrong(f"{_shown(written)} is not taken; taken are {', '.join(sorted(TAKEN))}")
        if name in given:
            raise _wrong(f"{name} must be given once; several hosts are separated by commas")
        if not value:
            raise _wrong(f"{name} must have a value")
        if name in CHOICES and value not in CHOICES[name]:
            raise _wrong(f"{name} must be one of {', '.join(CHOICES[name])}")
        if name in FILES and not Path(value).is_file():
            raise _wrong(f"{name} must name a file that exists")
        given[name] = value
    return given


def _hosts(named: str, ports: str) -> tuple[Host, ...]:
    if not named:
        return (Host(port=_port(ports) if ports else None),)
    names = named.split(",")
    found = [HOST.fullmatch(name) for name in names]
    common = ports.split(",") if ports else []
    if not all(found) or len(common) not in (0, 1, len(names)):
        raise _wrong("hosts must be written as host:port, several of them separated by commas")
    hosts = []
    for number, match in enumerate(one for one in found if one):
        port = match["port"] or (common[number if len(common) > 1 else 0] if common else "")
        hosts.append(Host(match["host"].strip("[]"), _port(port) if port else None))
    return tuple(hosts)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise _wrong("port must be a number from 1 to 65535")
    return int(text)


def _connect_seconds(text: str | None) -> int:
    if text is None:
        return CONNECT_SECONDS
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= LONGEST_CONNECT_SECONDS):
        raise _wrong(
            f"connect_timeout must be a whole number of seconds from 1 to {LONGEST_CONNECT_SECONDS}"
        )
    return int(text)


def _shown(name: str) -> str:
    """Return a parameter's name as far as it looks like one: the rest may be part of a password."""
    return name if re.fullmatch(r"[a-z_]{1,40}", name) else "a parameter"


def _wrong(sentence: str) -> DatabaseUnusable:
    return DatabaseUnusable(f"{SETTING}: {sentence}.")
