"""The statements of the flow's transactions."""

from sqlalchemy import (
    bindparam,
    delete,
    exists,
    false,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    update,
)

from db.rows import EVENTS
from db.statements.compiled import SESSION_ROWS, IsOneOf, Statement, by, insert_into, update_by_id
from db.statements.log_order import LogPosition
from db.tables import payments as tables
from payments.model.failures import HOLDER_MISSING, FailureCode

_collections = tables.payment_collections
_sessions = tables.payment_sessions
_payments = tables.payments
_operations = tables.operations
_keys = tables.idempotency_keys
_reports = tables.provider_reports
_disabled = tables.disabled_providers
_accounts = tables.gateway_accounts

HAS_NEXT_STEP = text("status IN ('ASKING', 'UNKNOWN', 'PROCESSING', 'ACTION_REQUIRED')")
IN_FLIGHT = text(tables.IN_FLIGHT)

COLLECTION = by(_collections, "id")
LOCK_COLLECTION = Statement(
    select(_collections).where(_collections.c.id == bindparam("id")).with_for_update()
)
SESSIONS_OF = Statement(
    SESSION_ROWS.where(_sessions.c.collection_id == bindparam("collection_id")).order_by(
        _sessions.c.created_at, _sessions.c.id
    )
)
SESSIONS_AT = Statement(
    SESSION_ROWS.where(
        IsOneOf(_sessions.c.provider_id, "providers"),
        _sessions.c.reference.is_not(None),
        _sessions.c.id > bindparam("after"),
        or_(
            _sessions.c.updated_at > bindparam("since"),
            exists(
                select(_payments.c.id).where(
                    _payments.c.collection_id == _sessions.c.collection_id,
                    _payments.c.session_id == _sessions.c.id,
                    _payments.c.captured_minor + _payments.c.released_minor
                    < _payments.c.amount_minor,
                )
            ),
        ),
    )
    .order_by(_sessions.c.id)
    .limit(bindparam("most"))
)
PAYMENTS_OF = by(_payments, "collection_id", _payments.c.created_at, _payments.c.id)
COLLECTION_NAMED = Statement(
    select(_collections.c.id)
    .where(_collections.c.reference == bindparam("reference"), _collections.c.canceled_at.is_(None))
    .limit(1)
)
COLLECTION_OF_SESSION = Statement(
    select(_sessions.c.collection_id).where(_sessions.c.id == bindparam("id"))
)
COLLECTION_OF_PAYMENT = Statement(
    select(_payments.c.collection_id).where(_payments.c.id == bindparam("id"))
)
OPERATION = by(_operations, "id")

INSERT_COLLECTION = insert_into(_collections)
UPDATE_COLLECTION = update_by_id(_collections)
INSERT_SESSION = insert_into(_sessions)
UPDATE_SESSION = update_by_id(_sessions)
INSERT_PAYMENT = insert_into(_payments)
UPDATE_PAYMENT = update_by_id(_payments)
INSERT_OPERATION = insert_into(_operations)
UPDATE_OPERATION = update_by_id(_operations, _operations.c.status == bindparam("expected"))
INSERT_EVENT = Statement(
    insert(tables.payment_events).values(
        {name: bindparam(name) for name in EVENTS.columns if name != "position"}
        | {"position": LogPosition()}
    )
)

DISPUTES_OF = Statement(
    select(tables.disputes)
    .where(tables.disputes.c.payment_id == bindparam("payment_id"))
    .order_by(tables.disputes.c.created_at, tables.disputes.c.id)
)
INSERT_DISPUTE = insert_into(tables.disputes)
UPDATE_DISPUTE = update_by_id(tables.disputes)

_holders = tables.account_holders
_methods = tables.payment_methods
_setups = tables.method_setups

HOLDER = by(_holders, "id")
LOCK_HOLDER = Statement(select(_holders).where(_holders.c.id == bindparam("id")).with_for_update())
HOLDER_OF = Statement(
    select(_holders).where(
        _holders.c.customer_reference == bindparam("customer_reference"),
        _holders.c.provider_id == bindparam("provider_id"),
    )
)
INSERT_HOLDER = insert_into(_holders)
UPDATE_HOLDER = update_by_id(_holders)
DELETE_HOLDER = (
    Statement(delete(_setups).where(_setups.c.holder_id == bindparam("id"))),
    Statement(delete(_methods).where(_methods.c.holder_id == bindparam("id"))),
    Statement(delete(_holders).where(_holders.c.id == bindparam("id"))),
)
METHOD = by(_methods, "id")
METHOD_AT = Statement(
    select(_methods).where(
        _methods.c.holder_id == bindparam("holder_id"),
        _methods.c.reference == bindparam("reference"),
    )
)
INSERT_METHOD = insert_into(_methods)
DELETE_METHOD = Statement(delete(_methods).where(_methods.c.id == bindparam("id")))
FORGET_KEPT = (
    DELETE_HOLDER[1],
    Statement(
        update(_setups)
        .where(
            _setups.c.holder_id == bindparam("id"),
            _setups.c.method_id.is_(None),
            _setups.c.failure_code.is_(None),
        )
        .values(
            failure_code=FailureCode.DECLINED.value,
            decline_code=HOLDER_MISSING,
            updated_at=bindparam("now"),
        )
    ),
)
SETUP = by(_setups, "id")
INSERT_SETUP = insert_into(_setups)
UPDATE_SETUP = update_by_id(_setups)

_reasons = tables.refund_reasons

REFUND_REASONS = Statement(
    select(_reasons).where(_reasons.c.deleted_at.is_(None)).order_by(_reasons.c.id)
)
INSERT_REFUND_REASON = insert_into(_reasons)
UPDATE_REFUND_REASON = update_by_id(_reasons)

