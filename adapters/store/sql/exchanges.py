"""Exchanges: one row each, saved under an optimistic lock."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, bindparam, exists, or_, select, text, update

from adapters.store.sql.connections import Values
from adapters.store.sql.rows import Rows, values_of
from adapters.store.sql.tables import CASE_ALIASES, EXCHANGES, FORMER_WIRE_IDS, MESSAGES
from broker.errors import Conflict, NotFound
from broker.model.exchanges import Direction, Exchange, State

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Executable, Row, Select

    from broker.ports import ExchangeFilter

_E: Final = EXCHANGES.c
_FIELDS: Final = tuple(field.name for field in fields(Exchange))
_ALL: Final = select(*(_E[name] for name in _FIELDS))
_BY_ID: Final = _ALL.where(_E.id == bindparam("id"))
_BY_WIRE_ID: Final = _ALL.where(_E.wire_message_id == bindparam("wire"), text("wire_message_id <> ''"))
_BY_FORMER_ID: Final = _ALL.join(FORMER_WIRE_IDS, FORMER_WIRE_IDS.c.exchange_id == _E.id).where(
    FORMER_WIRE_IDS.c.wire_message_id == bindparam("wire")
)
#: The constant stands in the text, so that the partial index is used.
_BY_DOCUMENT: Final = (
    _ALL.where(
        _E.addressee == bindparam("addressee"),
        _E.document_sha256 == bindparam("document"),
        text("document_sha256 <> ''"),
    )
    .order_by(_E.id.desc())
    .limit(1)
)
_OF_MESSAGE: Final = _ALL.where(_E.message_id == bindparam("message_id")).order_by(_E.id)
#: Constants stand in the text of these two, so that PostgreSQL uses the partial indexes.
_OVERDUE: Final = (
    _ALL.where(text("state = 'SUBMITTED'"), _E.due_at <= bindparam("now"))
    .order_by(_E.due_at, _E.id)
    .limit(bindparam("limit"))
)
_UNRECEIPTED: Final = (
    _ALL.where(
        text("direction = 'outbound' AND receipt_at IS NULL AND wire_message_id <> ''"),
        text("state IN ('SUBMITTED', 'ENDED')"),
        _E.id > bindparam("after"),
    )
    .order_by(_E.id)
    .limit(bindparam("limit"))
)
_UNPROVEN: Final = (
    _ALL.where(
        text("direction = 'outbound' AND receipt_at IS NOT NULL AND receipt_sha256 = ''"),
        _E.receipt_at >= bindparam("since"),
        _E.id > bindparam("after"),
    )
    .order_by(_E.id)
    .limit(bindparam("limit"))
)
_SAVE: Final = (
    update(EXCHANGES)
    .where(_E.id == bindparam("id_"), _E.revision == bindparam("revision_"))
    .values({name: bindparam(name) for name in _FIELDS if name != "id"})
)


class Exchanges(Rows):
    """A message's ways to its addressees."""

    async def add_exchange(self, exchange: Exchange) -> None:
        """Raises: Conflict, if the id or the wire_message_id is taken; NotFound, if the message is not kept."""
        if not await self._insert_new(EXCHANGES, values_of(exchange)):
            raise Conflict("An exchange with this id or this wire message id is kept already.")

    async def exchange(self, exchange_id: str) -> Exchange:
        """Raises: NotFound."""
        row = (await self._run(_BY_ID, {"id": exchange_id})).first()
        if row is None:
            raise NotFound(f"No exchange {exchange_id} is kept here.")
        return _exchange(row)

    async def save_exchange(self, exchange: Exchange) -> Exchange:
        """Write all columns over the same revision. Raises: Conflict, if another transaction was first."""
        saved = replace(exchange, revision=exchange.revision + 1)
        values = values_of(saved) | {"id_": exchange.id, "revision_": exchange.revision}
        del values["id"]
        if (await self._run(_SAVE, values)).rowcount != 1:
            raise Conflict("The exchange was changed meanwhile: read it again.", constraint="revision")
        return saved

    async def exchanges_of_message(self, message_id: str) -> tuple[Exchange, ...]:
        """Oldest first."""
        return await self._exchanges(_OF_MESSAGE, {"message_id": message_id})

    async def exchange_by_wire_id(self, wire_message_id: str) -> Exchange | None:
        """The exchange that was sent under this AS4 MessageId, now or before it was sent again under another."""
        found = await self._exchanges(_BY_WIRE_ID, {"wire": wire_message_id})
        found = found or await self._exchanges(_BY_FORMER_ID, {"wire": wire_message_id})
        return found[0] if found else None

    async def add_former_wire_id(self, wire_message_id: str, exchange_id: str) -> None:
        """A MessageId under which the exchange was sent before: what answers it still finds the exchange."""
        await self._insert_new(FORMER_WIRE_IDS, {"wire_message_id": wire_message_id, "exchange_id": exchange_id})

    async def exchanges(self, wanted: ExchangeFilter) -> tuple[Exchange, ...]:
        """Newest first."""
        said = {name: value for name in _CONDITIONS if (value := getattr(wanted, name))}
        return await self._exchanges(_filtered(tuple(said)), said | {"limit": wanted.limit})

    async def exchange_by_document(self, addressee: str, document_sha256: str) -> Exchange | None:
        """The newest that brings the addressee this document."""
        found = await self._exchanges(_BY_DOCUMENT, {"addressee": addressee, "document": document_sha256})
        return found[0] if found else None

    async def overdue_exchanges(self, now: datetime, limit: int) -> tuple[Exchange, ...]:
        """SUBMITTED, and the time for an answer has passed; the longest overdue first."""
        return await self._exchanges(_OVERDUE, {"now": now, "limit": limit})

    async def unreceipted_exchanges(self, limit: int, after: str = "") -> tuple[Exchange, ...]:
        """Sent under a wire message id, and no receipt known; oldest first, from behind the id `after` on."""
        return await self._exchanges(_UNRECEIPTED, {"limit": limit, "after": after})

    async def unproven_exchanges(self, since: datetime, limit: int, after: str = "") -> tuple[Exchange, ...]:
        """A receipt is known and the signed one is not kept; oldest first, from behind the id `after` on."""
        return await self._exchanges(_UNPROVEN, {"since": since, "limit": limit, "after": after})

    async def _exchanges(self, statement: Executable, values: Values) -> tuple[Exchange, ...]:
        return tuple(_exchange(row) for row in await self._run(statement, values))


