"""`GET /metrics`: what an operator watches, as Prometheus text."""

import time
from collections.abc import Callable

import httpx2
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.support.flow.shop import authorize, capture, open_collection, open_session, pay
from tests.support.program.running import NO_RECOVERY, RunningServer
from tests.support.waiting import until

Labels = tuple[tuple[str, str], ...]


def metrics(server: RunningServer) -> dict[tuple[str, Labels], float]:
    """Read every sample by its name and labels, as a scraper that prefers OpenMetrics does."""
    headers = {"accept": "application/openmetrics-text; version=1.0.0"}
    response = server.client.get("/metrics", headers=headers)
    assert response.status_code == 200, response.text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)  # type: ignore[no-untyped-call]  # the library's own
        for sample in family.samples
    }


def test_a_server_with_nothing_to_do(make_server: Callable[..., RunningServer]) -> None:
    """Nothing is unsettled, parked or mismatched; before its first check nothing is said of the invariants."""
    server = make_server(**NO_RECOVERY).start()
    assert metrics(server) == {
        ("tillgraph_oldest_unsettled_seconds", ()): 0,
        ("tillgraph_parked_reports", ()): 0,
        ("tillgraph_mismatched_payments", ()): 0,
        ("tillgraph_pending_webhooks", ()): 0,
        ("tillgraph_oldest_pending_webhook_seconds", ()): 0,
        ("tillgraph_open_streams", (("subscription", "paymentCollectionUpdates"),)): 0,
        ("tillgraph_open_streams", (("subscription", "paymentEvents"),)): 0,
        ("tillgraph_dropped_log_lines_total", ()): 0,
    }


def test_what_is_unsettled_is_counted(make_server: Callable[..., RunningServer]) -> None:
    """By provider, kind, and whether recovery works on it or an operator has to look; with the age of the oldest."""
    server = make_server(**NO_RECOVERY).start()
    began = time.time()
    for _ in range(2):
        capture(server, pay(server, token="approve,capture=pending")["id"])
    authorize(server, open_session(server, open_collection(server)["id"], "lost_reply")["id"])
    declined = pay(server, token="approve,cancel=decline")
    server.change("cancelPaymentCollection", {"id": declined["paymentCollection"]["id"]})
    found = metrics(server)
    passed_seconds = time.time() - began
    age = found.pop(("tillgraph_oldest_unsettled_seconds", ()))
    assert 0 < age <= passed_seconds
    unsettled = {
        labels: value
        for (name, labels), value in found.items()
        if name == "tillgraph_unsettled_operations"
    }
    assert unsettled == {
        (("kind", "authorize"), ("left_to", "recovery"), ("provider", "sandbox")): 1,
        (("kind", "capture"), ("left_to", "recovery"), ("provider", "sandbox")): 2,
        (("kind", "cancel"), ("left_to", "person"), ("provider", "sandbox")): 1,
    }


def test_what_a_check_finds_is_counted(make_server: Callable[..., RunningServer]) -> None:
    """The rows that break an invariant until they are repaired, and when that was looked for."""
    server = make_server(TILLGRAPH_CHECK_INTERVAL_SECONDS="0.2").start()
    pay(server)
    until(lambda: metrics(server).get(("tillgraph_broken_invariants", ())) == 0)
    server.stop()
    server.rows("UPDATE payments SET captured_minor = 5")
    server.start()
    until(lambda: metrics(server).get(("tillgraph_broken_invariants", ())) == 2)
    until(lambda: ("tillgraph_last_whole_check_timestamp_seconds", ()) in metrics(server))
    found = metrics(server)
    assert found["tillgraph_broken_invariants", ()] == 2
    assert found["tillgraph_last_check_timestamp_seconds", ()] > 1_700_000_000
    assert found["tillgraph_last_whole_check_timestamp_seconds", ()] > 1_700_000_000
    server.rows("UPDATE payments SET captured_minor = 0")
    until(lambda: metrics(server).get(("tillgraph_broken_invariants", ())) == 0)


@pytest.mark.once
def test_prometheus_own_format(open_server: RunningServer) -> None:
    """A scraper that asks for nothing else gets the text format, with its help and type."""
    response = httpx2.get(f"{open_server.url}/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert "# TYPE tillgraph_parked_reports gauge" in response.text.splitlines()
