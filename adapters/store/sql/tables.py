"""The tables. Migrations write them; a test holds both equal, and the checks equal to the model.

Ids are UUIDv7 text and sort by time, so that "newest first" is an order by id.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    text,
)

from adapters.store.sql.types import JournalDetail, JournalMoment, Json, Moment, Words
from broker.model.exchanges import STEPS, Outcome
from broker.model.messages import Door
from broker.model.work import WorkKind

#: A place in the journal's chain.
PLACE: Final = BigInteger().with_variant(Integer, "sqlite")
METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _words(name: str, *args: Any, **more: Any) -> Column[Any]:
    return Column(name, Words, *args, nullable=False, **more)


def _moment(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Moment, nullable=nullable)


def _number(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False)


def _json(name: str) -> Column[Any]:
    return Column(name, Json, nullable=False)


def _table(name: str, *parts: Any) -> Table:
    return Table(name, METADATA, *parts, sqlite_strict=True)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


def one_of(column: str, values: tuple[str, ...]) -> str:
    """The SQL of a check that a column holds one of these values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({listed})"


#: Which states each direction knows: the model's table, as SQL.
STATE_CHECK: Final = " OR ".join(
    f"(direction = '{direction}' AND {one_of('state', tuple(steps))})" for direction, steps in STEPS.items()
)

CONTENTS: Final = _table(
    "contents",
    _words("sha256", primary_key=True),
    _number("size"),
    Column("data", LargeBinary, nullable=False),  # of a large one the first piece
    _moment("kept_at"),
)

CONTENT_PIECES: Final = _table(
    "content_pieces",
    _words("sha256", ForeignKey("contents.sha256")),
    _number("number"),  # from 1: what stands behind the first piece
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("sha256", "number"),
)

UPLOADS: Final = _table(
    "uploads",
    _words("backend"),
    _words("sha256", ForeignKey("contents.sha256")),
    _moment("uploaded_at"),
    PrimaryKeyConstraint("backend", "sha256"),
)

MESSAGES: Final = _table(
    "messages",
    _words("id", primary_key=True),
    _words("door"),
    _words("party"),
    _words("key"),
    _words("sha256", ForeignKey("contents.sha256")),
    _number("size"),
    _words("content_type"),
    _moment("kept_at"),
    _words("type"),
    _words("profile"),
    _words("case_key"),
    _number("version"),
    _json("headers"),
    _words("causation_id"),
    _json("parts"),
    CheckConstraint(one_of("door", tuple(Door)), name="door"),
    Index("uq_messages_door_party_key", "door", "party", "key", unique=True),
    Index("ix_messages_case_key", "case_key", "id"),
    Index("ix_messages_sha256", "sha256"),
)

ATTACHMENTS: Final = _table(
    "attachments",
    _words("message_id", ForeignKey("messages.id")),
    _number("position"),
    _words("id"),
    _words("name"),
    _words("media_type"),
    _number("size"),
    _words("sha256"),
    PrimaryKeyConstraint("message_id", "position"),
    Index("ix_attachments_sha256", "sha256"),
)

EXCHANGES: Final = _table(
    "exchanges",
    _words("id", primary_key=True),
    _words("message_id", ForeignKey("messages.id")),
    _words("direction"),
    _words("state"),
    _words("addressee"),
    _words("type"),
    _moment("created_at"),
    _moment("updated_at"),
    _words("case_key"),
    _words("leg"),
    _number("version"),
    _words("profile"),
    _words("wire_message_id"),
    _words("document_sha256"),
    _words("content_type"),
    _words("report_sha256"),
    _words("carry_sha256"),
    _words("pivot_sha256"),
    _json("losses"),
    _words("signed_off_by"),
    _moment("signed_off_at", nullable=True),
    _words("outcome"),
    _words("reason"),
    _json("problems"),
    _moment("submitted_at", nullable=True),
    _moment("receipt_at", nullable=True),
    _words("validation"),
    _moment("validation_at", nullable=True),
    _words("answer"),
    _moment("answer_at", nullable=True),
    _moment("delivered_at", nullable=True),
    _moment("acknowledged_at", nullable=True),
    _moment("due_at", nullable=True),
    _number("resend"),
    _number("revision"),
    _words("receipt_sha256"),
    _words("receipt_verdict"),
    CheckConstraint(STATE_CHECK, name="state"),
    CheckConstraint(one_of("outcome", ("", *Outcome)), name="outcome"),
    CheckConstraint(one_of("validation", ("", "validated", "not-validated")), name="validation"),
    Index("ix_exchanges_state", "state", "id"),
    Index("ix_exchanges_case_key", "case_key", "id"),
    Index("ix_exchanges_message_id", "message_id", "id"),
    Index("ix_exchanges_addressee", "addressee", "id"),
    _partial("ix_exchanges_document", "addressee", "document_sha256", "id", where="document_sha256 <> ''"),
    _partial("uq_exchanges_wire_message_id", "wire_message_id", where="wire_message_id <> ''", unique=True),
    _partial("ix_exchanges_due_at", "due_at", where="state = 'SUBMITTED'"),
    _partial(
        "ix_exchanges_unproven",
        "id",
        where="direction = 'outbound' AND receipt_at IS NOT NULL AND receipt_sha256 = ''",
    ),
    _partial(
        "ix_exchanges_unreceipted",
        "id",
        where="direction = 'outbound' AND receipt_at IS NULL AND wire_message_id <> ''",
    ),
)

