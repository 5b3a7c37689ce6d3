"""Every payload of a user message beside its document."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the column: of what was kept before, the document alone is known."""
    op.add_column("messages", sa.Column("parts", WORDS, nullable=False, server_default="[]"))


def downgrade() -> None:
    """Undo it; the bytes of the parts stay, and the journal names them."""
    op.drop_column("messages", "parts")
