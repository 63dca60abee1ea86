"""Indexes for large databases: payments of one provider in one status, and authorizations whose time ends.

SQLite never used the latter: it turns a comparison so that its column is on the left, and compares that with the
index's condition as it was written.

Revision: 0016, follows 0015.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

LAPSING = "ix_payments_lapsing"
LEFT = "capture_before IS NOT NULL AND amount_minor > captured_minor + released_minor"


def upgrade() -> None:
    """Bring a database to this revision; what older versions read and write stays as it is."""
    op.create_index(
        "ix_payments_provider_id_status_created_at_id",
        "payments",
        ["provider_id", "status", "created_at", "id"],
    )
    op.drop_index(LAPSING, "payments")
    op.create_index(
        LAPSING,
        "payments",
        ["capture_before"],
        sqlite_where=sa.text(LEFT),
        postgresql_where=sa.text(LEFT),
    )
