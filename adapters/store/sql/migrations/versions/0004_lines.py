"""Whose line a work row stands in, and what case it speaks of."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add two columns; what is waiting stands in no line and is done as before."""
    for name in ("line", "about"):
        op.add_column("works", sa.Column(name, WORDS, nullable=False, server_default=""))
    op.create_index("ix_works_line", "works", ["line", "subject"])


def downgrade() -> None:
    """Undo it; order is then a matter of luck."""
    op.drop_index("ix_works_line", "works")
    for name in ("about", "line"):
        op.drop_column("works", name)
