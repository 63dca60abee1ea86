"""The amount that disputes take of a payment, and whether refunds are blocked meanwhile.

Which of the open disputes are inquiries is not known: all count as taking the money until their provider reports
on them again.

Revision: 0015, follows 0014.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

NO = sa.false()


def upgrade() -> None:
    """Bring a database to this revision; what older versions read and write stays as it is."""
    op.add_column(
        "disputes", sa.Column("takes_money", sa.Boolean(), nullable=False, server_default=NO)
    )
    op.add_column(
        "disputes", sa.Column("blocks_refunds", sa.Boolean(), nullable=False, server_default=NO)
    )
    op.add_column(
        "payments", sa.Column("disputed_minor", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column(
        "payments",
        sa.Column("has_refunds_blocked", sa.Boolean(), nullable=False, server_default=NO),
    )
    op.execute(
        "UPDATE disputes SET takes_money = true, blocks_refunds = true"
        " WHERE status IN ('NEEDS_RESPONSE', 'UNDER_REVIEW', 'LOST')"
    )
    op.execute(
        "UPDATE payments SET has_refunds_blocked = true, disputed_minor ="
        " (SELECT COALESCE(SUM(disputes.amount_minor), 0) FROM disputes"
        " WHERE disputes.payment_id = payments.id AND disputes.takes_money"
        " AND disputes.currency = payments.currency)"
        " WHERE id IN (SELECT payment_id FROM disputes WHERE takes_money)"
    )
