"""Request counts, for rate limits that several processes share.

Revision: 0012, follows 0011.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring a database to this revision; what older versions read and write stays as it is."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "rate_counts",
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        # No commit waits for the disk because of a count; after a crash, counting starts again.
        prefixes=["UNLOGGED"] if is_postgresql else [],
    )
    op.create_index("ix_rate_counts_ends_at", "rate_counts", ["ends_at"])
