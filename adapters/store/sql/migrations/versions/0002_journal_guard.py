"""Guard the journal: an entry is written without a number, sealed once, and never changed or deleted.

Only a superuser, the owner of the tables or somebody with the file gets round these triggers, and then the
verifier finds what was done.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CONTENT = ("id", "at", "actor", "action", "target", "outcome", "detail")
POSTGRESQL_FUNCTION = """
CREATE FUNCTION {table}_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the {table} table refuses this %', TG_OP; END $$
"""


def upgrade() -> None:
    """Write the triggers."""
    changed = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in CONTENT)
    resealed = f"OLD.number IS NOT NULL OR NEW.number IS NULL OR {changed}"
    if op.get_bind().dialect.name == "postgresql":
        _postgresql(resealed)
    else:
        _sqlite(resealed.replace("IS DISTINCT FROM", "IS NOT"))


def downgrade() -> None:
    """Drop the triggers."""
    if op.get_bind().dialect.name == "postgresql":
        for table in ("journal", "checkpoints"):
            op.execute(f"DROP FUNCTION {table}_refuses() CASCADE")
        return
    for name in ("journal_update", "journal_delete", "journal_insert", "checkpoints_update", "checkpoints_delete"):
        op.execute(f"DROP TRIGGER {name}")


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
