"""The tables of the first release.

What a check allows stands here as text: a migration never changes its mind with the model.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
OUTBOUND = (
    "(direction = 'outbound' AND state IN ("
    "'KEPT', 'REFUSED', 'SIGN_OFF', 'QUEUED', 'SUBMITTING', 'SUBMITTED', "
    "'ENDED', 'SEND_FAILED', 'PRESUMED_FAILED', 'PARKED', 'CANCELLED'))"
)
INBOUND = (
    "(direction = 'inbound' AND state IN ("
    "'RECEIVED', 'REFUSED', 'HELD', 'READY', 'DELIVERED', "
    "'ACKNOWLEDGED', 'PARKED', 'CANCELLED'))"
)
TABLES = (
    "contents",
    "messages",
    "attachments",
    "exchanges",
    "cases",
    "case_aliases",
    "legs",
    "clocks",
    "works",
    "attempts",
    "leases",
    "used_once",
)


def _column(name: str, kind: TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    """Write every table."""
    _contents()
    _messages()
    _attachments()
    _exchanges()
    _cases()
    _case_aliases()
    _legs()
    _clocks()
    _works()
    _attempts()
    _leases()
    _used_once()


def downgrade() -> None:
    """Drop every table, with all that is kept."""
    for table in reversed(TABLES):
        op.drop_table(table)


def _contents() -> None:
    op.create_table(
        "contents",
        _column("sha256", WORDS),
        _column("size", sa.Integer()),
        _column("data", sa.LargeBinary()),
        _column("kept_at", MOMENT),
        sa.PrimaryKeyConstraint("sha256", name="pk_contents"),
        sqlite_strict=True,
    )


def _messages() -> None:
    op.create_table(
        "messages",
        _column("id", WORDS),
        _column("door", WORDS),
        _column("party", WORDS),
        _column("key", WORDS),
        _column("sha256", WORDS),
        _column("size", sa.Integer()),
        _column("content_type", WORDS),
        _column("kept_at", MOMENT),
        _column("type", WORDS),
        _column("profile", WORDS),
        _column("case_key", WORDS),
        _column("version", sa.Integer()),
        _column("headers", WORDS),
        _column("causation_id", WORDS),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.ForeignKeyConstraint(["sha256"], ["contents.sha256"], name="fk_messages_sha256"),
        sa.CheckConstraint(
            "door IN ('access-point', 'amqp', 'http', 'cli', 'rems', 'rule')", name=op.f("ck_messages_door")
        ),
        sqlite_strict=True,
    )
    op.create_index("ix_messages_case_key", "messages", ["case_key", "id"])
    op.create_index("ix_messages_sha256", "messages", ["sha256"])
    op.create_index("uq_messages_door_party_key", "messages", ["door", "party", "key"], unique=True)


def _attachments() -> None:
    op.create_table(
        "attachments",
        _column("message_id", WORDS),
        _column("position", sa.Integer()),
        _column("id", WORDS),
        _column("name", WORDS),
        _column("media_type", WORDS),
        _column("size", sa.Integer()),
        _column("sha256", WORDS),
        sa.PrimaryKeyConstraint("message_id", "position", name="pk_attachments"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_attachments_message_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_attachments_sha256", "attachments", ["sha256"])


def _exchanges() -> None:
    op.create_table(
        "exchanges",
        _column("id", WORDS),
        _column("message_id", WORDS),
        _column("direction", WORDS),
        _column("state", WORDS),
        _column("addressee", WORDS),
        _column("type", WORDS),
        _column("created_at", MOMENT),
        _column("updated_at", MOMENT),
        _column("case_key", WORDS),
        _column("leg", WORDS),
        _column("version", sa.Integer()),
        _column("profile", WORDS),
        _column("wire_message_id", WORDS),
        _column("document_sha256", WORDS),
        _column("content_type", WORDS),
        _column("report_sha256", WORDS),
        _column("carry_sha256", WORDS),
        _column("pivot_sha256", WORDS),
        _column("losses", WORDS),
        _column("signed_off_by", WORDS),
        sa.Column("signed_off_at", MOMENT),
        _column("outcome", WORDS),
        _column("reason", WORDS),
        _column("problems", WORDS),
        sa.Column("submitted_at", MOMENT),
        sa.Column("receipt_at", MOMENT),
        _column("validation", WORDS),
        sa.Column("validation_at", MOMENT),
        _column("answer", WORDS),
        sa.Column("answer_at", MOMENT),
        sa.Column("delivered_at", MOMENT),
        sa.Column("acknowledged_at", MOMENT),
        sa.Column("due_at", MOMENT),
        _column("resend", sa.Integer()),
        _column("revision", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_exchanges"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_exchanges_message_id"),
        sa.CheckConstraint(
            "outcome IN ('', 'accepted', 'rejected', 'delivered', 'recorded')", name=op.f("ck_exchanges_outcome")
        ),
        sa.CheckConstraint(
            OUTBOUND + " OR " + INBOUND,
            name=op.f("ck_exchanges_state"),
        ),
        sa.CheckConstraint("validation IN ('', 'validated', 'not-validated')", name=op.f("ck_exchanges_validation")),
        sqlite_strict=True,
    )
    op.create_index("ix_exchanges_addressee", "exchanges", ["addressee", "id"])
    op.create_index("ix_exchanges_case_key", "exchanges", ["case_key", "id"])
    op.create_index(
        "ix_exchanges_due_at",
        "exchanges",
        ["due_at"],
        sqlite_where=sa.text("state = 'SUBMITTED'"),
        postgresql_where=sa.text("state = 'SUBMITTED'"),
    )
    op.create_index("ix_exchanges_message_id", "exchanges", ["message_id", "id"])
    op.create_index("ix_exchanges_state", "exchanges", ["state", "id"])
    op.create_index(
        "ix_exchanges_unreceipted",
        "exchanges",
        ["id"],
        sqlite_where=sa.text("direction = 'outbound' AND receipt_at IS NULL AND wire_message_id <> ''"),
        postgresql_where=sa.text("direction = 'outbound' AND receipt_at IS NULL AND wire_message_id <> ''"),
    )
    op.create_index(
        "uq_exchanges_wire_message_id",
        "exchanges",
        ["wire_message_id"],
        unique=True,
        sqlite_where=sa.text("wire_message_id <> ''"),
        postgresql_where=sa.text("wire_message_id <> ''"),
    )


def _cases() -> None:
    op.create_table(
        "cases",
        _column("key", WORDS),
        _column("created_at", MOMENT),
        _column("title", WORDS),
        _column("version", sa.Integer()),
        _column("news", WORDS),
        _column("revision", sa.Integer()),
        sa.PrimaryKeyConstraint("key", name="pk_cases"),
        sqlite_strict=True,
    )


def _case_aliases() -> None:
    op.create_table(
        "case_aliases",
        _column("scheme", WORDS),
        _column("value", WORDS),
        _column("case_key", WORDS),
        _column("position", sa.Integer()),
        sa.PrimaryKeyConstraint("scheme", "value", name="pk_case_aliases"),
        sa.ForeignKeyConstraint(["case_key"], ["cases.key"], name="fk_case_aliases_case_key"),
        sqlite_strict=True,
    )
    op.create_index("ix_case_aliases_case_key", "case_aliases", ["case_key", "position"])
    op.create_index("ix_case_aliases_value", "case_aliases", ["value"])


def _legs() -> None:
    op.create_table(
        "legs",
        _column("case_key", WORDS),
        _column("owner", WORDS),
        _column("state", WORDS),
        _column("created_at", MOMENT),
        _column("updated_at", MOMENT),
        _column("origin", WORDS),
        _column("national_state", WORDS),
        _column("facts", WORDS),
        _column("revision", sa.Integer()),
        sa.PrimaryKeyConstraint("case_key", "owner", name="pk_legs"),
        sa.ForeignKeyConstraint(["case_key"], ["cases.key"], name="fk_legs_case_key"),
        sqlite_strict=True,
    )


def _clocks() -> None:
    op.create_table(
        "clocks",
        _column("case_key", WORDS),
        _column("leg", WORDS),
        _column("clock", WORDS),
        _column("started_at", MOMENT),
        _column("due_on", WORDS),
        _column("state", WORDS),
        _column("reason", WORDS),
        sa.Column("paused_at", MOMENT),
        sa.Column("stopped_at", MOMENT),
        sa.PrimaryKeyConstraint("case_key", "leg", "clock", "started_at", name="pk_clocks"),
        sa.ForeignKeyConstraint(["case_key"], ["cases.key"], name="fk_clocks_case_key"),
        sa.CheckConstraint("state IN ('running', 'paused', 'stopped', 'expired')", name=op.f("ck_clocks_state")),
        sqlite_strict=True,
    )


def _works() -> None:
    op.create_table(
        "works",
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
        sa.CheckConstraint("kind IN ('prepare', 'deliver')", name=op.f("ck_works_kind")),
        sqlite_strict=True,
    )
    op.create_index("ix_works_next_attempt_at", "works", ["next_attempt_at", "id"])
    op.create_index("ix_works_subject", "works", ["subject", "kind"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        _column("id", WORDS),
        _column("subject", WORDS),
        _column("step", WORDS),
        _column("number", sa.Integer()),
        _column("started_at", MOMENT),
        _column("ended_at", MOMENT),
        _column("outcome", WORDS),
        _column("error_code", WORDS),
        _column("detail", WORDS),
        _column("worker", WORDS),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sqlite_strict=True,
    )
    op.create_index("ix_attempts_subject", "attempts", ["subject", "id"])


def _leases() -> None:
    op.create_table(
        "leases",
        _column("name", WORDS),
        _column("holder", WORDS),
        _column("until", MOMENT),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
        sqlite_strict=True,
    )


def _used_once() -> None:
    op.create_table(
        "used_once",
        _column("key", WORDS),
        _column("used_at", MOMENT),
        sa.PrimaryKeyConstraint("key", name="pk_used_once"),
        sqlite_strict=True,
    )
