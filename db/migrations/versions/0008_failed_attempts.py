"""How often authorizing failed, so that a browser can't try one card after the other.

Revision: 0008, follows 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring a database to this revision; what an older program reads and writes stays as it is."""
    op.add_column(
        "payment_collections",
        sa.Column("failed_attempts", sa.Integer(), nullable=False, server_default="0"),
    )
