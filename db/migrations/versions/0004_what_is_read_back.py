"""Reports that only name an object, whose state is read from its provider.

Revision: 0004, follows 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring a database to this revision; what older versions read and write stays as it is."""
    op.add_column("provider_reports", sa.Column("reference", sa.String(255), nullable=True))
