"""The number of failed authorizations of a collection, and whether its reference is exclusive.

Revision: 0008, follows 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring a database to this revision; what older versions read and write stays as it is."""
    op.add_column(
        "payment_collections",
        sa.Column("failed_attempts", sa.Integer(), nullable=False, server_default="0"),
    )
    op.add_column(
        "payment_collections",
        sa.Column("claims_reference", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index(
        "uq_payment_collections_reference",
        "payment_collections",
        ["reference"],
        unique=True,
        sqlite_where=sa.text("claims_reference"),
        postgresql_where=sa.text("claims_reference"),
    )
