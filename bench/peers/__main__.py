"""`make bench-peers`: the payment flow at Tillgraph and at Medusa's payment module, in turns on one PostgreSQL."""

import argparse
import asyncio
import datetime
import os
import platform
import sys
from collections import Counter
from pathlib import Path

import orjson

from bench.peers import subjects
from bench.peers.report import Ratios, Result, Round, Setting, show
from bench.peers.subjects import Subject
from bench.peers.windows import Idle, TooShort, Window, measure, measure_idle
from bench.processes import parent
from tests.support.stores import databases

RESULTS = Path(__file__).parents[1] / "results"

IDLE_SECONDS = 5.0

AS_SHIPPED = "max_connections = 200\n"
"""PostgreSQL's own settings otherwise: commits wait for the disk, and it vacuums and analyzes by itself."""


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--window", type=float, default=10, metavar="SECONDS")
    parser.add_argument("--warm-up", type=float, default=60, metavar="SECONDS", help="of each")
    parser.add_argument(
        "--durable",
        action="store_true",
        help="start PostgreSQL with its own settings (fsync, autovacuum) instead of the tests'",
    )
    parser.add_argument("--node", type=Path, default=subjects.NODE, help="the Node of Medusa")
    given = parser.parse_args()
    if min(given.clients, given.rounds) < 1 or min(given.window, given.warm_up) <= 0:
        parser.error("Give at least one client and one round, and times above 0.")
    if not subjects.MEDUSA_PACKAGE.exists():
        parser.error("Medusa's module is not installed. `make bench-peers` installs it.")
    return given


class Comparison:
    """Both programs while they run, and the counts of what they did."""

    def __init__(
        self, given: argparse.Namespace, *, medusa: Subject, tillgraph: Subject, postgresql: int
    ) -> None:
        self._given = given
        self._medusa = medusa
        self._tillgraph = tillgraph
        self._postgresql = postgresql
        self._flows: Counter[str] = Counter()

    async def run(self, setting: Setting) -> Result:
        """Warm both up, compare them round by round, and count the payments in their databases."""
        both = (self._medusa, self._tillgraph)
        idle = {subject.name: await self._idle(subject) for subject in both}
        for subject in both:
            await self._window(subject, self._given.warm_up)
        warm_up_flows = dict(self._flows)
        rounds = [await self._round(number) for number in range(self._given.rounds)]
        return Result(setting, idle, warm_up_flows, self._paid(), rounds, Ratios.of(rounds))

    async def _round(self, number: int) -> Round:
        """Measure a window of each; who begins changes from round to round."""
        if number % 2:
            tillgraph = await self._window(self._tillgraph, self._given.window)
            return Round(await self._window(self._medusa, self._given.window), tillgraph)
        medusa = await self._window(self._medusa, self._given.window)
        return Round(medusa, await self._window(self._tillgraph, self._given.window))

    async def _window(self, subject: Subject, seconds: float) -> Window:
        window, flows = await measure(
            subject, self._postgresql, clients=self._given.clients, seconds=seconds
        )
        self._flows[subject.name] += flows
        print(
            f"{subject.name}: {window.flows_a_second} flows a second for {seconds:g} s", flush=True
        )
        return window

    async def _idle(self, subject: Subject) -> Idle:
        return await measure_idle(subject, self._postgresql, seconds=IDLE_SECONDS)

    def _paid(self) -> dict[str, int]:
        """Return each database's payments; raises if they are not as many as the flows."""
        paid = {one.name: one.paid_count() for one in (self._medusa, self._tillgraph)}
        if paid != dict(self._flows):
            raise RuntimeError(f"{dict(self._flows)} flows ended, and {paid} payments are there.")
        return paid


def setting_of(given: argparse.Namespace, address: str) -> Setting:
    """Return what is compared, and how."""

    def shown(name: str) -> str:
        return str(databases.rows(address, f"SHOW {name}")[0][0])

    return Setting(
        measured_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        medusa=subjects.medusa_version(),
        node=subjects.node_version(given.node),
        python=platform.python_version(),
        postgresql=shown("server_version"),
        fsync=shown("fsync"),
        autovacuum=shown("autovacuum"),
        cores=len(os.sched_getaffinity(0)),
        load_before=round(os.getloadavg()[0], 2),
        clients=given.clients,
        warm_up_seconds=given.warm_up,
        window_seconds=given.window,
    )


def compare(given: argparse.Namespace) -> Result:
    """Start PostgreSQL and both programs, and compare them."""
    if given.durable:
        started = databases.start_postgresql(AS_SHIPPED)
        os.environ[databases.GIVEN] = databases.text_of(started)
    with subjects.medusa(given.node) as medusa, subjects.tillgraph() as tillgraph:
        ((backend,),) = databases.rows(medusa.database, "SELECT pg_backend_pid()")
        comparison = Comparison(
            given, medusa=medusa, tillgraph=tillgraph, postgresql=parent(backend)
        )
        return asyncio.run(comparison.run(setting_of(given, medusa.database)))


def main() -> None:
    """Compare, print and keep the result; end with a sentence if a window was too short."""
    try:
        result = compare(arguments())
    except TooShort as short:
        sys.exit(str(short))
    show(result)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"peers-{result.setting.measured_at.replace(':', '')}.json"
    path.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    print(f"\nThe same as JSON: bench/results/{path.name}")


if __name__ == "__main__":
    main()
