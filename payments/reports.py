"""The inbox: what providers report, stored once and recorded by the same function as any other outcome."""

import functools
from collections.abc import Mapping

import structlog

from payments import instants
from payments.flow import Flow, timed
from payments.ids import ProviderId
from payments.limits import PARKED_REPORTS
from payments.outcomes import Report
from payments.ports import ReportRefused, Transaction
from payments.recording import Record, record
from payments.records import Snapshot, StoredReport
from payments.statuses import EventSource

log = structlog.get_logger("flow")


async def receive(
    flow: Flow, provider_id: str, headers: Mapping[str, str], body: bytes, *, request_id: str
) -> None:
    """Verify a report, store it once and record what it says, in one transaction; raises ReportRefused."""
    provider = flow.providers.get(ProviderId(provider_id))
    if provider is None:
        raise ReportRefused(404, "No provider has this id.")
    report = provider.read_report(headers, body)
    stored = StoredReport(provider.id, report.event_id, report.key, body, instants.now())

    def work(tx: Transaction) -> Snapshot | None:
        snapshot = _apply(flow, stored, report, tx) if tx.store_report(stored) else None
        flow.rig.reach("during report")
        return snapshot

    flow.rig.reach("before report")
    with timed("report", request_id) as facts:
        facts |= {"provider": provider.id, "operation_id": report.key}
        snapshot = await flow.store.transact(work)
        if snapshot is not None:
            facts["collection_id"] = snapshot.collection.id
    flow.rig.reach("after report")
    _follow_up(flow, snapshot)


def _apply(flow: Flow, stored: StoredReport, report: Report, tx: Transaction) -> Snapshot | None:
    """Record a report; one that matches nothing yet stays in the inbox and is tried again."""
    operation = tx.operation(report.key)
    if operation is None or operation.provider_id != stored.provider_id:
        return None
    first_step_seconds = flow.settings.recovery_interval_seconds
    news = Record(report.key, report.outcome, EventSource.WEBHOOK, first_step_seconds)
    snapshot = record(tx, news)
    tx.mark_report_applied(stored.provider_id, stored.event_id)
    return snapshot


def _follow_up(flow: Flow, snapshot: Snapshot | None) -> None:
    if snapshot is not None:
        flow.signals.wake(snapshot.collection.id)
        flow.due.set()


async def apply_parked(flow: Flow) -> None:
    """Try again the reports that matched nothing when they came and match something by now."""
    for stored in await flow.store.read(lambda tx: tx.parked_reports(limit=PARKED_REPORTS)):
        provider = flow.providers.get(stored.provider_id)
        if provider is None:
            continue
        try:
            work = functools.partial(_apply, flow, stored, provider.parse_report(stored.body))
            _follow_up(flow, await flow.store.transact(work))
        except Exception as error:  # noqa: BLE001 - one that its provider can't read holds no other one up
            log.error("report not applied", event_id=stored.event_id, error=type(error).__name__)
