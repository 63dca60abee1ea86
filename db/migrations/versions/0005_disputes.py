"""Disputes.

Revision: 0005, follows 0004.
"""

import sqlalchemy as sa
from alembic import op

from db.tables.payments import Id

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring a database to this revision; what older versions read and write stays as it is."""
    op.create_table(
        "disputes",
        sa.Column("id", Id, primary_key=True),
        _refers("collection_id", "payment_collections.id"),
        _refers("payment_id", "payments.id"),
        sa.Column("provider_id", Id, nullable=False),
        sa.Column("reference", sa.String(255), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("respond_before", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("provider_id", "reference"),
    )
    op.create_index("ix_disputes_payment_id", "disputes", ["payment_id"])
    op.add_column("payment_events", sa.Column("dispute_id", Id, nullable=True))


def _refers(name: str, target: str) -> sa.Column[str]:
    key = sa.ForeignKey(target, deferrable=True, initially="DEFERRED")
    return sa.Column(name, Id, key, nullable=False)
