"""Refund reasons, with a few to start from.

Revision: 0007, follows 0006.
"""

import sqlalchemy as sa
from alembic import op

from db.tables.payments import Id

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# The first three are Stripe's own words too.
STARTING = (
    ("requested_by_customer", "Requested by the customer"),
    ("duplicate", "Paid twice"),
    ("fraudulent", "Fraudulent"),
    ("returned", "Goods returned"),
    ("damaged", "Goods damaged"),
    ("not_delivered", "Never delivered"),
)


def upgrade() -> None:
    """Bring a database to this revision; what older versions read and write stays as it is."""
    table = op.create_table(
        "refund_reasons",
        sa.Column("id", Id, primary_key=True),
        sa.Column("code", sa.String(63), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_index(
        "uq_refund_reasons_code",
        "refund_reasons",
        ["code"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.bulk_insert(
        table,
        [
            {"id": f"refr_{number:026d}", "code": code, "label": label, "created_at": 0}
            for number, (code, label) in enumerate(STARTING, start=1)
        ],
    )
    op.add_column("operations", sa.Column("refund_reason_id", Id, nullable=True))
    op.add_column("operations", sa.Column("refund_reason_code", sa.String(63), nullable=True))
