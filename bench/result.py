"""The result of a run, as it is kept."""

from dataclasses import dataclass, field

from bench.figures import Times
from bench.floors import Commits
from bench.pages import Page
from bench.rounds import Memory, Run
from bench.statements import Statements
from bench.updates import ByTransport

ByClients = dict[str, Run]


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a run took place."""

    python: str
    cores: int
    load_before: float
    postgresql: dict[str, str]
    """Its settings, if it was measured."""


@dataclass(slots=True)
class Result:
    """One run of the benchmark; only its ratios can be compared with other runs'.

    Each part is by the kind of database, if nothing else is said, and empty where it was not asked for.
    """

    measured_at: str
    arguments: list[str]
    machine: Machine
    runs: dict[str, ByClients] = field(default_factory=dict)
    """By program and number of clients."""
    ratios: dict[str, dict[str, float | None]] = field(default_factory=dict)
    """By what is compared and number of clients."""
    memory: dict[str, Memory] = field(default_factory=dict)
    """By program."""
    commits: dict[str, Commits] = field(default_factory=dict)
    statements: dict[str, Statements] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    updates: dict[str, dict[str, ByTransport]] = field(default_factory=dict)
    """Then by the process that the subscribers are connected to, transport and number of subscriptions."""
    starts: dict[str, Times] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    """In sentences."""
    failed: list[str] = field(default_factory=list)
    """In sentences: what was to be measured and is not here."""
