"""The tables of a run."""

from collections.abc import Iterable, Mapping, Sequence

from bench.figures import Times
from bench.floors import Commits
from bench.flows import WHOLE
from bench.pages import Page
from bench.result import Result
from bench.rounds import Memory, Run
from bench.statements import Statements
from bench.updates import ByTransport
from tests.support.stores.databases import KINDS

TIMES = ("median ms", "99th ms", "max ms")

SINCE = ("change, median ms", "99th ms", "request, median ms", "99th ms")

Cell = str | float | None


def show(result: Result) -> None:
    """Print every table that a run has figures for."""
    machine = result.machine
    print(
        f"\nPython {machine.python}, {machine.cores} cores, load {machine.load_before} before the run."
    )
    if machine.postgresql:
        print(
            "PostgreSQL: "
            + ", ".join(f"{key} {value}" for key, value in machine.postgresql.items())
        )
    _show_runs(result.runs)
    _show_steps(result.runs)
    _show_ratios(result.ratios)
    _show_commits(result.commits)
    _show_statements(result.statements)
    _show_memory(result.memory)
    _show_pages(result.pages)
    _show_updates(result.updates)
    _show_starts(result.starts)
    for sentence in result.left_out:
        print(f"\nLeft out: {sentence}")
    for sentence in result.failed:
        print(f"\nFailed: {sentence}")


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Print a table, its first column to the left and all others to the right; nothing without rows."""
    texts = [[_text(cell) for cell in row] for row in rows]
    if not texts:
        return
    widths = [max(map(len, column)) for column in zip(head, *texts, strict=True)]
    print(f"\n{title}\n")
    for row in (head, *texts):
        first, *others = (
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  " + "   ".join((first, *others)))


def _text(cell: Cell) -> str:
    if cell is None:
        return "-"
    return cell if isinstance(cell, str) else f"{cell:,.2f}"


def _times(times: Times) -> tuple[float, float, float]:
    return times.median_ms, times.p99_ms, times.max_ms


Runs = Mapping[str, Mapping[str, Run]]


def _show_runs(runs: Runs) -> None:
    table(
        "Under load: flows a second, a flow's times, CPU a flow of the server and of the database, and\n"
        "how much of one core the server and the load generator used. A floor's flow is six requests.",
        (
            "",
            "flows/s",
            "median ms",
            "99th ms",
            "server ms",
            "database ms",
            "server",
            "generator",
        ),
        (
            (
                f"{name}, {clients}",
                run.flows_a_second,
                run.times[WHOLE].median_ms,
                run.times[WHOLE].p99_ms,
                run.server_cpu_ms_a_flow,
                run.database_cpu_ms_a_flow,
                run.server_cpu_share,
                run.generator_cpu_share,
            )
            for name, by_clients in runs.items()
            for clients, run in by_clients.items()
        ),
    )


def _show_steps(runs: Runs) -> None:
    table(
        "Each step of the flow",
        ("", *TIMES),
        (
            (f"{name}, {clients}, {step}", *_times(times))
            for name, by_clients in runs.items()
            if name in KINDS
            for clients, run in by_clients.items()
            for step, times in run.times.items()
        ),
    )


def _show_ratios(ratios: Mapping[str, Mapping[str, float | None]]) -> None:
    table(
        "Ratios, each the median of the rounds' own",
        ("", "ratio"),
        (
            (f"{name}, {clients}", ratio)
            for name, by_clients in ratios.items()
            for clients, ratio in by_clients.items()
        ),
    )


def _show_commits(commits: Mapping[str, Commits]) -> None:
    table(
        "One row a transaction, by the driver alone on one connection",
        ("", "commits/s", *TIMES),
        ((kind, one.commits_a_second, *_times(one.times)) for kind, one in commits.items()),
    )


def _show_statements(statements: Mapping[str, Statements]) -> None:
    table(
        "What a flow sends to the database",
        ("", "statements", "transactions", "by first word"),
        (
            (
                kind,
                one.statements_a_flow,
                one.transactions_a_flow,
                ", ".join(f"{word} {times:g}" for word, times in one.by_kind.items()),
            )
            for kind, one in statements.items()
        ),
    )


def _show_memory(memory: Mapping[str, Memory]) -> None:
    table(
        "Resident memory of the server",
        ("", "idle MB", "after load MB"),
        ((name, one.idle_mb, one.loaded_mb) for name, one in memory.items()),
    )


def _show_pages(pages: Mapping[str, Page]) -> None:
    table(
        "A page of 50 collections with everything under them, by one client",
        ("", *TIMES, "server CPU ms", "database CPU ms", "kB", "in { __typename }"),
        (
            (
                kind,
                *_times(page.times),
                page.server_cpu_ms,
                page.database_cpu_ms,
                page.kilobytes,
                page.typenames,
            )
            for kind, page in pages.items()
        ),
    )


def _show_updates(updates: Mapping[str, Mapping[str, ByTransport]]) -> None:
    table(
        "The delay of an update since the change's own instant in its transaction, and since the request\n"
        "was sent; each subscriber has a collection of its own",
        ("", *SINCE, "server MB"),
        (
            (
                f"{kind}, {where}, {transport}, {subscriptions}",
                delays.since_change.median_ms,
                delays.since_change.p99_ms,
                delays.since_request.median_ms,
                delays.since_request.p99_ms,
                delays.resident_mb,
            )
            for kind, by_place in updates.items()
            for where, by_transport in by_place.items()
            for transport, by_number in by_transport.items()
            for subscriptions, delays in by_number.items()
        ),
    )


def _show_starts(starts: Mapping[str, Times]) -> None:
    table(
        "From the start of the interpreter to /health/ready, on a migrated database",
        ("", *TIMES),
        ((kind, *_times(times)) for kind, times in starts.items()),
    )
