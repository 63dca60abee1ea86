"""The flow's tables.

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")


def upgrade() -> None:
    """Bring a database to this revision."""
    op.create_table(
        "disabled_providers",
        sa.Column("provider_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_disabled_providers")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("owner", ID, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("subject_id", ID, nullable=False),
        sa.Column("subject_ids", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name=op.f("pk_idempotency_keys")),
    )
    with op.batch_alter_table("idempotency_keys", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_idempotency_keys_subject_id"), ["subject_id"], unique=False
        )

    op.create_table(
        "payment_collections",
        sa.Column("id", ID, nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("authorized_minor", sa.BigInteger(), nullable=False),
        sa.Column("captured_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("region_id", sa.Text(), nullable=True),
        sa.Column("allows_split_payment", sa.Boolean(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("secret_version", sa.Integer(), nullable=False),
        sa.Column("secret_ends_at", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("canceled_at", sa.BigInteger(), nullable=True),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor >= 1", name=op.f("ck_payment_collections_amount")),
        sa.CheckConstraint(
            "authorized_minor >= 0 AND captured_minor >= 0 AND refunded_minor >= 0",
            name=op.f("ck_payment_collections_sums"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_collections")),
    )
    op.create_table(
        "provider_reports",
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("operation_id", ID, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("provider_id", "event_id", name=op.f("pk_provider_reports")),
    )
    with op.batch_alter_table("provider_reports", schema=None) as batch_op:
        batch_op.create_index(
            "ix_provider_reports_parked",
            ["received_at"],
            unique=False,
            sqlite_where=sa.text("applied_at IS NULL"),
            postgresql_where=sa.text("applied_at IS NULL"),
        )

    op.create_table(
        "payment_sessions",
        sa.Column("id", ID, nullable=False),
        sa.Column("collection_id", ID, nullable=False),
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("client_data", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("return_url", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("opening_action", sa.Text(), nullable=True),
        sa.Column("opening_id", ID, nullable=True),
        sa.Column("attempt_id", ID, nullable=True),
        sa.Column("canceled_at", sa.BigInteger(), nullable=True),
        sa.Column("authorized_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor >= 1", name=op.f("ck_payment_sessions_amount")),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["payment_collections.id"],
            name=op.f("fk_payment_sessions_collection_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_sessions")),
    )
    with op.batch_alter_table("payment_sessions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_payment_sessions_collection_id"), ["collection_id"], unique=False
        )

    op.create_table(
        "payments",
        sa.Column("id", ID, nullable=False),
        sa.Column("collection_id", ID, nullable=False),
        sa.Column("session_id", ID, nullable=False),
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("captured_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("released_minor", sa.BigInteger(), nullable=False),
        sa.Column("capture_pending_minor", sa.BigInteger(), nullable=False),
        sa.Column("refund_pending_minor", sa.BigInteger(), nullable=False),
        sa.Column("cancellation_id", ID, nullable=True),
        sa.Column("capture_count", sa.Integer(), nullable=False),
        sa.Column("refund_count", sa.Integer(), nullable=False),
        sa.Column("is_mismatched", sa.Boolean(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("paid_with", sa.Text(), nullable=True),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("cancellation_reason", sa.String(length=40), nullable=True),
        sa.Column("capture_before", sa.BigInteger(), nullable=True),
        sa.Column("captured_at", sa.BigInteger(), nullable=True),
        sa.Column("canceled_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor >= 1", name=op.f("ck_payments_amount")),
        sa.CheckConstraint(
            "captured_minor >= 0 AND refunded_minor >= 0 AND released_minor >= 0"
            " AND capture_pending_minor >= 0 AND refund_pending_minor >= 0",
            name=op.f("ck_payments_not_negative"),
        ),
        sa.CheckConstraint(
            "is_mismatched OR captured_minor + capture_pending_minor + released_minor <= amount_minor",
            name=op.f("ck_payments_captured"),
        ),
        sa.CheckConstraint(
            "is_mismatched OR refunded_minor + refund_pending_minor <= captured_minor",
            name=op.f("ck_payments_refunded"),
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["payment_collections.id"],
            name=op.f("fk_payments_collection_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["payment_sessions.id"],
            name=op.f("fk_payments_session_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("session_id", name=op.f("uq_payments_session_id")),
    )
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_payments_collection_id"), ["collection_id"], unique=False
        )

    op.create_table(
        "operations",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("collection_id", ID, nullable=False),
        sa.Column("session_id", ID, nullable=False),
        sa.Column("payment_id", ID, nullable=True),
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reserved_minor", sa.BigInteger(), nullable=False),
        sa.Column("releases_rest", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=True),
        sa.Column("failure_code", sa.String(length=40), nullable=True),
        sa.Column("decline_code", sa.Text(), nullable=True),
        sa.Column("maximum_minor", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("request_id", ID, nullable=False),
        sa.Column("asked_times", sa.Integer(), nullable=False),
        sa.Column("unanswered_times", sa.Integer(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "amount_minor >= 1 AND reserved_minor >= 0", name=op.f("ck_operations_amount")
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["payment_collections.id"],
            name=op.f("fk_operations_collection_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"],
            ["payments.id"],
            name=op.f("fk_operations_payment_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["payment_sessions.id"],
            name=op.f("fk_operations_session_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operations")),
    )
    with op.batch_alter_table("operations", schema=None) as batch_op:
        batch_op.create_index(
            "ix_operations_due",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("status IN ('ASKING', 'UNKNOWN', 'PROCESSING')"),
            postgresql_where=sa.text("status IN ('ASKING', 'UNKNOWN', 'PROCESSING')"),
        )
        batch_op.create_index(
            batch_op.f("ix_operations_payment_id_kind"), ["payment_id", "kind"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_operations_session_id"), ["session_id"], unique=False)
        batch_op.create_index(
            "uq_operations_attempt",
            ["session_id"],
            unique=True,
            sqlite_where=sa.text(
                "kind = 'authorize' AND status IN ('ASKING', 'UNKNOWN', 'PROCESSING')"
            ),
            postgresql_where=sa.text(
                "kind = 'authorize' AND status IN ('ASKING', 'UNKNOWN', 'PROCESSING')"
            ),
        )
        batch_op.create_index(
            "uq_operations_cancellation",
            ["payment_id"],
            unique=True,
            sqlite_where=sa.text(
                "kind = 'cancel' AND payment_id IS NOT NULL AND status IN ('ASKING', 'UNKNOWN', 'PROCESSING')"
            ),
            postgresql_where=sa.text(
                "kind = 'cancel' AND payment_id IS NOT NULL AND status IN ('ASKING', 'UNKNOWN', 'PROCESSING')"
            ),
        )

    op.create_table(
        "payment_events",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", ID, nullable=False),
        sa.Column("collection_id", ID, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("failure_code", sa.String(length=40), nullable=True),
        sa.Column("decline_code", sa.Text(), nullable=True),
        sa.Column("collection_status", sa.String(length=40), nullable=False),
        sa.Column("session_status", sa.String(length=40), nullable=True),
        sa.Column("payment_status", sa.String(length=40), nullable=True),
        sa.Column("session_id", ID, nullable=True),
        sa.Column("payment_id", ID, nullable=True),
        sa.Column("operation_id", ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["payment_collections.id"],
            name=op.f("fk_payment_events_collection_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["operation_id"],
            ["operations.id"],
            name=op.f("fk_payment_events_operation_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"],
            ["payments.id"],
            name=op.f("fk_payment_events_payment_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["payment_sessions.id"],
            name=op.f("fk_payment_events_session_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_payment_events")),
        sa.UniqueConstraint(
            "collection_id", "sequence", name=op.f("uq_payment_events_collection_id_sequence")
        ),
        sa.UniqueConstraint("id", name=op.f("uq_payment_events_id")),
        sqlite_autoincrement=True,
    )
    if op.get_bind().dialect.name == "postgresql":
        _number_the_log()
        _refuse_changes_of_the_log_on_postgresql()
    else:
        _refuse_changes_of_the_log_on_sqlite()


def _number_the_log() -> None:
    """Let the program assign positions, derived from the transaction's number; see db/statements/log_order.py."""
    op.execute("ALTER TABLE payment_events ALTER COLUMN position DROP DEFAULT")
    op.execute("DROP SEQUENCE payment_events_position_seq")
    op.execute("CREATE SEQUENCE payment_events_epoch MINVALUE 0 START 0")


def _refuse_changes_of_the_log_on_postgresql() -> None:
    """Keep the log append-only in the database itself, whatever a program or an operator tries."""
    op.execute(
        "CREATE FUNCTION refuse_change_of_the_log() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the log is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER payment_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE"
        " ON payment_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_the_log()"
    )


def _refuse_changes_of_the_log_on_sqlite() -> None:
    """Keep the log append-only in the database itself, whatever a program or an operator tries."""
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER payment_events_no_{change.lower()} BEFORE {change} ON payment_events"
            " BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"
        )
    # INSERT OR REPLACE deletes without the trigger above.
    op.execute(
        "CREATE TRIGGER payment_events_no_replace BEFORE INSERT ON payment_events"
        " WHEN EXISTS (SELECT 1 FROM payment_events AS kept WHERE kept.position = NEW.position"
        " OR kept.id = NEW.id"
        " OR (kept.collection_id = NEW.collection_id AND kept.sequence = NEW.sequence))"
        " BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"
    )
