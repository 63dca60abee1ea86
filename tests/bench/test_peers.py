"""The figures of `make bench-peers`, from what was counted."""

import pytest

from bench.peers.report import Ratios, Round
from bench.peers.subjects import node_address
from bench.peers.windows import Finished, TooShort, Used, Window, window_of

BEFORE = Used(at=100.0, server=7.0, postgresql=3.0, generator=1.0)
AFTER = Used(at=110.0, server=12.0, postgresql=4.0, generator=2.5)


def test_a_window_is_its_flows_over_what_was_used_between_its_ends() -> None:
    """Rates are over the window's own length, and processor time is the difference of both readings."""
    short = [Finished(100.0 + number, 100.1 + number) for number in range(10)]
    long = [Finished(100.0 + number, 100.3 + number) for number in range(10)]
    assert window_of([*short, *long], BEFORE, AFTER, resident=68.04) == Window(
        flows=20.0,
        flows_a_second=2.0,
        median_ms=200.0,
        p99_ms=300.0,
        server_cpu_ms_a_flow=250.0,
        postgresql_cpu_ms_a_flow=50.0,
        generator_cpu_share=0.15,
        resident_mb=68.0,
    )


def test_a_flow_at_an_edge_counts_by_its_part() -> None:
    """A half and a quarter are added to the two that lie inside, and those outside add nothing."""
    flows = [
        Finished(90.0, 99.0),
        Finished(99.0, 101.0),
        Finished(101.0, 103.0),
        Finished(103.0, 105.0),
        Finished(109.0, 113.0),
        Finished(111.0, 112.0),
    ]
    assert window_of(flows, BEFORE, AFTER, resident=68.0).flows == 2.8


def test_a_window_of_one_flow_is_too_short() -> None:
    """One flow has no percentiles."""
    with pytest.raises(TooShort, match=r"Only 1 flows ended in a window\."):
        window_of([Finished(100.0, 101.0)], BEFORE, AFTER, resident=68.0)


def test_every_ratio_is_above_one_where_tillgraph_is_ahead() -> None:
    """More flows, and less time, processor time and memory: each round by itself, and the median of the rounds."""
    slow = Window(40, 4.0, 200.0, 400.0, 50.0, 10.0, 0.1, 300.0)
    fast = Window(200, 20.0, 100.0, 100.0, 15.0, 5.0, 0.3, 100.0)
    even = Round(medusa=fast, tillgraph=fast)
    ratios = Ratios.of([Round(medusa=slow, tillgraph=fast), even, even])
    assert ratios.flows_a_second.rounds == [5.0, 1.0, 1.0]
    assert ratios.median.rounds == [2.0, 1.0, 1.0]
    assert ratios.p99.rounds == [4.0, 1.0, 1.0]
    assert ratios.cpu_a_flow.rounds == [3.0, 1.0, 1.0]
    assert ratios.resident_memory.rounds == [3.0, 1.0, 1.0]
    assert ratios.flows_a_second.median == 1.0


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            "postgresql+asyncpg://postgres@/shop?host=/tmp/folder",
            "postgres://postgres@localhost/shop?host=%2Ftmp%2Ffolder",
        ),
        (
            "postgresql+asyncpg://shop:secret@127.0.0.1:5433/shop",
            "postgres://shop:secret@127.0.0.1:5433/shop",
        ),
    ],
)
def test_both_programs_are_given_the_same_postgresql(address: str, expected: str) -> None:
    """A socket's folder stays one, and so does another server's address."""
    assert node_address(address) == expected
