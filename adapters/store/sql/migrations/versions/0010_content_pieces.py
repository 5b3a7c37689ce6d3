"""Of a large content the first piece stays in its row; the others get rows of their own, so that none is held whole."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SPLIT = {
    "postgresql": """
        INSERT INTO content_pieces (sha256, number, data)
        SELECT sha256, number, substring(data FROM number * 262144 + 1 FOR 262144)
        FROM contents, generate_series(1, (length(data) - 1) / 262144) AS number WHERE length(data) > 262144
        """,
    "sqlite": """
        WITH RECURSIVE places (sha256, number, length) AS (
            SELECT sha256, 1, length(data) FROM contents WHERE length(data) > 262144
            UNION ALL
            SELECT sha256, number + 1, length FROM places WHERE (number + 1) * 262144 < length
        )
        INSERT INTO content_pieces (sha256, number, data)
        SELECT sha256, number, substr(data, number * 262144 + 1, 262144) FROM places JOIN contents USING (sha256)
        """,
}


def upgrade() -> None:
    """Add the table; split what is there."""
    op.create_table(
        "content_pieces",
        sa.Column("sha256", WORDS, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", "number", name="pk_content_pieces"),
        sa.ForeignKeyConstraint(["sha256"], ["contents.sha256"], name="fk_content_pieces_sha256"),
        sqlite_strict=True,
    )
    op.execute(SPLIT[op.get_bind().dialect.name])
    op.execute("UPDATE contents SET data = substr(data, 1, 262144) WHERE length(data) > 262144")


def downgrade() -> None:
    """Put the pieces together again."""
    bind = op.get_bind()
    pieces = sa.table("content_pieces", sa.column("sha256"), sa.column("number"), sa.column("data", sa.LargeBinary()))
    contents = sa.table("contents", sa.column("sha256"), sa.column("data", sa.LargeBinary()))
    for sha256 in bind.execute(sa.select(pieces.c.sha256).distinct()).scalars().all():
        first = bind.execute(sa.select(contents.c.data).where(contents.c.sha256 == sha256)).scalars().all()
        rest = sa.select(pieces.c.data).where(pieces.c.sha256 == sha256).order_by(pieces.c.number)
        whole = b"".join((*first, *bind.execute(rest).scalars()))
        bind.execute(sa.update(contents).where(contents.c.sha256 == sha256).values(data=whole))
    op.drop_table("content_pieces")
