"""Payments of zero: a provider authorized another currency than was requested.

Revision: 0014, follows 0013.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

CHECK = "ck_payments_amount"
WIDER = "amount_minor >= 1 OR (amount_minor = 0 AND is_mismatched)"


def upgrade() -> None:
    """Bring a database to this revision; what older versions read and write stays as it is."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"ALTER TABLE payments DROP CONSTRAINT {CHECK}, ADD CONSTRAINT {CHECK} CHECK ({WIDER})"
        )
    else:
        with op.batch_alter_table("payments") as payments:
            payments.drop_constraint(op.f(CHECK), type_="check")
            payments.create_check_constraint(op.f(CHECK), WIDER)
