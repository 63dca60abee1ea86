"""`GET /metrics`: the operator's figures, as Prometheus text.

They are the same at each process on one database, except for those that are described as of one process.
"""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from payments.model.errors import StoreFailed
from payments.model.instants import SECOND, Instant
from payments.ports.figures import Counting, Figures, OpenStreams
from payments.ports.provider import HasAccount
from payments.recovery.invariant_checks import LastCheck


class _Shown:
    """Figures that were already read; the library requests them while it writes."""

    def __init__(
        self,
        figures: Figures,
        last_check: LastCheck,
        streams: OpenStreams,
        accounts: Sequence[HasAccount],
        dropped_lines: int,
    ) -> None:
        self._accounts = accounts
        self._figures = figures
        self._last_check = last_check
        self._streams = streams
        self._dropped_lines = dropped_lines

    def collect(self) -> Iterator[Metric]:
        """Return each metric."""
        figures = self._figures
        unsettled = GaugeMetricFamily(
            "tillgraph_unsettled_operations",
            "Operations whose outcome is not known; left_to is recovery or person.",
            labels=("provider", "kind", "left_to"),
        )
        for one in figures.unsettled:
            left_to = "person" if one.is_left_to_operator else "recovery"
            unsettled.add_metric((one.provider_id, one.kind.value, left_to), one.operations)
        yield unsettled
        yield GaugeMetricFamily(
            "tillgraph_oldest_unsettled_seconds",
            "Age of the oldest of them; 0 where there is none.",
            _age(figures.oldest_unsettled_at, figures.read_at),
        )
        yield self._misconfigured()
        yield GaugeMetricFamily(
            "tillgraph_parked_reports",
            "Providers' reports of the last five days that match nothing here.",
            figures.parked_reports,
        )
        yield GaugeMetricFamily(
            "tillgraph_mismatched_payments",
            "Payments whose provider moved another amount than was requested; an operator has to look.",
            figures.mismatched_payments,
        )
        yield GaugeMetricFamily(
            "tillgraph_pending_webhooks",
            "Events that an enabled endpoint has not accepted yet.",
            figures.pending_webhooks,
        )
        yield GaugeMetricFamily(
            "tillgraph_oldest_pending_webhook_seconds",
            "Age of the oldest of them; 0 where there is none.",
            _age(figures.oldest_pending_webhook_at, figures.read_at),
        )
        yield self._open_streams()
        yield CounterMetricFamily(
            "tillgraph_dropped_log_lines",
            "Lines of this process's log that could not be written.",
            self._dropped_lines,
        )
        yield from self._checked()

    def _checked(self) -> Iterator[Metric]:
        if self._last_check.ended_at is not None:
            yield GaugeMetricFamily(
                "tillgraph_broken_invariants",
                "Rows that break an invariant, as the checks of this process know them.",
                self._last_check.broken,
            )
            yield GaugeMetricFamily(
                "tillgraph_last_check_timestamp_seconds",
                "When that check ended, in Unix time.",
                self._last_check.ended_at / SECOND,
            )
        if self._last_check.whole_ended_at is not None:
            yield GaugeMetricFamily(
                "tillgraph_last_whole_check_timestamp_seconds",
                "When this process last ended a check of every row, in Unix time.",
                self._last_check.whole_ended_at / SECOND,
            )

    def _misconfigured(self) -> GaugeMetricFamily:
        found = GaugeMetricFamily(
            "tillgraph_provider_misconfigured",
            "1 if a gateway refuses this process's key, or the key belongs to another account.",
            labels=("provider",),
        )
        for one in self._accounts:
            found.add_metric((one.gateway,), one.account.is_misconfigured)
        return found

    def _open_streams(self) -> GaugeMetricFamily:
        shown = GaugeMetricFamily(
            "tillgraph_open_streams",
            "Subscriptions of this process that follow the log.",
            labels=("subscription",),
        )
        shown.add_metric(("paymentCollectionUpdates",), self._streams.of_collections)
        shown.add_metric(("paymentEvents",), self._streams.of_everything)
        return shown


def _age(since: Instant | None, now: Instant) -> float:
    return 0 if since is None else (now - since) / SECOND


def metrics_route(
    counting: Counting,
    last_check: LastCheck,
    streams: OpenStreams,
    accounts: Sequence[HasAccount],
    dropped_lines: Callable[[], int],
) -> Route:
    """Return the route."""

    async def show(request: Request) -> Response:
        try:
            figures = await counting.figures()
        except StoreFailed as busy:
            return Response(f"{busy}\n", 503, {"retry-after": "1"}, "text/plain")
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Shown(figures, last_check, streams, accounts, dropped_lines()))
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        headers = {"content-type": content_type, "cache-control": "no-store"}
        return Response(encode(registry), headers=headers)

    return Route("/metrics", show, methods=["GET"])
