"""The tables. Amounts are minor units, instants are microseconds since 1970 in UTC, JSON is text."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from db.tables import columns, webhooks
from db.tables.columns import (
    Position,
    currency,
    flag,
    free_text,
    id_column,
    index_where,
    instant,
    listed,
    minor,
    refers,
    word,
)

Id = columns.Id
metadata = columns.metadata

webhook_endpoints = webhooks.webhook_endpoints
webhook_deliveries = webhooks.webhook_deliveries
webhook_lanes = webhooks.webhook_lanes

payment_collections = Table(
    "payment_collections",
    metadata,
    id_column(primary_key=True),
    word("status"),
    currency(),
    minor("amount_minor"),
    minor("authorized_minor"),
    minor("captured_minor"),
    minor("refunded_minor"),
    free_text("reference"),
    free_text("region_id"),
    flag("allows_split_payment"),
    free_text("metadata", nullable=False),
    Column("secret_version", Integer, nullable=False),
    instant("secret_ends_at"),
    Column("sequence", BigInteger, nullable=False),
    instant("canceled_at", nullable=True),
    instant("completed_at", nullable=True),
    instant("created_at"),
    instant("updated_at"),
    Column("account_holder_ids", Text, nullable=False, server_default="[]"),
    Column("failed_attempts", Integer, nullable=False, server_default="0"),
    Column("claims_reference", Boolean, nullable=False, server_default=false()),
    CheckConstraint("amount_minor >= 1", name="amount"),
    CheckConstraint(
        "authorized_minor >= 0 AND captured_minor >= 0 AND refunded_minor >= 0",
        name="sums",
    ),
    *listed("reference", "region_id", "currency", "status"),
    # Of two opened at the same moment, the second is run again and finds the first.
    index_where(
        "uq_payment_collections_reference", "reference", condition="claims_reference", unique=True
    ),
)

payment_sessions = Table(
    "payment_sessions",
    metadata,
    id_column(primary_key=True),
    refers("collection_id", "payment_collections.id"),
    id_column("provider_id", nullable=False),
    word("status"),
    currency(),
    minor("amount_minor"),
    free_text("data", nullable=False),
    free_text("client_data", nullable=False),
    free_text("metadata", nullable=False),
    free_text("return_url"),
    free_text("reference"),
    free_text("opening_action"),
    id_column("opening_id", nullable=True),
    id_column("attempt_id", nullable=True),
    instant("canceled_at", nullable=True),
    instant("authorized_at", nullable=True),
    instant("expires_at", nullable=True),
    instant("created_at"),
    instant("updated_at"),
    id_column("account_holder_id", nullable=True),
    free_text("holder_reference"),
    CheckConstraint("amount_minor >= 1", name="amount"),
    Index(None, "collection_id"),
)

MISMATCHED = "is_mismatched"
IS_MISMATCHED = text(MISMATCHED)
"""As the index has it: `is_mismatched IS true` and `is_mismatched = 1` make both databases read the whole table."""

payments = Table(
    "payments",
    metadata,
    id_column(primary_key=True),
    refers("collection_id", "payment_collections.id"),
    refers("session_id", "payment_sessions.id"),
    id_column("provider_id", nullable=False),
    word("status"),
    currency(),
    minor("amount_minor"),
    minor("captured_minor"),
    minor("refunded_minor"),
    minor("released_minor"),
    minor("capture_pending_minor"),
    minor("refund_pending_minor"),
    id_column("cancellation_id", nullable=True),
    Column("capture_count", Integer, nullable=False),
    Column("refund_count", Integer, nullable=False),
    flag("is_mismatched"),
    free_text("reference"),
    free_text("paid_with"),
    free_text("record", nullable=False),
    free_text("metadata", nullable=False),
    word("cancellation_reason", nullable=True),
    instant("capture_before", nullable=True),
    instant("captured_at", nullable=True),
    instant("canceled_at", nullable=True),
    instant("created_at"),
    instant("updated_at"),
    minor("disputed_minor"),
    flag("has_refunds_blocked"),
    UniqueConstraint("session_id"),
    *listed("collection_id", "provider_id", "currency", "status"),
    # Of a status that no payment of the provider has, the index of either alone would be read to its end.
    Index(None, "provider_id", "status", "created_at", "id"),
    index_where(
        "ix_payments_lapsing",
        "capture_before",
        # Written in this order: SQLite turns a sum on the left round, and then finds the index no more.
        condition="capture_before IS NOT NULL AND amount_minor > captured_minor + released_minor",
    ),
    index_where("ix_payments_mismatched", "id", condition=MISMATCHED),
    # A provider that authorizes another currency makes a payment of zero.
    CheckConstraint("amount_minor >= 1 OR (amount_minor = 0 AND is_mismatched)", name="amount"),
    CheckConstraint(
        "captured_minor >= 0 AND refunded_minor >= 0 AND released_minor >= 0"
        " AND capture_pending_minor >= 0 AND refund_pending_minor >= 0",
        name="not_negative",
    ),
    # An external operation is a fact even beyond a limit; such a payment is mismatched.
    CheckConstraint(
        "is_mismatched OR captured_minor + capture_pending_minor + released_minor <= amount_minor",
        name="captured",
    ),
    CheckConstraint(
        "is_mismatched OR refunded_minor + refund_pending_minor <= captured_minor",
        name="refunded",
    ),
)

IN_FLIGHT = "status IN ('ASKING', 'UNKNOWN', 'PROCESSING')"

operations = Table(
    "operations",
    metadata,
    id_column(primary_key=True),
    word("kind"),
    word("status"),
    refers("collection_id", "payment_collections.id"),
    refers("session_id", "payment_sessions.id"),
    refers("payment_id", "payments.id", nullable=True),
    id_column("provider_id", nullable=False),
    currency(),
    minor("amount_minor"),
    minor("reserved_minor"),
    flag("releases_rest"),
    word("reason", nullable=True),
    free_text("data", nullable=False),
    free_text("action"),
    word("failure_code", nullable=True),
    free_text("decline_code"),
    Column("maximum_minor", BigInteger),
    word("source"),
    free_text("created_by"),
    free_text("note"),
    free_text("metadata", nullable=False),
    id_column("request_id", nullable=False),
    Column("asked_times", Integer, nullable=False),
    Column("unanswered_times", Integer, nullable=False),
    free_text("holder"),
    instant("due_at", nullable=True),
    instant("created_at"),
    instant("updated_at"),
    free_text("reference"),
    Column("moved_minor", BigInteger),
    Column("provider_key", String(255)),
    Column("absent_times", Integer),
    instant("absent_since", nullable=True),
    free_text("holder_reference"),
    free_text("method_reference"),
    id_column("refund_reason_id", nullable=True),
    Column("refund_reason_code", String(63)),
    CheckConstraint("amount_minor >= 1 AND reserved_minor >= 0", name="amount"),
    Index(None, "payment_id", "kind"),
    Index(None, "session_id"),
    index_where("ix_operations_due", "due_at", condition="due_at IS NOT NULL"),
    index_where("ix_operations_unsettled", "created_at", "id", condition=IN_FLIGHT),
    # An external operation is recorded once, however many reports describe it.
    index_where(
        "uq_operations_begun_there",
        "provider_id",
        "provider_key",
        condition="provider_key IS NOT NULL",
        unique=True,
    ),
    # One attempt of a session and one cancellation of a payment at a time, whatever the code above does.
    index_where(
        "uq_operations_attempt",
        "session_id",
        condition=f"kind = 'authorize' AND {IN_FLIGHT}",
        unique=True,
    ),
    index_where(
        "uq_operations_cancellation",
        "payment_id",
        condition=f"kind = 'cancel' AND payment_id IS NOT NULL AND {IN_FLIGHT}",
        unique=True,
    ),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    id_column("owner", primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    id_column("subject_id", nullable=False),
    free_text("subject_ids", nullable=False),
    instant("created_at"),
    Index(None, "subject_id"),
)

disputes = Table(
    "disputes",
    metadata,
    id_column(primary_key=True),
    refers("collection_id", "payment_collections.id"),
    refers("payment_id", "payments.id"),
    id_column("provider_id", nullable=False),
    Column("reference", String(255), nullable=False),
    word("status"),
    free_text("reason", nullable=False),
    currency(),
    minor("amount_minor"),
    instant("respond_before", nullable=True),
    instant("created_at"),
    instant("updated_at"),
    flag("takes_money"),
    flag("blocks_refunds"),
    Index(None, "payment_id"),
    UniqueConstraint("provider_id", "reference"),
)

account_holders = Table(
    "account_holders",
    metadata,
    id_column(primary_key=True),
    id_column("provider_id", nullable=False),
    Column("customer_reference", String(500), nullable=False),
    Column("reference", String(255)),
    free_text("email"),
    free_text("name"),
    free_text("metadata", nullable=False),
    instant("created_at"),
    instant("updated_at"),
    UniqueConstraint("customer_reference", "provider_id"),
)

payment_methods = Table(
    "payment_methods",
    metadata,
    id_column(primary_key=True),
    refers("holder_id", "account_holders.id"),
    id_column("provider_id", nullable=False),
    Column("reference", String(255), nullable=False),
    free_text("details", nullable=False),
    instant("created_at"),
    UniqueConstraint("holder_id", "reference"),
)

method_setups = Table(
    "method_setups",
    metadata,
    id_column(primary_key=True),
    refers("holder_id", "account_holders.id"),
    free_text("data", nullable=False),
    Column("reference", String(255)),
    id_column("method_id", nullable=True),
    word("failure_code", nullable=True),
    free_text("decline_code"),
    instant("created_at"),
    instant("updated_at"),
    Index(None, "holder_id"),
)

refund_reasons = Table(
    "refund_reasons",
    metadata,
    id_column(primary_key=True),
    Column("code", String(63), nullable=False),
    free_text("label", nullable=False),
    free_text("description"),
    instant("deleted_at", nullable=True),
    instant("created_at"),
    index_where("uq_refund_reasons_code", "code", condition="deleted_at IS NULL", unique=True),
)

payment_events = Table(
    "payment_events",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=True),
    id_column(nullable=False, unique=True),
    refers("collection_id", "payment_collections.id"),
    Column("sequence", BigInteger, nullable=False),
    word("type"),
    word("source"),
    instant("occurred_at"),
    Column("amount_minor", BigInteger),
    currency(),
    word("failure_code", nullable=True),
    free_text("decline_code"),
    word("collection_status"),
    word("session_status", nullable=True),
    word("payment_status", nullable=True),
    refers("session_id", "payment_sessions.id", nullable=True),
    refers("payment_id", "payments.id", nullable=True),
    refers("operation_id", "operations.id", nullable=True),
    free_text("evidence"),
    id_column("dispute_id", nullable=True),
    UniqueConstraint("collection_id", "sequence"),
    index_where(
        "ix_payment_events_history", "payment_id", "sequence", condition="payment_id IS NOT NULL"
    ),
    sqlite_autoincrement=True,
)

provider_reports = Table(
    "provider_reports",
    metadata,
    id_column("provider_id", primary_key=True),
    Column("event_id", String(255), primary_key=True),
    id_column("operation_id", nullable=False),
    Column("body", LargeBinary, nullable=False),
    instant("received_at"),
    instant("applied_at", nullable=True),
    id_column("session_id", nullable=True),
    Column("reference", String(255)),
    index_where("ix_provider_reports_parked", "received_at", condition="applied_at IS NULL"),
)

disabled_providers = Table(
    "disabled_providers", metadata, id_column("provider_id", primary_key=True)
)

gateway_accounts = Table(
    "gateway_accounts",
    metadata,
    id_column("gateway", primary_key=True),
    Column("account", String(255), nullable=False),
    instant("known_since"),
)
