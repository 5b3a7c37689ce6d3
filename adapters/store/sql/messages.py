"""Messages and their attachments."""

from __future__ import annotations

from dataclasses import asdict, fields
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, exists, select, update
from sqlalchemy import insert as plain_insert

from adapters.store.sql.rows import Rows, values_of
from adapters.store.sql.tables import ATTACHMENTS, MESSAGES
from broker.errors import Conflict, NotFound
from broker.model.messages import Attachment, Door, KeptPart, Message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Executable, Row

    from adapters.store.sql.connections import Values

_ATTACHMENT_FIELDS: Final = tuple(field.name for field in fields(Attachment))
_MESSAGE_FIELDS: Final = tuple(field.name for field in fields(Message) if field.name != "attachments")
_WITH_ATTACHMENTS: Final = select(
    *(MESSAGES.c[name] for name in _MESSAGE_FIELDS),
    *(ATTACHMENTS.c[name].label(f"attachment_{name}") for name in _ATTACHMENT_FIELDS),
).join_from(MESSAGES, ATTACHMENTS, ATTACHMENTS.c.message_id == MESSAGES.c.id, isouter=True)
_BY_ID: Final = _WITH_ATTACHMENTS.where(MESSAGES.c.id == bindparam("id")).order_by(ATTACHMENTS.c.position)
_BY_KEY: Final = _WITH_ATTACHMENTS.where(
    MESSAGES.c.door == bindparam("door"),
    MESSAGES.c.party == bindparam("party"),
    MESSAGES.c.key == bindparam("key"),
).order_by(ATTACHMENTS.c.position)
_BY_KEYS: Final = _WITH_ATTACHMENTS.where(
    MESSAGES.c.door == bindparam("door"),
    MESSAGES.c.party == bindparam("party"),
    MESSAGES.c.key.in_(bindparam("keys", expanding=True)),
).order_by(MESSAGES.c.id, ATTACHMENTS.c.position)
_OF_CASE: Final = _WITH_ATTACHMENTS.where(MESSAGES.c.case_key == bindparam("case_key")).order_by(
    MESSAGES.c.id, ATTACHMENTS.c.position
)
_DESCRIBE: Final = (
    update(MESSAGES)
    .where(MESSAGES.c.id == bindparam("id_"))
    .values({name: bindparam(f"{name}_") for name in ("type", "profile", "case_key", "version")})
    .returning(exists().where(ATTACHMENTS.c.message_id == bindparam("id_")).label("has_attachments"))
)
_ADD_ATTACHMENTS: Final = plain_insert(ATTACHMENTS)
_DROP_ATTACHMENTS: Final = delete(ATTACHMENTS).where(ATTACHMENTS.c.message_id == bindparam("message_id_"))


class Messages(Rows):
    """What was kept, and what reading found out of it."""

    async def add_message(self, message: Message) -> None:
        """Raises: Conflict, if (door, party, key) or the id is taken; NotFound, if its bytes are not kept."""
        row = values_of(message) | {"parts": [asdict(part) for part in message.parts]}
        del row["attachments"]
        if not await self._insert_new(MESSAGES, row):
            raise Conflict("A message with this key is kept already.", constraint="uq_messages_door_party_key")
        await self._add_attachments(message)

    async def message(self, message_id: str) -> Message:
        """Raises: NotFound."""
        found = await self._messages(_BY_ID, {"id": message_id})
        if not found:
            raise NotFound(f"No message {message_id} is kept here.")
        return found[0]

    async def message_by_key(self, door: str, party: str, key: str) -> Message | None:
        """The message that came by this door from this party under this key."""
        found = await self._messages(_BY_KEY, {"door": door, "party": party, "key": key})
        return found[0] if found else None

    async def messages_by_keys(self, door: str, party: str, keys: tuple[str, ...]) -> tuple[Message, ...]:
        """What came by this door from this party under these keys, oldest first."""
        return await self._messages(_BY_KEYS, {"door": door, "party": party, "keys": keys})

    async def describe_message(self, message: Message) -> None:
        """Set what reading found out: type, profile, case, version, attachments. Raises: NotFound."""
        values = {f"{name}_": getattr(message, name) for name in ("id", "type", "profile", "case_key", "version")}
        had_attachments = (await self._run(_DESCRIBE, values)).scalar()
        if had_attachments is None:
            raise NotFound(f"No message {message.id} is kept here.")
        if had_attachments:
            await self._run(_DROP_ATTACHMENTS, {"message_id_": message.id})
        await self._add_attachments(message)

    async def messages_of_case(self, case_key: str) -> tuple[Message, ...]:
        """Oldest first."""
        return await self._messages(_OF_CASE, {"case_key": case_key})

    async def _add_attachments(self, message: Message) -> None:
        rows = [
            {"message_id": message.id, "position": position, **values_of(attachment)}
            for position, attachment in enumerate(message.attachments)
        ]
        if rows:
            await self._run(_ADD_ATTACHMENTS, rows)

    async def _messages(self, statement: Executable, values: Values) -> tuple[Message, ...]:
        rows = await self._run(statement, values)
        return tuple(_message(group) for _, group in groupby(rows, key=lambda row: row.id))


def _message(rows: Iterable[Row[Any]]) -> Message:
    """One message from its rows, one for each attachment."""
    kept = [row._mapping for row in rows]  # noqa: SLF001  SQLAlchemy's public name for a row by names
    known: Values = {name: kept[0][name] for name in _MESSAGE_FIELDS}
    attachments = tuple(
        Attachment(**{name: row[f"attachment_{name}"] for name in _ATTACHMENT_FIELDS})
        for row in kept
        if row["attachment_id"] is not None
    )
    parts = tuple(KeptPart(**part) for part in known["parts"])
    return Message(**known | {"door": Door(known["door"]), "attachments": attachments, "parts": parts})