def _exchange(row: Row[Any]) -> Exchange:
    values: Values = dict(row._mapping)  # noqa: SLF001  SQLAlchemy's public name for a row by names
    values["direction"] = Direction(values["direction"])
    values["state"] = State(values["state"])
    values["problems"] = tuple(values["problems"])
    values["losses"] = tuple(values["losses"])
    return Exchange(**values)


def _brought_by(party: ColumnElement[str]) -> ColumnElement[bool]:
    return exists().where(MESSAGES.c.id == _E.message_id, MESSAGES.c.party == party)


def _names(words: ColumnElement[str]) -> ColumnElement[bool]:
    """Any id of the exchange, its message or its case is exactly this."""
    own = (_E.id, _E.message_id, _E.wire_message_id, _E.case_key)
    alias = select(CASE_ALIASES.c.case_key).where(CASE_ALIASES.c.value == words)
    key = exists().where(MESSAGES.c.id == _E.message_id, MESSAGES.c.key == words)
    return or_(*(column == words for column in own), _E.case_key.in_(alias), key)


_PARTY: Final = bindparam("party", type_=_E.addressee.type)
#: What each field of a filter asks for, if it says something.
_CONDITIONS: Final[dict[str, ColumnElement[bool]]] = {
    **{name: _E[name] == bindparam(name) for name in ("direction", "type", "addressee", "case_key")},
    "states": _E.state.in_(bindparam("states", expanding=True)),
    "before": _E.id < bindparam("before"),
    "party": or_(_E.addressee == _PARTY, _brought_by(_PARTY)),
    "text": _names(bindparam("text", type_=_E.id.type)),
}


@cache
def _filtered(said: tuple[str, ...]) -> Select[Any]:
    """One statement for all filters that say the same fields: made once, all conditions must hold."""
    conditions = (_CONDITIONS[name] for name in said)
    return _ALL.where(*conditions).order_by(_E.id.desc()).limit(bindparam("limit"))
