"""Which back end uploaded which content; an index for what is handed out by its hash."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
NAMED = sa.text("document_sha256 <> ''")


def upgrade() -> None:
    """Add the table; who uploaded before is read from the journal."""
    op.create_table(
        "uploads",
        sa.Column("backend", WORDS, nullable=False),
        sa.Column("sha256", WORDS, nullable=False),
        sa.Column("uploaded_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("backend", "sha256", name="pk_uploads"),
        sa.ForeignKeyConstraint(["sha256"], ["contents.sha256"], name="fk_uploads_sha256"),
        sqlite_strict=True,
    )
    op.execute(
        "INSERT INTO uploads (backend, sha256, uploaded_at)"
        " SELECT actor, target, min(at) FROM journal"
        " WHERE action = 'content.kept' AND target IN (SELECT sha256 FROM contents) GROUP BY actor, target"
    )
    op.create_index(
        "ix_exchanges_document",
        "exchanges",
        ["addressee", "document_sha256", "id"],
        sqlite_where=NAMED,
        postgresql_where=NAMED,
    )


def downgrade() -> None:
    """Undo it."""
    op.drop_index("ix_exchanges_document", "exchanges")
    op.drop_table("uploads")
