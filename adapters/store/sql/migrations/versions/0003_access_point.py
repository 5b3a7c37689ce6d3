"""Rows to fetch what the access point notified, signed receipts, former wire ids, paused destinations."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
UNPROVEN = sa.text("direction = 'outbound' AND receipt_at IS NOT NULL AND receipt_sha256 = ''")
BEFORE = "kind IN ('prepare', 'deliver')"
AFTER = "kind IN ('prepare', 'deliver', 'fetch')"


def upgrade() -> None:
    """Widen the kinds of work, add one column and two tables."""
    _kinds(AFTER)
    op.add_column("exchanges", sa.Column("receipt_sha256", WORDS, nullable=False, server_default=""))
    op.create_index("ix_exchanges_unproven", "exchanges", ["id"], sqlite_where=UNPROVEN, postgresql_where=UNPROVEN)
    op.create_table(
        "former_wire_ids",
        _column("wire_message_id", WORDS),
        _column("exchange_id", WORDS),
        sa.PrimaryKeyConstraint("wire_message_id", name="pk_former_wire_ids"),
        sa.ForeignKeyConstraint(["exchange_id"], ["exchanges.id"], name="fk_former_wire_ids_exchange_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "pauses",
        _column("destination", WORDS),
        _column("since", MOMENT),
        _column("actor", WORDS),
        _column("reason", WORDS),
        sa.PrimaryKeyConstraint("destination", name="pk_pauses"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    """Undo it; what was notified and not fetched must be polled."""
    op.drop_table("pauses")
    op.drop_table("former_wire_ids")
    op.drop_index("ix_exchanges_unproven", "exchanges")
    op.drop_column("exchanges", "receipt_sha256")
    op.execute("DELETE FROM works WHERE kind = 'fetch'")
    _kinds(BEFORE)


def _column(name: str, kind: TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _kinds(check: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_works_kind"), "works", type_="check")
        op.create_check_constraint(op.f("ck_works_kind"), "works", check)
        return
    with op.batch_alter_table("works", copy_from=_works(), recreate="always") as batch:
        batch.create_check_constraint(op.f("ck_works_kind"), check)


def _works() -> sa.Table:
    """The table as it is, without its check: SQLite writes a table anew to change one."""
    return sa.Table(
        "works",
        sa.MetaData(),
        _column("id", WORDS),
        _column("kind", WORDS),
        _column("subject", WORDS),
        _column("next_attempt_at", MOMENT),
        _column("attempts", sa.Integer()),
        sa.Column("deadline", MOMENT),
        _column("last_error", WORDS),
        _column("claimed_by", WORDS),
        sa.Column("claimed_until", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_works"),
        sa.Index("ix_works_next_attempt_at", "next_attempt_at", "id"),
        sa.Index("ix_works_subject", "subject", "kind"),
        sqlite_strict=True,
    )
