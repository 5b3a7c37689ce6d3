"""An index for what falls due over all cases; the title of a case, which nothing ever filled, goes."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
RUNNING = sa.text("state = 'running' AND due_on <> ''")


def upgrade() -> None:
    """Add the index, drop the column."""
    op.create_index("ix_clocks_due_on", "clocks", ["due_on"], sqlite_where=RUNNING, postgresql_where=RUNNING)
    op.drop_column("cases", "title")


def downgrade() -> None:
    """Undo it; titles come back empty, as they were."""
    op.add_column("cases", sa.Column("title", WORDS, nullable=False, server_default=""))
    op.drop_index("ix_clocks_due_on", "clocks")
