"""The programs that are put under load, and what is compared between them within one run."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bench import servers
from bench.figures import counted
from bench.floors import echo_once, typename_once
from bench.flows import pay_once
from bench.rounds import Subject, Window, Windows
from tests.support.stores.databases import KINDS

SQLITE, POSTGRESQL = KINDS
ECHO = "bare echo"
TYPENAME = "{ __typename }"

FLOOR_FLOWS = 4
"""So many more, as processor time is counted in ticks of 10 ms: of an echo's, too few would pass."""


def flows(kinds: Sequence[str], many: int) -> dict[str, Subject]:
    """Return the server on each kind of database, with so many flows a measurement."""
    return {kind: Subject(partial(servers.tillgraph, kind), pay_once, many) for kind in kinds}


def floors(many: int) -> dict[str, Subject]:
    """Return what costs next to nothing: of the server, and without it."""
    return {
        TYPENAME: Subject(servers.tillgraph, typename_once, FLOOR_FLOWS * many),
        ECHO: Subject(servers.echo, echo_once, FLOOR_FLOWS * many),
    }


@dataclass(frozen=True, slots=True)
class Ratio:
    """Something of one program to the same of another."""

    name: str
    of: str
    to: str
    figure: Callable[[Window], float]


def _rate(window: Window) -> float:
    return window.flows_a_second


def _server_cpu(window: Window) -> float:
    return window.cpu.server / window.flows


def _all_cpu(window: Window) -> float:
    return (window.cpu.server + (window.cpu.database or 0)) / window.flows


RATIOS = (
    Ratio("flows a second, SQLite to PostgreSQL", SQLITE, POSTGRESQL, _rate),
    Ratio("CPU of server and database, PostgreSQL to SQLite", POSTGRESQL, SQLITE, _all_cpu),
    # What the load generator can do at least, to what it is asked to do.
    Ratio("flows a second, six echoes to a flow on SQLite", ECHO, SQLITE, _rate),
    Ratio("flows a second, six echoes to a flow on PostgreSQL", ECHO, POSTGRESQL, _rate),
    Ratio("server CPU of a flow on SQLite to six echoes", SQLITE, ECHO, _server_cpu),
    Ratio("server CPU of a flow on PostgreSQL to six echoes", POSTGRESQL, ECHO, _server_cpu),
    Ratio("requests a second, { __typename } to echo", TYPENAME, ECHO, _rate),
    Ratio("server CPU, { __typename } to echo", TYPENAME, ECHO, _server_cpu),
)


def ratios(
    windows: Mapping[str, Windows], clients: Sequence[int]
) -> dict[str, dict[str, float | None]]:
    """Return each ratio whose programs were both measured, by its name and the number of clients.

    It is the median of what each round says by itself; None where a round was too short for the clock.
    """
    return {
        ratio.name: {
            counted(many, "client"): _median(
                ratio, windows[ratio.of][many], windows[ratio.to][many]
            )
            for many in clients
        }
        for ratio in RATIOS
        if ratio.of in windows and ratio.to in windows
    }


def _median(ratio: Ratio, of: Sequence[Window], to: Sequence[Window]) -> float | None:
    divisors = [ratio.figure(window) for window in to]
    if not all(divisors):
        return None
    each = [ratio.figure(window) / by for window, by in zip(of, divisors, strict=True)]
    return round(statistics.median(each), 3)
