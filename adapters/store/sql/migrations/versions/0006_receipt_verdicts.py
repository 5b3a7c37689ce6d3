"""What was found of the signed receipt of an exchange."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the column; of receipts kept before, the journal alone says what was found."""
    op.add_column("exchanges", sa.Column("receipt_verdict", WORDS, nullable=False, server_default=""))


def downgrade() -> None:
    """Undo it."""
    op.drop_column("exchanges", "receipt_verdict")
