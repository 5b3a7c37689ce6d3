"""Until when a key that was used must be remembered."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    """Add the column; nobody knows of what was used before, so it is remembered for ever."""
    op.add_column("used_once", sa.Column("until", MOMENT, nullable=True))


def downgrade() -> None:
    """Undo it."""
    op.drop_column("used_once", "until")
