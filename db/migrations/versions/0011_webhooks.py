"""Webhooks: back ends' endpoints, deliveries to them, and the lanes that keep these in order.

Revision: 0011, follows 0010.
"""

import sqlalchemy as sa
from alembic import op

from db.tables.columns import Id

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring a database to this revision; what older versions read and write stays as it is."""
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", Id, primary_key=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("event_types", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text(), nullable=True),
        sa.Column("previous_secret_ends_at", sa.BigInteger(), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
    )
    _deliveries()
    op.create_table(
        "webhook_lanes",
        sa.Column("endpoint_id", Id, primary_key=True),
        sa.Column("lane", Id, primary_key=True),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
    )
    op.create_index(
        "ix_webhook_lanes_endpoint_id_due_at", "webhook_lanes", ["endpoint_id", "due_at"]
    )


def _deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", Id, primary_key=True),
        _refers("endpoint_id", "webhook_endpoints.id"),
        _refers("event_id", "payment_events.id"),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("lane", Id, nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("attempts", sa.Text(), nullable=False),
        sa.Column("tried_times", sa.Integer(), nullable=False),
        sa.Column("tried_since", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("endpoint_id", "event_id"),
    )
    for columns in (["endpoint_id", "position"], ["endpoint_id", "status", "position"]):
        op.create_index(f"ix_webhook_deliveries_{'_'.join(columns)}", "webhook_deliveries", columns)
    _index_where(
        "ix_webhook_deliveries_lanes", ["endpoint_id", "lane", "sequence"], "status = 'PENDING'"
    )
    _index_where("ix_webhook_deliveries_ended", ["ended_at"], "ended_at IS NOT NULL")


def _refers(name: str, target: str) -> sa.Column[str]:
    key = sa.ForeignKey(target, deferrable=True, initially="DEFERRED")
    return sa.Column(name, Id, key, nullable=False)


def _index_where(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "webhook_deliveries", columns, sqlite_where=where, postgresql_where=where)
