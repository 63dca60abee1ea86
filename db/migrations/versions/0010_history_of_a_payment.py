"""An index for the history of a payment: its own events, in their order.

Revision: 0010, follows 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring a database to this revision; what older versions read and write stays as it is."""
    op.create_index(
        "ix_payment_events_history",
        "payment_events",
        ["payment_id", "sequence"],
        sqlite_where=sa.text("payment_id IS NOT NULL"),
        postgresql_where=sa.text("payment_id IS NOT NULL"),
    )
