"""The amount that a provider reports, and the key of its request.

Revision: 0002, follows 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring a database to this revision."""
    op.add_column("operations", sa.Column("reference", sa.Text(), nullable=True))
    op.add_column("operations", sa.Column("moved_minor", sa.BigInteger(), nullable=True))
