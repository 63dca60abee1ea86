"""Indexes in the order of lists, for each column that filters them.

Revision: 0009, follows 0008.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

LISTED = {
    "payment_collections": ("reference", "region_id", "currency", "status"),
    "payments": ("collection_id", "provider_id", "currency", "status"),
}


def upgrade() -> None:
    """Bring a database to this revision; what older versions read and write stays as it is."""
    for table, columns in LISTED.items():
        op.create_index(f"ix_{table}_created_at_id", table, ["created_at", "id"])
        for column in columns:
            op.create_index(
                f"ix_{table}_{column}_created_at_id", table, [column, "created_at", "id"]
            )
    # The one that extends it serves the same queries.
    op.drop_index("ix_payments_collection_id", "payments")
