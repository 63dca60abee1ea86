"""The comparison's result: its rounds, their ratios, the table, and what is not equal between both programs."""

import statistics
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.peers.windows import Idle, Window

UNEQUAL = (
    "Tillgraph is called over GraphQL, as its callers do: the document is looked up, the variables are checked and the"
    " answer is resolved field by field. The methods of Medusa's service are called by six bare routes of node:http,"
    " without the framework, the middleware, the validation and the workflows of a Medusa server.",
    "Tillgraph answers with the few fields that the document names. Medusa's service answers a change with the whole"
    " object, which it has to load and write; it has no other answer. The same fields of both are read back.",
    "Tillgraph commits the intent of an operation before it calls the provider, settles its outcome afterwards, and"
    " recovers those that a crash left open. Medusa's module commits a session, capture or refund before it calls the"
    " provider, an authorization afterwards, removes it after an error, and has nothing that settles an open one.",
    "Tillgraph writes an event log and tells subscribers. Medusa's events are off: no event bus is loaded.",
    "Tillgraph takes idempotency keys (sent here with captures and refunds), limits each request, counts metrics,"
    " writes a log line, and checks access, though no keys are set here. Medusa's routes do none of this.",
    "Medusa keeps amounts as decimals of any precision, a copy in JSON beside each; Tillgraph keeps integers.",
    "Tillgraph's background work (recovery, deliveries, other processes' events) goes on in Medusa's windows too; its"
    " cost is printed as that of a second without calls. Medusa's module has none.",
    "Each is one process. Tillgraph's Python answers on one thread and writes its log on another; Node answers on one"
    " and compiles and collects garbage on others, whose time counts as Medusa's.",
    "Each has the pool of connections that it ships with, at most 10; Tillgraph has one more, which only listens.",
    "Windows are of equal time, so that the faster program has the fuller database.",
    "Both servers, PostgreSQL and the load generator share the machine's cores; the generator's share is in the table.",
)
"""In favour of one or the other, or of neither: the reader judges."""

LINE = 110
"""Of what is printed."""

WARM_UP_FLOWS_MIN = 500
"""Medusa's module took 104 ms of CPU for each of its first flows, and 68 ms after 500, when Node had compiled it."""

MEASURES: tuple[tuple[str, Callable[[Window], float]], ...] = (
    ("flows a second", lambda window: window.flows_a_second),
    ("median of a flow, ms", lambda window: window.median_ms),
    ("99th percentile, ms", lambda window: window.p99_ms),
    ("server CPU a flow, ms", lambda window: window.server_cpu_ms_a_flow),
    ("PostgreSQL CPU a flow, ms", lambda window: window.postgresql_cpu_ms_a_flow),
    ("resident memory, MB", lambda window: window.resident_mb),
    ("generator, share of a core", lambda window: window.generator_cpu_share),
)


@dataclass(frozen=True, slots=True)
class Setting:
    """What was compared, and how."""

    measured_at: str
    medusa: str
    node: str
    python: str
    postgresql: str
    fsync: str
    autovacuum: str
    cores: int
    load_before: float
    clients: int
    warm_up_seconds: float
    window_seconds: float


@dataclass(frozen=True, slots=True)
class Round:
    """A window of each program, one right after the other."""

    medusa: Window
    tillgraph: Window


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times better Tillgraph is, round by round."""

    rounds: list[float]
    median: float

    @classmethod
    def of(cls, pairs: Sequence[tuple[float, float]]) -> "Ratio":
        """Return the ratios of pairs, the first of each divided by the second; at least one pair."""
        ratios = [one / max(other, SMALLEST) for one, other in pairs]
        return cls([round(ratio, 2) for ratio in ratios], round(statistics.median(ratios), 2))


SMALLEST = 0.01
"""A figure of 0 is one below what is kept."""


@dataclass(frozen=True, slots=True)
class Ratios:
    """The ratios that are to be read: above 1 where Tillgraph is ahead."""

    flows_a_second: Ratio
    """Tillgraph's to Medusa's; the ones below are Medusa's to Tillgraph's."""
    median: Ratio
    p99: Ratio
    cpu_a_flow: Ratio
    """Of the server and PostgreSQL together."""
    resident_memory: Ratio

    @classmethod
    def of(cls, rounds: Sequence[Round]) -> "Ratios":
        """Return the ratios of a comparison's rounds; at least one."""
        return cls(
            flows_a_second=Ratio.of(
                [(one.tillgraph.flows_a_second, one.medusa.flows_a_second) for one in rounds]
            ),
            median=Ratio.of([(one.medusa.median_ms, one.tillgraph.median_ms) for one in rounds]),
            p99=Ratio.of([(one.medusa.p99_ms, one.tillgraph.p99_ms) for one in rounds]),
            cpu_a_flow=Ratio.of([(_cpu(one.medusa), _cpu(one.tillgraph)) for one in rounds]),
            resident_memory=Ratio.of(
                [(one.medusa.resident_mb, one.tillgraph.resident_mb) for one in rounds]
            ),
        )