FORMER_WIRE_IDS: Final = _table(
    "former_wire_ids",
    _words("wire_message_id", primary_key=True),
    _words("exchange_id", ForeignKey("exchanges.id")),
)

PAUSES: Final = _table(
    "pauses",
    _words("destination", primary_key=True),
    _moment("since"),
    _words("actor"),
    _words("reason"),
)

CASES: Final = _table(
    "cases",
    _words("key", primary_key=True),
    _moment("created_at"),
    _number("version"),
    _json("news"),
    _number("revision"),
)

CASE_ALIASES: Final = _table(
    "case_aliases",
    _words("scheme"),
    _words("value"),
    _words("case_key", ForeignKey("cases.key")),
    _number("position"),
    PrimaryKeyConstraint("scheme", "value"),
    Index("ix_case_aliases_case_key", "case_key", "position"),
    Index("ix_case_aliases_value", "value"),
)

LEGS: Final = _table(
    "legs",
    _words("case_key", ForeignKey("cases.key")),
    _words("owner"),
    _words("state"),
    _moment("created_at"),
    _moment("updated_at"),
    _words("origin"),
    _words("national_state"),
    _json("facts"),
    _number("revision"),
    PrimaryKeyConstraint("case_key", "owner"),
)

CLOCKS: Final = _table(
    "clocks",
    _words("case_key"),
    _words("leg"),
    _words("clock"),
    _moment("started_at"),
    _words("due_on"),
    _words("state"),
    _words("reason"),
    _moment("paused_at", nullable=True),
    _moment("stopped_at", nullable=True),
    PrimaryKeyConstraint("case_key", "leg", "clock", "started_at"),
    _partial("ix_clocks_due_on", "due_on", where="state = 'running' AND due_on <> ''"),
    ForeignKeyConstraint(["case_key"], ["cases.key"]),
    CheckConstraint(one_of("state", ("running", "paused", "stopped", "expired")), name="state"),
)

WORKS: Final = _table(
    "works",
    _words("id", primary_key=True),
    _words("kind"),
    _words("subject"),
    _moment("next_attempt_at"),
    _number("attempts"),
    _moment("deadline", nullable=True),
    _words("last_error"),
    _words("claimed_by"),
    _moment("claimed_until", nullable=True),
    _words("line"),
    _words("about"),
    CheckConstraint(one_of("kind", tuple(WorkKind)), name="kind"),
    Index("ix_works_subject", "subject", "kind"),
    Index("ix_works_line", "line", "subject"),
    Index("ix_works_next_attempt_at", "next_attempt_at", "id"),
)

ATTEMPTS: Final = _table(
    "attempts",
    _words("id", primary_key=True),
    _words("subject"),
    _words("step"),
    _number("number"),
    _moment("started_at"),
    _moment("ended_at"),
    _words("outcome"),
    _words("error_code"),
    _words("detail"),
    _words("worker"),
    Index("ix_attempts_subject", "subject", "id"),
)

JOURNAL: Final = _table(
    "journal",
    _words("id", primary_key=True),
    Column("at", JournalMoment, nullable=False),
    _words("actor"),
    _words("action"),
    _words("target"),
    _words("outcome"),
    Column("detail", JournalDetail, nullable=False),
    Column("number", PLACE),
    Column("previous", Words),
    Column("hash", Words),
    Index("uq_journal_number", "number", unique=True),
    Index("ix_journal_target", "target", "at", "id"),
    _partial("ix_journal_unsealed", "at", "id", where="number IS NULL"),
)

CHECKPOINTS: Final = _table(
    "checkpoints",
    Column("number", PLACE, nullable=False),
    _words("hash"),
    Column("at", JournalMoment, nullable=False),
    _words("key_id"),
    _words("signature"),
    PrimaryKeyConstraint("number"),
)

LEASES: Final = _table(
    "leases",
    _words("name", primary_key=True),
    _words("holder"),
    _moment("until"),
)

USED_ONCE: Final = _table(
    "used_once",
    _words("key", primary_key=True),
    _moment("used_at"),
    _moment("until", nullable=True),  # null is for ever
)
