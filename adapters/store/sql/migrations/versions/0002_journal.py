"""The journal and its guard: an entry is written without a number, sealed once, and never changed or deleted.

Only a superuser, the owner of the tables or somebody with the file gets round these triggers, and then the
verifier finds what was done.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
PLACE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CONTENT = ("id", "at", "actor", "action", "target", "outcome", "detail")
POSTGRESQL_FUNCTION = """
CREATE FUNCTION {table}_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the {table} table refuses this %', TG_OP; END $$
"""


def upgrade() -> None:
    """Write both tables and their triggers."""
    _journal()
    _checkpoints()
    changed = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in CONTENT)
    resealed = f"OLD.number IS NOT NULL OR NEW.number IS NULL OR {changed}"
    if op.get_bind().dialect.name == "postgresql":
        _postgresql(resealed)
    else:
        _sqlite(resealed.replace("IS DISTINCT FROM", "IS NOT"))


def downgrade() -> None:
    """Drop both tables, with all that they prove."""
    for table in ("journal", "checkpoints"):
        op.drop_table(table)
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP FUNCTION {table}_refuses()")


def _column(name: str, kind: TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _journal() -> None:
    op.create_table(
        "journal",
        _column("id", WORDS),
        _column("at", MOMENT),
        _column("actor", WORDS),
        _column("action", WORDS),
        _column("target", WORDS),
        _column("outcome", WORDS),
        _column("detail", WORDS),
        sa.Column("number", PLACE),
        sa.Column("previous", WORDS),
        sa.Column("hash", WORDS),
        sa.PrimaryKeyConstraint("id", name="pk_journal"),
        sqlite_strict=True,
    )
    op.create_index("ix_journal_target", "journal", ["target", "at", "id"])
    op.create_index(
        "ix_journal_unsealed",
        "journal",
        ["at", "id"],
        sqlite_where=sa.text("number IS NULL"),
        postgresql_where=sa.text("number IS NULL"),
    )
    op.create_index("uq_journal_number", "journal", ["number"], unique=True)


def _checkpoints() -> None:
    op.create_table(
        "checkpoints",
        _column("number", PLACE),
        _column("hash", WORDS),
        _column("at", MOMENT),
        _column("key_id", WORDS),
        _column("signature", WORDS),
        sa.PrimaryKeyConstraint("number", name="pk_checkpoints"),
        sqlite_strict=True,
    )


def _postgresql(resealed: str) -> None:
    for table in ("journal", "checkpoints"):
        op.execute(POSTGRESQL_FUNCTION.format(table=table))
        op.execute(
            f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION {table}_refuses()",
        )
        op.execute(
            f"CREATE TRIGGER {table}_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_refuses()"
        )
    _postgresql_rows("journal_update BEFORE UPDATE ON journal", resealed)
    _postgresql_rows("journal_insert BEFORE INSERT ON journal", "NEW.number IS NOT NULL")
    _postgresql_rows("checkpoints_update BEFORE UPDATE ON checkpoints", "TRUE")


def _postgresql_rows(trigger: str, condition: str) -> None:
    table = trigger.rsplit(maxsplit=1)[-1]
    op.execute(f"CREATE TRIGGER {trigger} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION {table}_refuses()")


def _sqlite(resealed: str) -> None:
    _sqlite_rows("journal_update BEFORE UPDATE ON journal", resealed)
    _sqlite_rows("journal_delete BEFORE DELETE ON journal", "TRUE")
    # INSERT OR REPLACE deletes without firing a delete trigger
    _sqlite_rows(
        "journal_insert BEFORE INSERT ON journal",
        "NEW.number IS NOT NULL OR EXISTS (SELECT 1 FROM journal WHERE id = NEW.id)",
    )
    _sqlite_rows("checkpoints_update BEFORE UPDATE ON checkpoints", "TRUE")
    _sqlite_rows("checkpoints_delete BEFORE DELETE ON checkpoints", "TRUE")


def _sqlite_rows(trigger: str, condition: str) -> None:
    table = trigger.rsplit(maxsplit=1)[-1]
    refusal = f"RAISE(ABORT, 'the {table} table refuses this')"
    op.execute(f"CREATE TRIGGER {trigger} FOR EACH ROW WHEN {condition} BEGIN SELECT {refusal}; END")
