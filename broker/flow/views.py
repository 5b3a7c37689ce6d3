"""What people see of messages: plain dicts, the same for API, console and command line.

Dates are ISO 8601 in UTC with milliseconds (D6.4 section 14.1). Nothing here holds form data: ids, states, codes
and hashes.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from broker.errors import NotFound
from broker.flow.settle import settled
from broker.flow.timeline import compose, stamp
from broker.model.exchanges import State
from broker.model.messages import Door
from broker.translation.pieces import MISSING_PIECE
from broker.translation.plausibility import HINT

if TYPE_CHECKING:
    from broker.model.exchanges import Exchange
    from broker.model.messages import Attachment, KeptPart, Message
    from broker.model.work import Attempt, Work
    from broker.ports import ExchangeFilter, Transaction

#: Facts of an ebMS3 header that are shown. Other properties are kept, and may say anything.
HEADER: Final = (
    "message_id",
    "ref_to_message_id",
    "conversation_id",
    "timestamp",
    "from_party",
    "from_role",
    "to_party",
    "to_role",
    "agreement",
    "service",
    "service_type",
    "action",
    "property.originalSender",
    "property.finalRecipient",
    "property.trackingIdentifier",
)
#: A message stands where its most urgent exchange stands: first what a person must do, last what is over.
URGENCY: Final = (
    State.PARKED,
    State.SIGN_OFF,
    State.SEND_FAILED,
    State.PRESUMED_FAILED,
    State.REFUSED,
    State.KEPT,
    State.RECEIVED,
    State.HELD,
    State.QUEUED,
    State.SUBMITTING,
    State.READY,
    State.SUBMITTED,
    State.DELIVERED,
    State.CANCELLED,
    State.ACKNOWLEDGED,
    State.ENDED,
)


def most_urgent(exchanges: tuple[Exchange, ...]) -> Exchange | None:
    """The exchange that speaks for its message; the newest of equals. None before the first one."""
    return min(reversed(exchanges), key=lambda exchange: URGENCY.index(exchange.state), default=None)


def concerns(message: Message, exchanges: tuple[Exchange, ...], backend: str) -> bool:
    """Whether this back end brought the message or is addressed by it."""
    brought = message.party == backend and message.door is not Door.ACCESS_POINT
    return brought or any(exchange.addressee == backend for exchange in exchanges)


def shown_to(message: Message, exchanges: tuple[Exchange, ...], backend: str) -> tuple[Exchange, ...]:
    """The exchanges that a caller may see; `backend` is "" for staff. Who brought a message sees all its ways."""
    if not backend or (message.party == backend and message.door is not Door.ACCESS_POINT):
        return exchanges
    return tuple(exchange for exchange in exchanges if exchange.addressee == backend)


async def message_list(tx: Transaction, wanted: ExchangeFilter) -> dict[str, Any]:
    """`messages` newest first, one row each, and `next`: what to ask `before` for the following page, or null.

    With `wanted.party`, each row tells only of the exchanges that this back end may see.
    """
    page = await tx.exchanges(wanted)
    rows = {}
    for exchange in page:
        if exchange.message_id not in rows and await _first_seen(tx, exchange, wanted):
            rows[exchange.message_id] = await message_row(tx, exchange.message_id, wanted.party)
    return {
        "messages": list(rows.values()),
        "next": page[-1].id if len(page) == wanted.limit else None,
    }


async def _first_seen(tx: Transaction, exchange: Exchange, wanted: ExchangeFilter) -> bool:
    """Whether no earlier page has shown this message by a newer exchange of it."""
    if not wanted.before:
        return True
    siblings = await tx.exchanges_of_message(exchange.message_id)
    return not any(other.id >= wanted.before and _matches(other, wanted) for other in siblings)


def _matches(exchange: Exchange, wanted: ExchangeFilter) -> bool:
    asked = (
        (wanted.direction, exchange.direction),
        (wanted.type, exchange.type),
        (wanted.addressee, exchange.addressee),
        (wanted.case_key, exchange.case_key),
    )
    in_states = not wanted.states or exchange.state in wanted.states
    return in_states and all(not want or want == have for want, have in asked)


async def message_row(tx: Transaction, message_id: str, backend: str = "") -> dict[str, Any]:
    """One message as a row of a list; with `backend`, as this back end may see it."""
    message = await tx.message(message_id)
    exchanges = shown_to(message, await tx.exchanges_of_message(message_id), backend)
    work = await tx.work_of((message_id, *(exchange.id for exchange in exchanges)))
    return _summary(message, exchanges, work)


def _summary(message: Message, exchanges: tuple[Exchange, ...], work: tuple[Work, ...]) -> dict[str, Any]:
    speaker = most_urgent(exchanges)
    return {
        "id": message.id,
        "type": message.type,
        "profile": message.profile,
        "direction": speaker.direction if speaker else "",
        "door": message.door,
        "party": message.party,
        "case": message.case_key,
        "version": message.version,
        "state": speaker.state if speaker else State.KEPT,
        "outcome": speaker.outcome if speaker else "",
        "settled": settled(speaker) if speaker else "",
        "addressees": [exchange.addressee for exchange in exchanges if exchange.addressee],
        "sha256": message.sha256,
        "size": message.size,
        "kept_at": stamp(message.kept_at),
        "message_id": wire_id(message, exchanges),
        "waiting": _waiting(work),
    }


def wire_id(message: Message, exchanges: tuple[Exchange, ...]) -> str:
    """The AS4 MessageId under which the message came in, or first goes out."""
    if message.door is Door.ACCESS_POINT:
        return message.headers.get("message_id", message.key)
    return next((exchange.wire_message_id for exchange in exchanges if exchange.wire_message_id), "")


def _waiting(work: tuple[Work, ...]) -> dict[str, Any] | None:
    if not work:
        return None
    first = min(work, key=lambda row: row.next_attempt_at)
    return {
        "next_attempt_at": stamp(first.next_attempt_at),
        "step": first.kind,
        "attempts": first.attempts,
        "last_error": first.last_error,
    }


async def message_view(tx: Transaction, message_id: str, *, backend: str = "") -> dict[str, Any]:
    """One message: where it stands, its exchanges, attempts and one timeline.

    With `backend`, as this back end may see it.

    Raises:
        NotFound: no such message, or it does not concern this back end.
    """
    message, exchanges = await visible_message(tx, message_id, backend=backend)
    subjects = (message_id, *(exchange.id for exchange in exchanges))
    work, attempts = await tx.work_of(subjects), await tx.attempts(subjects)
    entries = await tx.entries_about(subjects)
    return {
        **_summary(message, exchanges, work),
        "content_type": message.content_type,
        "key": message.key,
        "causation": message.causation_id,
        "attachments": [_attachment(attachment) for attachment in message.attachments],
        "header": {name: message.headers[name] for name in HEADER if message.headers.get(name)},
        "parts": [{"number": number, **asdict(part)} for number, part in enumerate(message.parts, start=1)],
        "problems": _problems(exchanges),
        "exchanges": [_exchange(exchange) for exchange in exchanges],
        "attempts": [_attempt(attempt) for attempt in attempts],
        "timeline": compose(message, exchanges, attempts=attempts, work=work, entries=entries),
    }


def part_of(message: Message, number: str) -> KeptPart:
    """A payload by its number, counted from 1. Raises: NotFound."""
    found = {str(place): part for place, part in enumerate(message.parts, start=1)}
    if number not in found:
        raise NotFound(f"the message has {len(found)} parts, counted from 1")
    return found[number]


def without_words(view: dict[str, Any]) -> dict[str, Any]:
    """The same message for who may see states but no documents: a problem's sentence and value may quote one.

    So may what the sender wrote into the ebMS3 header.
    """
    exchanges = [{**way, "reason": "" if way["problems"] else way["reason"]} for way in view["exchanges"]]
    told = [{**way, "problems": [_where(problem) for problem in way["problems"]]} for way in exchanges]
    return {**view, "header": {}, "exchanges": told, "problems": [_where(problem) for problem in view["problems"]]}


def _where(problem: dict[str, str]) -> dict[str, str]:
    told = {name: text for name, text in problem.items() if name != "value"}
    return {**told, "detail": "The sentence is for those who may read documents."}


async def visible_message(
    tx: Transaction, message_id: str, *, backend: str = ""
) -> tuple[Message, tuple[Exchange, ...]]:
    """The message and those of its exchanges that the caller may see.

    Raises:
        NotFound: no such message, or it does not concern this back end: both look the same from outside.
    """
    message = await tx.message(message_id)
    exchanges = await tx.exchanges_of_message(message_id)
    if backend and not concerns(message, exchanges, backend):
        raise NotFound("no such message is kept here")
    return message, shown_to(message, exchanges, backend)


def _problems(exchanges: tuple[Exchange, ...]) -> list[dict[str, str]]:
    found = []
    for exchange in exchanges:
        found += [dict(problem) for problem in exchange.problems if dict(problem) not in found]
    return found


def with_hints(report: bytes, exchange: Exchange) -> bytes:
    """A spelled out report, with what looks odd in its message (`schemas/report.schema.json`)."""
    odd = [dict(problem) for problem in exchange.problems if problem["code"].startswith((HINT, MISSING_PIECE))]
    if not odd:
        return report
    return json.dumps({**json.loads(report), "hints": odd}, ensure_ascii=False, separators=(",", ":")).encode()


def _attachment(attachment: Attachment) -> dict[str, Any]:
    """Without the file's name: names of files name people."""
    return {
        "id": attachment.id,
        "media_type": attachment.media_type,
        "size": attachment.size,
        "sha256": attachment.sha256,
    }


