"""Customers at their providers, and their saved payment methods.

Revision: 0006, follows 0005.
"""

import sqlalchemy as sa
from alembic import op

from db.tables.payments import Id

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring a database to this revision; what older versions read and write stays as it is."""
    op.create_table(
        "account_holders",
        sa.Column("id", Id, primary_key=True),
        sa.Column("provider_id", Id, nullable=False),
        sa.Column("customer_reference", sa.String(500), nullable=False),
        sa.Column("reference", sa.String(255), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("customer_reference", "provider_id"),
    )
    op.create_table(
        "payment_methods",
        sa.Column("id", Id, primary_key=True),
        _holder(),
        sa.Column("provider_id", Id, nullable=False),
        sa.Column("reference", sa.String(255), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("holder_id", "reference"),
    )
    op.create_table(
        "method_setups",
        sa.Column("id", Id, primary_key=True),
        _holder(),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("reference", sa.String(255), nullable=True),
        sa.Column("method_id", Id, nullable=True),
        sa.Column("failure_code", sa.String(40), nullable=True),
        sa.Column("decline_code", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_method_setups_holder_id", "method_setups", ["holder_id"])
    op.add_column(
        "payment_collections",
        sa.Column("account_holder_ids", sa.Text(), nullable=False, server_default="[]"),
    )
    op.add_column("payment_sessions", sa.Column("account_holder_id", Id, nullable=True))
    op.add_column("payment_sessions", sa.Column("holder_reference", sa.Text(), nullable=True))
    op.add_column("operations", sa.Column("holder_reference", sa.Text(), nullable=True))
    op.add_column("operations", sa.Column("method_reference", sa.Text(), nullable=True))


def _holder() -> sa.Column[str]:
    key = sa.ForeignKey("account_holders.id", deferrable=True, initially="DEFERRED")
    return sa.Column("holder_id", Id, key, nullable=False)