KEY = Statement(
    select(_keys).where(_keys.c.owner == bindparam("owner"), _keys.c.key == bindparam("key"))
)
BIND_KEY = insert_into(_keys)
RELEASE_KEY = Statement(delete(_keys).where(_keys.c.subject_id == bindparam("subject_id")))

DISABLED = Statement(select(_disabled.c.provider_id))
DISABLE = insert_into(_disabled)
ENABLE = Statement(delete(_disabled).where(_disabled.c.provider_id == bindparam("provider_id")))

KNOWN_ACCOUNT = Statement(
    select(_accounts.c.account).where(_accounts.c.gateway == bindparam("gateway"))
)
FORGET_ACCOUNT = Statement(delete(_accounts).where(_accounts.c.gateway == bindparam("gateway")))
KNOW_ACCOUNT = insert_into(_accounts)

CLOSING_OF = Statement(
    select(_operations.c.id)
    .where(
        _operations.c.session_id == bindparam("session_id"),
        _operations.c.kind == literal_column("'cancel'"),
        _operations.c.payment_id.is_(None),
    )
    .order_by(_operations.c.id.desc())
    .limit(literal_column("1"))
)

NEWEST_OF = Statement(
    select(_operations.c.id)
    .where(
        _operations.c.session_id == bindparam("session_id"),
        _operations.c.kind == bindparam("kind"),
    )
    .order_by(_operations.c.id.desc())
    .limit(literal_column("1"))
)

UNASKED = Statement(
    select(_operations.c.id)
    .where(
        _operations.c.session_id == bindparam("session_id"),
        _operations.c.kind == bindparam("kind"),
        _operations.c.asked_times == literal_column("0"),
        _operations.c.provider_key.is_(None),
        IN_FLIGHT,
    )
    .order_by(_operations.c.id.desc())
    .limit(literal_column("1"))
)

EXTERNAL_OPERATION = Statement(
    select(_operations.c.id).where(
        _operations.c.provider_id == bindparam("provider_id"),
        _operations.c.provider_key == bindparam("provider_key"),
    )
)

OF_PROVIDERS = IsOneOf(_operations.c.provider_id, "providers")
NEXT_DUE = Statement(
    select(func.min(_operations.c.due_at)).where(_operations.c.due_at.is_not(None), OF_PROVIDERS)
)
CLAIM = Statement(
    update(_operations)
    .where(
        _operations.c.id.in_(
            select(_operations.c.id)
            .where(HAS_NEXT_STEP, OF_PROVIDERS, _operations.c.due_at <= bindparam("now"))
            .order_by(_operations.c.due_at)
            .limit(bindparam("most"))
            # The owner of one of these locks is recording its outcome, or claims it too.
            .with_for_update(skip_locked=True)
        )
    )
    .values(
        holder=bindparam("holder"),
        due_at=bindparam("until"),
        asked_times=_operations.c.asked_times + 1,
    )
    .returning(*_operations.columns)
)
CLAIM_ONE = Statement(
    update(_operations)
    .where(
        _operations.c.id == bindparam("by_id"),
        IN_FLIGHT,
        or_(_operations.c.holder.is_(None), _operations.c.due_at <= bindparam("now")),
    )
    .values(
        holder=bindparam("holder"),
        due_at=bindparam("until"),
        asked_times=_operations.c.asked_times + 1,
    )
    .returning(*_operations.columns)
)
EXPIRED = Statement(
    select(_payments.c.id)
    .where(
        _payments.c.capture_before <= bindparam("now"),
        # As the index has it.
        _payments.c.amount_minor > _payments.c.captured_minor + _payments.c.released_minor,
        _payments.c.capture_pending_minor == literal_column("0"),
        _payments.c.cancellation_id.is_(None),
        _payments.c.cancellation_reason.is_(None),
        _payments.c.is_mismatched.is_(false()),
        # No column, but an expression: SQLite would rather read all of a provider's payments by their index.
        IsOneOf(literal_column("payments.provider_id || ''"), "providers"),
    )
    .order_by(_payments.c.capture_before)
    .limit(bindparam("most"))
)
RENEW = Statement(
    update(_operations)
    .where(_operations.c.id == bindparam("by_id"), _operations.c.holder == bindparam("by_holder"))
    .where(HAS_NEXT_STEP)
    .values(due_at=bindparam("until"))
)

STORED_REPORT = Statement(
    select(_reports.c.event_id).where(
        _reports.c.provider_id == bindparam("provider_id"),
        _reports.c.event_id == bindparam("event_id"),
    )
)
INSERT_REPORT = insert_into(_reports)
PARKED_REPORTS = Statement(
    select(_reports)
    .where(
        _reports.c.applied_at.is_(None),
        _reports.c.received_at > bindparam("since"),
        or_(
            # Its object is read from its provider.
            _reports.c.reference.is_not(None),
            exists(
                select(_operations.c.id).where(
                    _operations.c.id == _reports.c.operation_id,
                    _operations.c.provider_id == _reports.c.provider_id,
                )
            ),
            exists(
                select(_sessions.c.id).where(
                    _sessions.c.id == _reports.c.session_id,
                    _sessions.c.provider_id == _reports.c.provider_id,
                )
            ),
        ),
    )
    .order_by(_reports.c.received_at.desc())
    .limit(bindparam("most"))
)
APPLY_REPORT = Statement(
    update(_reports)
    .where(
        _reports.c.provider_id == bindparam("by_provider"),
        _reports.c.event_id == bindparam("by_event"),
    )
    .values(applied_at=bindparam("now"))
)