def _exchange(exchange: Exchange) -> dict[str, Any]:
    return {
        "id": exchange.id,
        "direction": exchange.direction,
        "state": exchange.state,
        "addressee": exchange.addressee,
        "type": exchange.type,
        "case": exchange.case_key,
        "leg": exchange.leg,
        "version": exchange.version,
        "profile": exchange.profile,
        "message_id": exchange.wire_message_id,
        "document_sha256": exchange.document_sha256,
        "report_sha256": exchange.report_sha256,
        "outcome": exchange.outcome,
        "settled": settled(exchange),
        "reason": exchange.reason,
        "problems": [dict(problem) for problem in exchange.problems],
        "losses": [dict(loss) for loss in exchange.losses],
        "signed_off_by": exchange.signed_off_by,
        "validation": exchange.validation,
        "answer": exchange.answer,
        "receipt": exchange.receipt_verdict,
        "receipt_sha256": exchange.receipt_sha256,
        "resend": exchange.resend,
        **_moments(exchange),
    }


def _moments(exchange: Exchange) -> dict[str, str | None]:
    moments = {
        "created_at": exchange.created_at,
        "updated_at": exchange.updated_at,
        "signed_off_at": exchange.signed_off_at,
        "submitted_at": exchange.submitted_at,
        "receipt_at": exchange.receipt_at,
        "validation_at": exchange.validation_at,
        "answer_at": exchange.answer_at,
        "delivered_at": exchange.delivered_at,
        "acknowledged_at": exchange.acknowledged_at,
        "due_at": exchange.due_at,
    }
    return {name: stamp(at) if at else None for name, at in moments.items()}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "subject": attempt.subject,
        "step": attempt.step,
        "number": attempt.number,
        "started_at": stamp(attempt.started_at),
        "ended_at": stamp(attempt.ended_at),
        "outcome": attempt.outcome,
        "error_code": attempt.error_code,
        "detail": attempt.detail,
    }
