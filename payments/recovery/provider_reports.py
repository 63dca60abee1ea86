"""The inbox: providers' reports, stored once and recorded by the same function as any other outcome."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from payments.flow.asking import ask_of, read_outcome
from payments.flow.method_outcomes import record_found
from payments.flow.recording import ReportedOutcome, record
from payments.flow.runtime import Flow, timed
from payments.model import instants
from payments.model.entities import Operation, Snapshot
from payments.model.ids import OperationId, ProviderId, new_request_id
from payments.model.limits import PARKED_REPORTS, PARKED_SECONDS, READS_AT_ONCE
from payments.model.outcomes import (
    Declined,
    DisputeFound,
    Finding,
    Moved,
    Outcome,
    Report,
    Reversed,
)
from payments.model.statuses import EventSource, OperationKind, OperationStatus
from payments.ports.provider import (
    NoReports,
    Provider,
    ReadsObjects,
    ReadsSavings,
    RecordsUnreadable,
    ReportRefused,
)
from payments.ports.stored import StoredReport
from payments.ports.transactions import ReadTransaction, Transaction
from payments.recovery.disputes import record_dispute
from payments.recovery.provider_effects import record_effect

log = structlog.get_logger("flow")


async def receive(
    flow: Flow, provider_id: str, headers: Mapping[str, str], body: bytes, *, request_id: str
) -> None:
    """Verify a report, store it once and record its content, in one transaction; raises ReportRefused."""
    provider = flow.providers.get(ProviderId(provider_id))
    if provider is None:
        raise NoReports("No provider has this id.")
    report = provider.read_report(headers, body)
    if report is None:
        return
    stored = StoredReport(
        provider.id,
        report.event_id,
        report.key,
        body,
        flow.store.now(),
        session_id=None if report.effect is None else report.effect.session_id,
        reference=report.reference,
    )

    def work(tx: Transaction) -> Snapshot | None:
        snapshot = _apply(flow, stored, report, request_id, tx) if tx.store_report(stored) else None
        flow.faults.at("during report")
        return snapshot

    flow.faults.at("before report")
    with timed("report", request_id) as facts:
        facts |= {"provider": provider.id, "operation_id": report.key}
        snapshot = await flow.store.transact(work)
        if snapshot is not None:
            facts["collection_id"] = snapshot.collection.id
    flow.faults.at("after report")
    _follow_up(flow, snapshot)
    if snapshot is None:
        # It waits for something, perhaps only for its provider to be read.
        flow.is_report_waiting = True
        flow.due.set()


def _apply(
    flow: Flow, stored: StoredReport, report: Report, request_id: str, tx: Transaction
) -> Snapshot | None:
    """Record a report; one that matches nothing yet stays in the inbox and is tried again. Raises ReportRefused."""
    snapshot: Snapshot | None
    if stored.reference is not None:
        return None
    operation = _operation_of(tx, stored)
    if operation is not None and not _is_about(report, operation):
        raise ReportRefused("The session and the kind of a report are those of its key.")
    if operation is not None and _has_to_be_read_back(operation, report):
        return None
    if report.effect is not None:
        effect = report.effect
        snapshot = record_effect(
            tx, stored.provider_id, effect, schedule=flow.schedule, request_id=request_id
        )
    else:
        if operation is None:
            return None
        reported = ReportedOutcome(report.key, report.outcome, EventSource.WEBHOOK, flow.schedule)
        snapshot = record(tx, reported)
    if snapshot is not None:
        tx.mark_report_applied(stored.provider_id, stored.event_id)
    return snapshot


def _operation_of(tx: ReadTransaction, stored: StoredReport) -> Operation | None:
    operation = tx.operation(stored.operation_id)
    if operation is None:
        id = tx.external_operation(stored.provider_id, stored.operation_id)
        operation = tx.operation(id) if id is not None else None
    is_its_own = operation is not None and operation.provider_id == stored.provider_id
    return operation if is_its_own else None


def _is_about(report: Report, operation: Operation) -> bool:
    """Return whether the session and kind that a report names, if any, belong to its key."""
    is_its_session = report.session_id in (None, operation.session_id)
    return is_its_session and report.kind in (None, operation.kind)


def _has_to_be_read_back(operation: Operation, report: Report) -> bool:
    """Return whether a report says that a succeeded refund failed: it is old, or the provider undid the refund."""
    has_succeeded = operation.status is OperationStatus.SUCCEEDED
    is_refund = operation.kind is OperationKind.REFUND
    return is_refund and has_succeeded and isinstance(report.outcome, Declined)


def _follow_up(flow: Flow, snapshot: Snapshot | None) -> None:
    if snapshot is not None:
        flow.signals.wake(snapshot.collection.id)
        flow.due.set()


async def apply_parked(flow: Flow) -> None:
    """Try again the reports that could not be applied on arrival."""
    since = instants.after(flow.store.now(), -PARKED_SECONDS)
    parked = await flow.store.read(lambda tx: tx.parked_reports(since=since, limit=PARKED_REPORTS))
    about: dict[tuple[ProviderId, str], list[StoredReport]] = {}
    for stored in parked:
        about.setdefault((stored.provider_id, stored.reference or stored.event_id), []).append(
            stored
        )
    at_once = asyncio.Semaphore(READS_AT_ONCE)
    await asyncio.gather(*(_try(flow, at_once, reports) for reports in about.values()))


async def _try(flow: Flow, at_once: asyncio.Semaphore, reports: Sequence[StoredReport]) -> None:
    """Apply the reports about one object."""
    provider = flow.providers.get(reports[0].provider_id)
    if provider is None:
        return
    try:
        async with at_once:
            if reports[0].reference is not None:
                await _read_object(flow, provider, reports[0].reference, reports)
            else:
                await _apply_parked(flow, provider, reports[0])
    except Exception as error:  # noqa: BLE001 - a report that its provider can't read blocks no other one
        event_id = reports[0].event_id
        log.error("report not applied", event_id=event_id, error=type(error).__name__)


async def _read_object(
    flow: Flow, provider: Provider, reference: str, reports: Sequence[StoredReport]
) -> None:
    """Read an object's state and record it; the order and number of its reports make no difference."""
    if isinstance(provider, ReadsSavings) and provider.names_saving(reference):
        await _read_saving(flow, provider, reference, reports)
        return
    assert isinstance(provider, ReadsObjects)
    unread: RecordsUnreadable | None = None
    try:
        findings = await provider.findings(reference)
    except RecordsUnreadable as error:
        if not error.effects:
            raise
        findings, unread = error.effects, error
    request_id = new_request_id()

    def work(tx: Transaction) -> Snapshot | None:
        snapshot = None
        for finding in findings:
            recorded = _record_finding(flow, tx, provider.id, finding, request_id)
            if recorded is None:
                # It belongs to another program on the same account, or follows a restored backup: it has no place here.
                log.warning("finding not placed", provider=provider.id, reference=reference)
            snapshot = recorded or snapshot
        if unread is None:
            for stored in reports:
                tx.mark_report_applied(stored.provider_id, stored.event_id)
        return snapshot

    with timed("report", request_id) as facts:
        facts["provider"] = provider.id
        _follow_up(flow, await flow.store.transact(work))
    if unread is not None:
        raise unread