@dataclass(frozen=True, slots=True)
class Result:
    """One comparison; only its ratios can be compared with those of another run."""

    setting: Setting
    idle: dict[str, Idle]
    """By the name of the program."""
    warm_up_flows: dict[str, int]
    """By the name of the program."""
    paid: dict[str, int]
    """Payments in each database, by the name of the program: each was captured in full and refunded in part."""
    rounds: list[Round]
    ratios: Ratios
    unequal: tuple[str, ...] = UNEQUAL


def show(result: Result) -> None:
    """Print the comparison."""
    setting = result.setting
    print(
        f"\nMedusa's payment module {setting.medusa} on Node {setting.node}, and Tillgraph on Python {setting.python}."
        f"\nPostgreSQL {setting.postgresql}, fsync {setting.fsync}, autovacuum {setting.autovacuum};"
        f" {setting.cores} cores, load {setting.load_before} before the run."
        f"\n{setting.clients} clients, {setting.warm_up_seconds:g} s of warm-up each; then, in turns, windows of"
        f" {setting.window_seconds:g} s each, rounds: {len(result.rounds)}.\n"
    )
    show_rounds(result.rounds)
    show_ratios(result.ratios)
    for name, flows in result.warm_up_flows.items():
        if flows < WARM_UP_FLOWS_MIN:
            print(
                f"\n{name} was warmed up by only {flows} flows and is not at its speed: do not trust these ratios."
                f" Give it at least {WARM_UP_FLOWS_MIN} flows with --warm-up."
            )
    print("\nWhile nobody calls, CPU a second:")
    for name, idle in result.idle.items():
        print(
            f"  {name:24}  {idle.server_cpu_ms_a_second:6.1f} ms,"
            f" and PostgreSQL {idle.postgresql_cpu_ms_a_second:6.1f} ms with both connected"
        )
    print("\nPayments in the database, all captured in full and partly refunded, as many as flows:")
    for name, count in result.paid.items():
        print(f"  {name:24}  {count:6}")
    print("\nWhat is not equal:")
    for sentence in result.unequal:
        print(textwrap.fill(f"- {sentence}", LINE, subsequent_indent="  "))


def show_rounds(rounds: Sequence[Round]) -> None:
    """Print each measure of both programs, a column a round."""
    heads = "".join(f"{f'round {number}':>10}" for number in range(1, len(rounds) + 1))
    print(f"{'':40}{heads}")
    for name, measure in MEASURES:
        for program, windows in (
            ("Medusa", [one.medusa for one in rounds]),
            ("Tillgraph", [one.tillgraph for one in rounds]),
        ):
            values = "".join(f"{measure(window):10.2f}" for window in windows)
            print(f"{name:28}{program:12}{values}")


def show_ratios(ratios: Ratios) -> None:
    """Print the ratios, a column a round, the median last."""
    print("\nHow many times Tillgraph is ahead, and the median:")
    for name, ratio in (
        ("flows a second", ratios.flows_a_second),
        ("median of a flow", ratios.median),
        ("99th percentile of a flow", ratios.p99),
        ("CPU a flow, PostgreSQL's too", ratios.cpu_a_flow),
        ("resident memory", ratios.resident_memory),
    ):
        values = "".join(f"{one:10.2f}" for one in ratio.rounds)
        print(f"{name:40}{values}   median {ratio.median:.2f}")


def _cpu(window: Window) -> float:
    return window.server_cpu_ms_a_flow + window.postgresql_cpu_ms_a_flow
