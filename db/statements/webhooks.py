"""The statements of webhooks: built once, compiled once for each dialect."""

from typing import Any

from sqlalchemy import bindparam, delete, exists, func, literal_column, select, update

from db.rows import EVENT_COLUMNS
from db.statements.compiled import IsOneOf, Statement, by, insert_into, update_by_id
from db.statements.log_order import IsBelowHorizon, LogEnd
from db.tables.payments import payment_events as _events
from db.tables.webhooks import webhook_deliveries as _deliveries
from db.tables.webhooks import webhook_endpoints as _endpoints
from db.tables.webhooks import webhook_lanes as _lanes

ALL_ENDPOINTS = Statement(select(_endpoints).order_by(_endpoints.c.id))
LOCK_ENDPOINTS = Statement(select(_endpoints).order_by(_endpoints.c.id).with_for_update())
ENDPOINT = by(_endpoints, "id")
LOCK_ENDPOINT = Statement(
    select(_endpoints).where(_endpoints.c.id == bindparam("id")).with_for_update()
)
COUNT_ENDPOINTS = Statement(select(func.count()).select_from(_endpoints))
ENDPOINTS_BY_ID = Statement(select(_endpoints).where(IsOneOf(_endpoints.c.id, "ids")))
INSERT_ENDPOINT = insert_into(_endpoints)
UPDATE_ENDPOINT = update_by_id(_endpoints)
DELETE_ENDPOINT = tuple(
    Statement(delete(table).where(table.c[column] == bindparam("by_id")))
    for table, column in (
        (_lanes, "endpoint_id"),
        (_deliveries, "endpoint_id"),
        (_endpoints, "id"),
    )
)
END_OF_LOG = Statement(select(LogEnd()))
EVENTS_BEHIND = Statement(
    select(*EVENT_COLUMNS)
    .where(IsOneOf(_events.c.collection_id, "ids"), _events.c.position > bindparam("after"))
    .order_by(_events.c.position)
)
MISSED = Statement(
    select(*EVENT_COLUMNS)
    .where(
        # Ids sort by time.
        _events.c.id >= bindparam("first_id"),
        _events.c.position <= bindparam("position"),
        IsOneOf(_events.c.type, "types"),
        ~exists(
            select(_deliveries.c.id).where(
                _deliveries.c.endpoint_id == bindparam("endpoint_id"),
                _deliveries.c.event_id == _events.c.id,
            )
        ),
    )
    .order_by(_events.c.id)
    .limit(bindparam("most"))
)

DELIVERY = by(_deliveries, "id")
DELIVERIES_BY_ID = Statement(select(_deliveries).where(IsOneOf(_deliveries.c.id, "ids")))
INSERT_DELIVERY = insert_into(_deliveries)
UPDATE_DELIVERY = update_by_id(_deliveries)
FED = Statement(
    select(_deliveries.c.event_id).where(
        _deliveries.c.endpoint_id == bindparam("endpoint_id"),
        IsOneOf(_deliveries.c.event_id, "ids"),
    )
)
FIRST_OF_LANE = Statement(
    select(_deliveries)
    .where(
        _deliveries.c.endpoint_id == bindparam("endpoint_id"),
        _deliveries.c.lane == bindparam("lane"),
        _deliveries.c.status == literal_column("'PENDING'"),
    )
    .order_by(_deliveries.c.sequence)
    .limit(literal_column("1"))
)
FAILED_SINCE = Statement(
    select(_deliveries)
    .where(
        _deliveries.c.endpoint_id == bindparam("endpoint_id"),
        _deliveries.c.status == literal_column("'FAILED'"),
        _deliveries.c.created_at >= bindparam("since"),
    )
    .order_by(_deliveries.c.position)
    .limit(bindparam("most"))
)


def _page(*conditions: Any) -> Statement:
    return Statement(
        select(_deliveries)
        .where(
            _deliveries.c.endpoint_id == bindparam("endpoint_id"),
            *conditions,
            _deliveries.c.position < bindparam("before"),
        )
        .order_by(_deliveries.c.position.desc())
        .limit(bindparam("most"))
    )


PAGE = _page()
PAGE_OF_STATUS = _page(_deliveries.c.status == bindparam("status"))
CLEAR = Statement(
    delete(_deliveries).where(
        _deliveries.c.id.in_(
            select(_deliveries.c.id)
            .where(
                _deliveries.c.ended_at.is_not(None), _deliveries.c.ended_at < bindparam("before")
            )
            .order_by(_deliveries.c.ended_at)
            .limit(bindparam("most"))
        ),
        # Checked again after a lock: it may be pending once more.
        _deliveries.c.ended_at < bindparam("before"),
    )
)

OF_LANE = (
    _lanes.c.endpoint_id == bindparam("by_endpoint"),
    _lanes.c.lane == bindparam("by_lane"),
)
LOCK_LANE = Statement(select(_lanes.c.holder).where(*OF_LANE).with_for_update())
INSERT_LANE = insert_into(_lanes)
SET_LANE = Statement(
    update(_lanes).where(*OF_LANE).values(due_at=bindparam("due_at"), holder=bindparam("holder"))
)
HURRY_LANES = Statement(
    update(_lanes)
    .where(_lanes.c.endpoint_id == bindparam("by_endpoint"), _lanes.c.holder.is_(None))
    .values(due_at=bindparam("now"))
)
DELETE_LANE = Statement(delete(_lanes).where(*OF_LANE))
_due = (
    select(_lanes.c.lane)
    .where(
        _lanes.c.endpoint_id == bindparam("by_endpoint"),
        _lanes.c.due_at <= bindparam("now"),
    )
    .order_by(_lanes.c.due_at)
    .limit(bindparam("most"))
    # The owner of one of these locks is recording an attempt, or claims it too.
    .with_for_update(skip_locked=True)
    # A statement of its own: a subquery could run for each row, and claim as many each time.
    .cte("due")
)
CLAIM_LANES = Statement(
    update(_lanes)
    .where(
        _lanes.c.endpoint_id == bindparam("by_endpoint"),
        _lanes.c.lane.in_(select(_due.c.lane)),
    )
    .values(holder=bindparam("holder"), due_at=bindparam("until"))
    .returning(_lanes.c.lane)
)
STATES = Statement(
    select(
        _endpoints.c.id,
        select(func.min(_lanes.c.due_at))
        .where(_lanes.c.endpoint_id == _endpoints.c.id)
        .scalar_subquery(),
        _endpoints.c.position
        < select(func.coalesce(func.max(_events.c.position), literal_column("0")))
        .where(IsBelowHorizon(_events.c.position))
        .scalar_subquery(),
    ).where(_endpoints.c.is_enabled)
)
