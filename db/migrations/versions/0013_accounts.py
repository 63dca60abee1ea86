"""The account at each gateway that a database's payments belong to.

Revision: 0013, follows 0012.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")


def upgrade() -> None:
    """Bring a database to this revision; what older versions read and write stays as it is."""
    op.create_table(
        "gateway_accounts",
        sa.Column("gateway", ID, primary_key=True),
        sa.Column("account", sa.String(255), nullable=False),
        sa.Column("known_since", sa.BigInteger(), nullable=False),
    )
