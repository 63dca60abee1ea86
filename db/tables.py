"""The tables. Amounts are minor units, instants are microseconds since 1970 in UTC, JSON is text."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Position = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts rows up only in a column of its own type INTEGER."""


Id = String(64).with_variant(String(64, collation="C"), "postgresql")
"""Ids are in the order of creation, letter by letter, whatever language the database speaks."""


def _id(name: str = "id", **options: object) -> Column[str]:
    return Column(name, Id, **options)  # type: ignore[arg-type]  # Column's own options


def _refers(name: str, target: str, *, nullable: bool = False) -> Column[str]:
    # Deferred: a transaction writes sessions, payments and operations that name each other.
    key = ForeignKey(target, deferrable=True, initially="DEFERRED")
    return Column(name, Id, key, nullable=nullable)


def _minor(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _instant(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _word(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, String(40), nullable=nullable)


def _text(name: str, *, nullable: bool = True) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def _currency() -> Column[str]:
    return Column("currency", String(3), nullable=False)


def _index_where(name: str, *columns: str, condition: str, unique: bool = False) -> Index:
    where = text(condition)
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


def _listed(*columns: str) -> list[Index]:
    """Index a table in the order of its lists, as a whole and for each column that they are narrowed down by."""
    return [Index(None, *columns, "created_at", "id") for columns in ((), *zip(columns))]


payment_collections = Table(
    "payment_collections",
    metadata,
    _id(primary_key=True),
    _word("status"),
    _currency(),
    _minor("amount_minor"),
    _minor("authorized_minor"),
    _minor("captured_minor"),
    _minor("refunded_minor"),
    _text("reference"),
    _text("region_id"),
    _flag("allows_split_payment"),
    _text("metadata", nullable=False),
    Column("secret_version", Integer, nullable=False),
    _instant("secret_ends_at"),
    Column("sequence", BigInteger, nullable=False),
    _instant("canceled_at", nullable=True),
    _instant("completed_at", nullable=True),
    _instant("created_at"),
    _instant("updated_at"),
    Column("account_holder_ids", Text, nullable=False, server_default="[]"),
    Column("failed_attempts", Integer, nullable=False, server_default="0"),
    Column("claims_reference", Boolean, nullable=False, server_default=false()),
    CheckConstraint("amount_minor >= 1", name="amount"),
    CheckConstraint(
        "authorized_minor >= 0 AND captured_minor >= 0 AND refunded_minor >= 0",
        name="sums",
    ),
    *_listed("reference", "region_id", "currency", "status"),
    # Two that are opened at the same moment: the second one is run again, and finds the first.
    _index_where(
        "uq_payment_collections_reference", "reference", condition="claims_reference", unique=True
    ),
)

payment_sessions = Table(
    "payment_sessions",
    metadata,
    _id(primary_key=True),
    _refers("collection_id", "payment_collections.id"),
    _id("provider_id", nullable=False),
    _word("status"),
    _currency(),
    _minor("amount_minor"),
    _text("data", nullable=False),
    _text("client_data", nullable=False),
    _text("metadata", nullable=False),
    _text("return_url"),
    _text("reference"),
    _text("opening_action"),
    _id("opening_id", nullable=True),
    _id("attempt_id", nullable=True),
    _instant("canceled_at", nullable=True),
    _instant("authorized_at", nullable=True),
    _instant("expires_at", nullable=True),
    _instant("created_at"),
    _instant("updated_at"),
    _id("account_holder_id", nullable=True),
    _text("holder_reference"),
    CheckConstraint("amount_minor >= 1", name="amount"),
    Index(None, "collection_id"),
)

payments = Table(
    "payments",
    metadata,
    _id(primary_key=True),
    _refers("collection_id", "payment_collections.id"),
    _refers("session_id", "payment_sessions.id"),
    _id("provider_id", nullable=False),
    _word("status"),
    _currency(),
    _minor("amount_minor"),
    _minor("captured_minor"),
    _minor("refunded_minor"),
    _minor("released_minor"),
    _minor("capture_pending_minor"),
    _minor("refund_pending_minor"),
    _id("cancellation_id", nullable=True),
    Column("capture_count", Integer, nullable=False),
    Column("refund_count", Integer, nullable=False),
    _flag("is_mismatched"),
    _text("reference"),
    _text("paid_with"),
    _text("record", nullable=False),
    _text("metadata", nullable=False),
    _word("cancellation_reason", nullable=True),
    _instant("capture_before", nullable=True),
    _instant("captured_at", nullable=True),
    _instant("canceled_at", nullable=True),
    _instant("created_at"),
    _instant("updated_at"),
    UniqueConstraint("session_id"),
    *_listed("collection_id", "provider_id", "currency", "status"),
    _index_where(
        "ix_payments_lapsing",
        "capture_before",
        condition="capture_before IS NOT NULL AND captured_minor + released_minor < amount_minor",
    ),
    _index_where("ix_payments_mismatched", "id", condition="is_mismatched"),
    CheckConstraint("amount_minor >= 1", name="amount"),
    CheckConstraint(
        "captured_minor >= 0 AND refunded_minor >= 0 AND released_minor >= 0"
        " AND capture_pending_minor >= 0 AND refund_pending_minor >= 0",
        name="not_negative",
    ),
    # What a provider's own dashboard began is a fact even where it passes a limit; such a payment is mismatched.
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
    _id(primary_key=True),
    _word("kind"),
    _word("status"),
    _refers("collection_id", "payment_collections.id"),
    _refers("session_id", "payment_sessions.id"),
    _refers("payment_id", "payments.id", nullable=True),
    _id("provider_id", nullable=False),
    _currency(),
    _minor("amount_minor"),
    _minor("reserved_minor"),
    _flag("releases_rest"),
    _word("reason", nullable=True),
    _text("data", nullable=False),
    _text("action"),
    _word("failure_code", nullable=True),
    _text("decline_code"),
    Column("maximum_minor", BigInteger),
    _word("source"),
    _text("created_by"),
    _text("note"),
    _text("metadata", nullable=False),
    _id("request_id", nullable=False),
    Column("asked_times", Integer, nullable=False),
    Column("unanswered_times", Integer, nullable=False),
    _text("holder"),
    _instant("due_at", nullable=True),
    _instant("created_at"),
    _instant("updated_at"),
    _text("reference"),
    Column("moved_minor", BigInteger),
    Column("provider_key", String(255)),
    Column("absent_times", Integer),
    _instant("absent_since", nullable=True),
    _text("holder_reference"),
    _text("method_reference"),
    _id("refund_reason_id", nullable=True),
    Column("refund_reason_code", String(63)),
    CheckConstraint("amount_minor >= 1 AND reserved_minor >= 0", name="amount"),
    Index(None, "payment_id", "kind"),
    Index(None, "session_id"),
    _index_where("ix_operations_due", "due_at", condition="due_at IS NOT NULL"),
    _index_where("ix_operations_unsettled", "created_at", "id", condition=IN_FLIGHT),
    # What was begun at a provider is recorded once, however many reports tell of it.
    _index_where(
        "uq_operations_begun_there",
        "provider_id",
        "provider_key",
        condition="provider_key IS NOT NULL",
        unique=True,
    ),
    # One attempt of a session and one cancellation of a payment at a time, whatever the code above does.
    _index_where(
        "uq_operations_attempt",
        "session_id",
        condition=f"kind = 'authorize' AND {IN_FLIGHT}",
        unique=True,
    ),
    _index_where(
        "uq_operations_cancellation",
        "payment_id",
        condition=f"kind = 'cancel' AND payment_id IS NOT NULL AND {IN_FLIGHT}",
        unique=True,
    ),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _id("owner", primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    _id("subject_id", nullable=False),
    _text("subject_ids", nullable=False),
    _instant("created_at"),
    Index(None, "subject_id"),
)

disputes = Table(
    "disputes",
    metadata,
    _id(primary_key=True),
    _refers("collection_id", "payment_collections.id"),
    _refers("payment_id", "payments.id"),
    _id("provider_id", nullable=False),
    Column("reference", String(255), nullable=False),
    _word("status"),
    _text("reason", nullable=False),
    _currency(),
    _minor("amount_minor"),
    _instant("respond_before", nullable=True),
    _instant("created_at"),
    _instant("updated_at"),
    Index(None, "payment_id"),
    UniqueConstraint("provider_id", "reference"),
)

account_holders = Table(
    "account_holders",
    metadata,
    _id(primary_key=True),
    _id("provider_id", nullable=False),
    Column("customer_reference", String(500), nullable=False),
    Column("reference", String(255)),
    _text("email"),
    _text("name"),
    _text("metadata", nullable=False),
    _instant("created_at"),
    _instant("updated_at"),
    UniqueConstraint("customer_reference", "provider_id"),
)

payment_methods = Table(
    "payment_methods",
    metadata,
    _id(primary_key=True),
    _refers("holder_id", "account_holders.id"),
    _id("provider_id", nullable=False),
    Column("reference", String(255), nullable=False),
    _text("details", nullable=False),
    _instant("created_at"),
    UniqueConstraint("holder_id", "reference"),
)

method_setups = Table(
    "method_setups",
    metadata,
    _id(primary_key=True),
    _refers("holder_id", "account_holders.id"),
    _text("data", nullable=False),
    Column("reference", String(255)),
    _id("method_id", nullable=True),
    _word("failure_code", nullable=True),
    _text("decline_code"),
    _instant("created_at"),
    _instant("updated_at"),
    Index(None, "holder_id"),
)

refund_reasons = Table(
    "refund_reasons",
    metadata,
    _id(primary_key=True),
    Column("code", String(63), nullable=False),
    _text("label", nullable=False),
    _text("description"),
    _instant("deleted_at", nullable=True),
    _instant("created_at"),
    _index_where("uq_refund_reasons_code", "code", condition="deleted_at IS NULL", unique=True),
)

payment_events = Table(
    "payment_events",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=True),
    _id(nullable=False, unique=True),
    _refers("collection_id", "payment_collections.id"),
    Column("sequence", BigInteger, nullable=False),
    _word("type"),
    _word("source"),
    _instant("occurred_at"),
    Column("amount_minor", BigInteger),
    _currency(),
    _word("failure_code", nullable=True),
    _text("decline_code"),
    _word("collection_status"),
    _word("session_status", nullable=True),
    _word("payment_status", nullable=True),
    _refers("session_id", "payment_sessions.id", nullable=True),
    _refers("payment_id", "payments.id", nullable=True),
    _refers("operation_id", "operations.id", nullable=True),
    _text("evidence"),
    _id("dispute_id", nullable=True),
    UniqueConstraint("collection_id", "sequence"),
    _index_where(
        "ix_payment_events_history", "payment_id", "sequence", condition="payment_id IS NOT NULL"
    ),
    sqlite_autoincrement=True,
)

provider_reports = Table(
    "provider_reports",
    metadata,
    _id("provider_id", primary_key=True),
    Column("event_id", String(255), primary_key=True),
    _id("operation_id", nullable=False),
    Column("body", LargeBinary, nullable=False),
    _instant("received_at"),
    _instant("applied_at", nullable=True),
    _id("session_id", nullable=True),
    Column("reference", String(255)),
    _index_where("ix_provider_reports_parked", "received_at", condition="applied_at IS NULL"),
)

disabled_providers = Table("disabled_providers", metadata, _id("provider_id", primary_key=True))