async def _read_saving(
    flow: Flow, provider: ReadsSavings, reference: str, reports: Sequence[StoredReport]
) -> None:
    """Read a saving's state and record it: the customer's browser may never come back."""
    found = await provider.saving_found(reference)

    def work(tx: Transaction) -> None:
        if found is not None and not record_found(tx, found):
            log.warning("saving not placed", reference=reference)
        for stored in reports:
            tx.mark_report_applied(stored.provider_id, stored.event_id)

    with timed("report", new_request_id()) as facts:
        facts["provider"] = reports[0].provider_id
        await flow.store.transact(work)


def _record_finding(
    flow: Flow, tx: Transaction, id: ProviderId, finding: Finding, request_id: str
) -> Snapshot | None:
    told_by = EventSource.WEBHOOK
    if isinstance(finding, DisputeFound):
        return record_dispute(tx, id, finding, told_by=told_by)
    return record_effect(
        tx, id, finding, schedule=flow.schedule, request_id=request_id, told_by=told_by
    )


async def _apply_parked(flow: Flow, provider: Provider, stored: StoredReport) -> None:
    report = provider.parse_report(stored.body)
    operation = await flow.store.read(lambda tx: _operation_of(tx, stored))
    is_in_doubt = operation is not None and _has_to_be_read_back(operation, report)
    read_back = await _read_back(flow, operation) if operation and is_in_doubt else None

    def work(tx: Transaction) -> Snapshot | None:
        if read_back is None:
            return _apply(flow, stored, report, new_request_id(), tx)
        assert operation is not None
        return _apply_read_back(flow, stored, operation.id, read_back, tx)

    try:
        _follow_up(flow, await flow.store.transact(work))
    except ReportRefused as refused:
        # It arrived before the row that it is about was written, and is not about that row.
        log.error("report refused", event_id=stored.event_id, reason=str(refused))
        await flow.store.transact(
            lambda tx: tx.mark_report_applied(stored.provider_id, stored.event_id)
        )


async def _read_back(flow: Flow, operation: Operation) -> Outcome:
    sessions = await flow.store.read(lambda tx: tx.sessions_of(operation.collection_id))
    session = next(session for session in sessions if session.id == operation.session_id)
    return await read_outcome(flow, session, ask_of(session, operation))


def _apply_read_back(
    flow: Flow, stored: StoredReport, id: OperationId, read_back: Outcome, tx: Transaction
) -> Snapshot | None:
    """Record that a refund was undone once the provider's records confirm it; until then the report waits."""
    snapshot = None
    match read_back:
        case Declined():
            reported = ReportedOutcome(id, Reversed(), EventSource.WEBHOOK, flow.schedule)
            snapshot = record(tx, reported)
        case Moved():
            log.info("old news", operation_id=id, event_id=stored.event_id)
        case _:
            return None
    tx.mark_report_applied(stored.provider_id, stored.event_id)
    return snapshot
