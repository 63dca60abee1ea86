"""The benchmark's arithmetic; what it measures is not a test's."""

from bench.compare import Line, compare


def test_two_results_are_compared_by_what_both_have() -> None:
    """Each number of both is a line, named by its path; words, lists and facts about the run are none."""
    first = {
        "measured_at": "2026-11-30T20:00:00+00:00",
        "machine": {"cores": 2},
        "runs": {"sqlite": {"8 clients": {"flows_a_second": 50.0, "database_cpu_ms_a_flow": None}}},
        "memory": {"sqlite": {"idle_mb": 0}},
        "left_out": ["10000 subscriptions"],
    }
    second = {
        "measured_at": "2026-11-30T21:00:00+00:00",
        "machine": {"cores": 4},
        "runs": {"sqlite": {"8 clients": {"flows_a_second": 75.0, "database_cpu_ms_a_flow": 1.5}}},
        "memory": {"sqlite": {"idle_mb": 90}},
        "left_out": [],
    }
    lines, single = compare(first, second)
    assert lines == [
        Line(("runs", "sqlite", "8 clients", "flows_a_second"), 50.0, 75.0),
        Line(("memory", "sqlite", "idle_mb"), 0.0, 90.0),
    ]
    assert [line.ratio for line in lines] == [1.5, None]
    assert single == [("runs", "sqlite", "8 clients", "database_cpu_ms_a_flow")]
