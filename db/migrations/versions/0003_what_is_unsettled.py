"""Operations that recovery could not resolve, external operations, and the evidence for an operator's decision.

Revision: 0003, follows 0002.
"""

import sqlalchemy as sa
from alembic import op

from db.tables.payments import Id

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

IN_FLIGHT = "status IN ('ASKING', 'UNKNOWN', 'PROCESSING')"
BEGUN_THERE = "provider_key IS NOT NULL"
LEFT = "capture_before IS NOT NULL AND captured_minor + released_minor < amount_minor"


def upgrade() -> None:
    """Bring a database to this revision; what older versions read and write stays as it is."""
    op.add_column("operations", sa.Column("provider_key", sa.String(255), nullable=True))
    op.add_column("operations", sa.Column("absent_times", sa.Integer(), nullable=True))
    op.add_column("operations", sa.Column("absent_since", sa.BigInteger(), nullable=True))
    op.add_column("payment_events", sa.Column("evidence", sa.Text(), nullable=True))
    op.add_column("provider_reports", sa.Column("session_id", Id, nullable=True))
    _index("ix_operations_unsettled", "operations", ["created_at", "id"], IN_FLIGHT)
    _index(
        "uq_operations_begun_there",
        "operations",
        ["provider_id", "provider_key"],
        BEGUN_THERE,
        unique=True,
    )
    _index("ix_payments_lapsing", "payments", ["capture_before"], LEFT)
    _index("ix_payments_mismatched", "payments", ["id"], "is_mismatched")
    op.drop_index("ix_operations_due", "operations")
    _index("ix_operations_due", "operations", ["due_at"], "due_at IS NOT NULL")
    # Operations that wait for their customer are read from their provider too.
    op.execute(
        "UPDATE operations SET due_at = updated_at"
        " WHERE status = 'ACTION_REQUIRED' AND due_at IS NULL"
    )


def _index(
    name: str, table: str, columns: list[str], condition: str, *, unique: bool = False
) -> None:
    op.create_index(
        name,
        table,
        columns,
        unique=unique,
        sqlite_where=sa.text(condition),
        postgresql_where=sa.text(condition),
    )
