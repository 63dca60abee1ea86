"""`make bench`: flows a second, times of each step, processor time a flow, and how fast an update arrives."""

import asyncio
import datetime
import platform
import statistics
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import orjson

from bench import servers
from bench.flows import STEPS, Flow, echo_once, pay_once, run_flows
from bench.updates import TRANSPORTS, delays

WARM_UP_FLOWS = 64
MEASURED_FLOWS = 400
CLIENTS = (1, 8)
UPDATES = 200

RESULTS = Path(__file__).parent / "results"

SUBJECTS: dict[str, tuple[Any, Flow]] = {
    "tillgraph": (servers.tillgraph, pay_once),
    "bare echo": (servers.echo, echo_once),
}


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """Give the median, the 99th percentile and the longest, in milliseconds."""
    cut = statistics.quantiles(seconds, n=100, method="inclusive")
    return {
        "median_ms": round(cut[49] * 1_000, 2),
        "p99_ms": round(cut[98] * 1_000, 2),
        "max_ms": round(max(seconds) * 1_000, 2),
    }


async def measure_flows(subject: servers.Measured, flow: Flow, clients: int) -> dict[str, Any]:
    """Measure one subject with a number of clients."""
    await run_flows(subject.port, flow, clients=clients, flows=WARM_UP_FLOWS)
    cpu_before = subject.cpu_seconds()
    seconds, timings = await run_flows(subject.port, flow, clients=clients, flows=MEASURED_FLOWS)
    cpu_seconds = subject.cpu_seconds() - cpu_before
    return {
        "clients": clients,
        "flows_a_second": round(MEASURED_FLOWS / seconds, 1),
        "server_cpu_ms_a_flow": round(cpu_seconds / MEASURED_FLOWS * 1_000, 2),
        "steps": {name: quantiles(timings[name]) for name in STEPS},
    }


async def measure() -> dict[str, Any]:
    """Measure everything, one after the other."""
    flows: dict[str, list[dict[str, Any]]] = {}
    updates: dict[str, dict[str, float]] = {}
    for name, (start, flow) in SUBJECTS.items():
        running: AbstractContextManager[servers.Measured] = start()
        with running as subject:
            flows[name] = [await measure_flows(subject, flow, clients) for clients in CLIENTS]
    with servers.tillgraph() as subject:
        for transport in TRANSPORTS:
            updates[transport] = quantiles(await delays(subject.port, transport, UPDATES))
    return {
        "measured_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "flows": flows,
        "updates": updates,
    }


def show(result: dict[str, Any]) -> None:
    """Print the table."""
    for name, runs in result["flows"].items():
        for run in runs:
            print(
                f"\n{name}, {run['clients']} client(s): {run['flows_a_second']} flows a second,"
                f" {run['server_cpu_ms_a_flow']} ms of server CPU a flow"
            )
            for step, times in run["steps"].items():
                print(
                    f"  {step:10}  median {times['median_ms']:8.2f} ms   p99 {times['p99_ms']:8.2f} ms"
                )
    ours, bare = (result["flows"][name] for name in ("tillgraph", "bare echo"))
    for mine, theirs in zip(ours, bare, strict=True):
        ratio = mine["server_cpu_ms_a_flow"] / theirs["server_cpu_ms_a_flow"]
        print(
            f"\n{mine['clients']} client(s): a flow costs {ratio:.1f} times the CPU of six echoes"
        )
    print("\nFrom sending a change to its update at a subscriber, on an idle machine:")
    for transport, times in result["updates"].items():
        print(
            f"  {transport:12}  median {times['median_ms']:6.2f} ms   p99 {times['p99_ms']:6.2f} ms"
            f"   max {times['max_ms']:6.2f} ms"
        )


def main() -> None:
    """Measure, print and keep the result."""
    result = asyncio.run(measure())
    show(result)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{result['measured_at'].replace(':', '')}.json"
    path.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    print(f"\nThe same as JSON: bench/results/{path.name}")


if __name__ == "__main__":
    main()
