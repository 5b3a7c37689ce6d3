"""The tables of the first release.

What a check allows stands here as text: a migration never changes its mind with the model.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
PLACE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
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
    "journal",
    "checkpoints",
    "leases",
    "used_once",
)


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
    _journal()
    _checkpoints()
    _leases()
    _used_once()


def downgrade() -> None:
    """Drop every table, with all that is kept."""
    for table in reversed(TABLES):
        op.drop_table(table)


def _contents() -> None:
    op.create_table(
        "contents",
        sa.Column("sha256", WORDS, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_contents"),
        sqlite_strict=True,
    )


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", WORDS, nullable=False),
        sa.Column("door", WORDS, nullable=False),
        sa.Column("party", WORDS, nullable=False),
        sa.Column("key", WORDS, nullable=False),
        sa.Column("sha256", WORDS, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content_type", WORDS, nullable=False),
        sa.Column("kept_at", MOMENT, nullable=False),
        sa.Column("type", WORDS, nullable=False),
        sa.Column("profile", WORDS, nullable=False),
        sa.Column("case_key", WORDS, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("headers", WORDS, nullable=False),
        sa.Column("causation_id", WORDS, nullable=False),
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
        sa.Column("message_id", WORDS, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", WORDS, nullable=False),
        sa.Column("name", WORDS, nullable=False),
        sa.Column("media_type", WORDS, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("message_id", "position", name="pk_attachments"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_attachments_message_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_attachments_sha256", "attachments", ["sha256"])


def _exchanges() -> None:
    op.create_table(
        "exchanges",
        sa.Column("id", WORDS, nullable=False),
        sa.Column("message_id", WORDS, nullable=False),
        sa.Column("direction", WORDS, nullable=False),
        sa.Column("state", WORDS, nullable=False),
        sa.Column("addressee", WORDS, nullable=False),
        sa.Column("type", WORDS, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("case_key", WORDS, nullable=False),
        sa.Column("leg", WORDS, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("profile", WORDS, nullable=False),
        sa.Column("wire_message_id", WORDS, nullable=False),
        sa.Column("document_sha256", WORDS, nullable=False),
        sa.Column("content_type", WORDS, nullable=False),
        sa.Column("report_sha256", WORDS, nullable=False),
        sa.Column("carry_sha256", WORDS, nullable=False),
        sa.Column("pivot_sha256", WORDS, nullable=False),
        sa.Column("losses", WORDS, nullable=False),
        sa.Column("signed_off_by", WORDS, nullable=False),
        sa.Column("signed_off_at", MOMENT),
        sa.Column("outcome", WORDS, nullable=False),
        sa.Column("reason", WORDS, nullable=False),
        sa.Column("problems", WORDS, nullable=False),
        sa.Column("submitted_at", MOMENT),
        sa.Column("receipt_at", MOMENT),
        sa.Column("validation", WORDS, nullable=False),
        sa.Column("validation_at", MOMENT),
        sa.Column("answer", WORDS, nullable=False),
        sa.Column("answer_at", MOMENT),
        sa.Column("delivered_at", MOMENT),
        sa.Column("acknowledged_at", MOMENT),
        sa.Column("due_at", MOMENT),
        sa.Column("resend", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_exchanges"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_exchanges_message_id"),
        sa.CheckConstraint(
            "outcome IN ('', 'accepted', 'rejected', 'delivered', 'recorded')", name=op.f("ck_exchanges_outcome")
        ),
        sa.CheckConstraint(
            "(direction = 'outbound' AND state IN ('KEPT', 'REFUSED', 'SIGN_OFF', 'QUEUED', 'SUBMITTING', 'SUBMITTED', 'ENDED', 'SEND_FAILED', 'PRESUMED_FAILED', 'PARKED', 'CANCELLED')) OR (direction = 'inbound' AND state IN ('RECEIVED', 'REFUSED', 'HELD', 'READY', 'DELIVERED', 'ACKNOWLEDGED', 'PARKED', 'CANCELLED'))",
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
        sa.Column("key", WORDS, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("title", WORDS, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("news", WORDS, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_cases"),
        sqlite_strict=True,
    )


def _case_aliases() -> None:
    op.create_table(
        "case_aliases",
        sa.Column("scheme", WORDS, nullable=False),
        sa.Column("value", WORDS, nullable=False),
        sa.Column("case_key", WORDS, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scheme", "value", name="pk_case_aliases"),
        sa.ForeignKeyConstraint(["case_key"], ["cases.key"], name="fk_case_aliases_case_key"),
        sqlite_strict=True,
    )
    op.create_index("ix_case_aliases_case_key", "case_aliases", ["case_key", "position"])
    op.create_index("ix_case_aliases_value", "case_aliases", ["value"])


def _legs() -> None:
    op.create_table(
        "legs",
        sa.Column("case_key", WORDS, nullable=False),
        sa.Column("owner", WORDS, nullable=False),
        sa.Column("state", WORDS, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("origin", WORDS, nullable=False),
        sa.Column("national_state", WORDS, nullable=False),
        sa.Column("facts", WORDS, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("case_key", "owner", name="pk_legs"),
        sa.ForeignKeyConstraint(["case_key"], ["cases.key"], name="fk_legs_case_key"),
        sqlite_strict=True,
    )


def _clocks() -> None:
    op.create_table(
        "clocks",
        sa.Column("case_key", WORDS, nullable=False),
        sa.Column("leg", WORDS, nullable=False),
        sa.Column("clock", WORDS, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("due_on", WORDS, nullable=False),
        sa.Column("state", WORDS, nullable=False),
        sa.Column("reason", WORDS, nullable=False),
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
        sa.Column("id", WORDS, nullable=False),
        sa.Column("kind", WORDS, nullable=False),
        sa.Column("subject", WORDS, nullable=False),
        sa.Column("next_attempt_at", MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("deadline", MOMENT),
        sa.Column("last_error", WORDS, nullable=False),
        sa.Column("claimed_by", WORDS, nullable=False),
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
        sa.Column("id", WORDS, nullable=False),
        sa.Column("subject", WORDS, nullable=False),
        sa.Column("step", WORDS, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=False),
        sa.Column("outcome", WORDS, nullable=False),
        sa.Column("error_code", WORDS, nullable=False),
        sa.Column("detail", WORDS, nullable=False),
        sa.Column("worker", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sqlite_strict=True,
    )
    op.create_index("ix_attempts_subject", "attempts", ["subject", "id"])


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("id", WORDS, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", WORDS, nullable=False),
        sa.Column("action", WORDS, nullable=False),
        sa.Column("target", WORDS, nullable=False),
        sa.Column("outcome", WORDS, nullable=False),
        sa.Column("detail", WORDS, nullable=False),
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
        sa.Column("number", PLACE, nullable=False),
        sa.Column("hash", WORDS, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("key_id", WORDS, nullable=False),
        sa.Column("signature", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_checkpoints"),
        sqlite_strict=True,
    )


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", WORDS, nullable=False),
        sa.Column("holder", WORDS, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
        sqlite_strict=True,
    )


def _used_once() -> None:
    op.create_table(
        "used_once",
        sa.Column("key", WORDS, nullable=False),
        sa.Column("used_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_used_once"),
        sqlite_strict=True,
    )
