"""Deliver one exchange: outbound to the access point, inbound to a back end.

The MessageId towards the access point was derived and kept before the first submit. *Already exists* means
arrived only if the status query agrees (neither NOT_FOUND, SEND_FAILURE nor DELETED). Every failure stays
retryable; when the budget is used up the exchange waits for a person, it is never dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from broker.errors import AlreadySubmitted, BrokerError, LostLease, OutcomeUnknown, Refused, Unavailable
from broker.flow.answers import due_by, settled
from broker.flow.node import Due, Node, commit, log
from broker.flow.notices import write_notice
from broker.flow.opinion import opinion
from broker.flow.order import next_in_turn, waits_its_turn
from broker.flow.outcomes import Done, Later, Outcome, Park
from broker.flow.pauses import is_paused
from broker.model.exchanges import Direction, Exchange, State
from broker.model.messages import DOCUMENT_PART, FILE_PART, Message, MessageType
from broker.model.work import Attempt, Work, WorkKind
from broker.ports import Delivery, Part, UserMessage
from broker.translation.facts import attachments_of
from broker.translation.files.rules import shipped_file_rules

if TYPE_CHECKING:
    from datetime import datetime

    from lxml import etree

    from broker.payloads import Payload
    from broker.ports import AccessPoint, Transaction
    from broker.translation.facts import AttachmentFact

STRUCTURED_PART: Final = "cid:structured"
#: What the access point knows and will not send: under this MessageId it never arrives.
_GIVEN_UP: Final = frozenset({"SEND_FAILURE", "DELETED"})
_DELIVERABLE: Final = frozenset({State.QUEUED, State.SUBMITTING, State.READY})


async def deliver(node: Node, exchange_id: str) -> None:
    """Work on one deliver row, if it is there, due and free."""
    started = node.clock.now()
    claimed = await commit(node, lambda tx: _claim(node, tx, exchange_id, started))
    if claimed is None:
        return
    work, exchange = claimed.work, claimed.exchange
    outcome = await _try(node, claimed)
    if isinstance(outcome, Later) and started - exchange.created_at > timedelta(seconds=node.retry.budget):
        outcome = Park(f"gave up after {work.attempts} tries: {outcome.reason}")
    node.observe("deliver", type(outcome).__name__.lower(), (node.clock.now() - started).total_seconds())
    try:
        follower = await commit(node, lambda tx: _record(node, tx, work, outcome, started))
    except LostLease:
        log.warning("exchange.lease_lost", exchange_id=exchange_id)
        return
    if follower:
        await node.hint(WorkKind.DELIVER, follower)


@dataclass(frozen=True, slots=True)
class _Claimed:
    """One delivery in hand. `doubtful`: an earlier try may have reached the access point, nobody has heard yet."""

    work: Work
    exchange: Exchange
    message: Message
    parts: tuple[Part, ...]  #: the document first
    doubtful: bool


async def _claim(node: Node, tx: Transaction, exchange_id: str, now: datetime) -> _Claimed | None:
    until = now + timedelta(seconds=node.retry.lease)
    work = await tx.claim_work(WorkKind.DELIVER, exchange_id, worker=node.worker, now=now, until=until)
    if work is None:
        return None
    exchange = await tx.exchange(exchange_id)
    if exchange.state not in _DELIVERABLE:
        await tx.finish_work(work)
        return None
    if await waits_its_turn(tx, work, exchange, now) or await is_paused(node, tx, work, exchange.addressee):
        return None
    doubtful = exchange.state is State.SUBMITTING
    if exchange.state is State.QUEUED:
        exchange = await tx.save_exchange(replace(exchange, state=State.SUBMITTING, updated_at=now))
    message = await tx.message(exchange.message_id)
    return _Claimed(work, exchange, message, await _parts(node, tx, exchange), doubtful)


async def _parts(node: Node, tx: Transaction, exchange: Exchange) -> tuple[Part, ...]:
    document = Part(DOCUMENT_PART, exchange.content_type, await tx.payload(exchange.document_sha256))
    if exchange.direction is Direction.INBOUND or not exchange.pivot_sha256:
        return (document,)
    pivot = await tx.content(exchange.pivot_sha256)
    beside = node.codec.beside(exchange.type)
    agreed = bool(exchange.signed_off_at and exchange.losses)
    structured = (Part.of(STRUCTURED_PART, "application/xml", pivot),) if beside.structured or agreed else ()
    files = await _files(tx, node.documents.parse(pivot)) if beside.files else ()
    return (document, *structured, *files)


async def _files(tx: Transaction, root: etree._Element) -> tuple[Part, ...]:
    """The files that a document names, each byte sequence once."""
    named = {one.sha256: one for one in attachments_of(root)}
    payloads = await tx.payloads(*named)
    return tuple(_file_part(one, payload) for one, payload in zip(named.values(), payloads, strict=True))


def _file_part(named: AttachmentFact, payload: Payload) -> Part:
    media_type = named.media_type or shipped_file_rules().media_type(named.name)
    return Part(f"{FILE_PART}{named.sha256}", media_type, payload)


async def _try(node: Node, claimed: _Claimed) -> Outcome:
    exchange = claimed.exchange
    breaker = node.breakers.of(exchange.addressee)
    if breaker.blocked(node.clock.now()):
        return Later(timedelta(seconds=breaker.rest), f"{exchange.addressee} is left alone after repeated failures")
    send = _submit if exchange.direction is Direction.OUTBOUND else _hand_over
    try:
        outcome = await send(node, claimed)
    except Refused as refused:
        return Park(refused.detail, refused.problems)
    except Unavailable as problem:
        breaker.failed(node.clock.now())
        return Later(timedelta(0), problem.detail, problem.code)
    except BrokerError as problem:
        return Later(timedelta(0), problem.detail, problem.code)
    except Exception as error:  # noqa: BLE001 -- without an outcome the row would come back after every lease, for ever
        log.error("exchange.failed", exchange_id=exchange.id, code=BrokerError.code, exc_info=error)
        return Later(timedelta(0), f"something unforeseen happened ({type(error).__name__})", BrokerError.code)
    breaker.succeeded()
    return outcome


async def _submit(node: Node, claimed: _Claimed) -> Outcome:
    if node.access_point is None:
        return Later(timedelta(seconds=60), "no access point is configured (access_point.url)", "configuration")
    if claimed.doubtful:
        known = await _resolved(node.access_point, claimed, OutcomeUnknown("nobody heard what became of the last try"))
        if not isinstance(known, Later):
            return known
    elif disputed := await opinion(node, claimed.exchange, claimed.parts[0].payload):
        return disputed
    try:
        await node.access_point.submit(_user_message(node, claimed.exchange, claimed.message, claimed.parts))
    except (AlreadySubmitted, OutcomeUnknown) as unclear:
        return await _resolved(node.access_point, claimed, unclear)
    return Done()


async def _resolved(access_point: AccessPoint, claimed: _Claimed, unclear: BrokerError) -> Outcome:
    """What became of a submit that nobody heard the end of. Raises: OutcomeUnknown, as long as nobody can tell."""
    try:
        status = await access_point.status(claimed.exchange.wire_message_id)
    except Unavailable as problem:
        raise OutcomeUnknown(f"{unclear.detail}; its status cannot be had ({problem.detail})") from problem
    if status in _GIVEN_UP:
        return GaveUp(f"the access point has the message and will not send it (status {status})")
    if status == "NOT_FOUND":
        code = Unavailable.code if isinstance(unclear, OutcomeUnknown) else unclear.code
        return Later(timedelta(0), f"{unclear.detail} (status {status})", code)
    return Done(before=True)


def _user_message(node: Node, exchange: Exchange, message: Message, parts: tuple[Part, ...]) -> UserMessage:
    return UserMessage(
        message_id=exchange.wire_message_id,
        parts=parts,
        conversation_id=exchange.case_key or message.id,
        ref_to_message_id=message.headers.get("ref_to_message_id", ""),
        from_party=node.wire.party,
        to_party=node.wire.central_party,
        service=node.wire.service,
        service_type=node.wire.service_type,
        action=node.wire.action,
        properties=dict(node.wire.properties),
    )


async def _hand_over(node: Node, claimed: _Claimed) -> Outcome:
    exchange, message = claimed.exchange, claimed.message
    connected = node.backends.get(exchange.addressee)
    if connected is None:
        return Park(f"no back end is called {exchange.addressee}")
    delivery = Delivery(
        id=exchange.id,
        type=exchange.type,
        profile=exchange.profile,
        content_type=exchange.content_type,
        document=claimed.parts[0].data,
        sha256=exchange.document_sha256,
        case_key=exchange.case_key,
        causation_id=message.causation_id or message.id,
        attachments=message.attachments,
    )
    acknowledged = await connected.backend.deliver(delivery)
    return Acknowledged() if acknowledged else Done()


class Acknowledged(Done):
    """Delivered, and the back end said that it has it."""


class GaveUp(Park):
    """The access point will not send it under this MessageId: a person restores it, or sends it under another."""


async def _record(node: Node, tx: Transaction, work: Work, outcome: Outcome, started: datetime) -> str:
    """Write down what came of it; the exchange whose turn it is now, "" if none waits."""
    now = node.clock.now()
    exchange = await tx.exchange(work.subject)
    await tx.add_attempt(_attempt(node, work, outcome, started, now))
    if isinstance(outcome, Later):
        delay = max(outcome.delay, node.retry.delay(work.attempts, node.random))
        await tx.postpone_work(work, at=now + delay, error=f"{outcome.code}: {outcome.reason}"[:500])
        if exchange.state is State.SUBMITTING and outcome.code != OutcomeUnknown.code:
            await tx.save_exchange(replace(exchange, state=State.QUEUED, updated_at=now))
        log.warning("exchange.later", exchange_id=exchange.id, code=outcome.code, attempt=work.attempts)
        return ""
    await tx.finish_work(work)
    failed = isinstance(outcome, Park) and exchange.state is not State.ACKNOWLEDGED
    after = _parked(exchange, outcome) if failed else _arrived(node, exchange, outcome, now)
    after = await tx.save_exchange(replace(after, updated_at=now))
    if after.state is State.ENDED and exchange.state is not State.ENDED:
        await write_notice(node, tx, after, MessageType.OUTCOME_NOTICE)
    detail = {"wire_id": exchange.wire_message_id, "document_sha256": exchange.document_sha256}
    await tx.write_entry(node.entry(f"exchange.{after.state.lower()}", exchange.id, after.state, **detail))
    known = {"wire_message_id": after.wire_message_id} if after.wire_message_id else {}
    log.info("exchange.delivered", exchange_id=exchange.id, state=after.state.value, type=exchange.type, **known)
    return await next_in_turn(tx, exchange)


def _attempt(node: Node, work: Work, outcome: Outcome, started: datetime, now: datetime) -> Attempt:
    return Attempt(
        id=node.ids.new(),
        subject=work.subject,
        step=work.kind.value,
        number=work.attempts,
        started_at=started,
        ended_at=now,
        outcome=type(outcome).__name__.lower(),
        error_code=outcome.code if isinstance(outcome, Later) else "",
        detail=(getattr(outcome, "reason", ""))[:500],
        worker=node.worker,
    )


def _parked(exchange: Exchange, outcome: Outcome) -> Exchange:
    assert isinstance(outcome, Park)  # noqa: S101 -- narrows the type for the one caller
    problems = tuple(problem.as_dict() for problem in outcome.problems)
    state = State.SEND_FAILED if isinstance(outcome, GaveUp) else State.PARKED
    return replace(exchange, state=state, reason=outcome.reason, problems=problems or exchange.problems)


def _arrived(node: Node, exchange: Exchange, outcome: Outcome, now: datetime) -> Exchange:
    if exchange.direction is Direction.INBOUND:
        # A back end may acknowledge, or reply, before its own answer to the delivery is here.
        acknowledged_at = exchange.acknowledged_at or (now if isinstance(outcome, Acknowledged) else None)
        state = State.ACKNOWLEDGED if acknowledged_at else State.DELIVERED
        return replace(exchange, state=state, delivered_at=now, acknowledged_at=acknowledged_at)
    sending = exchange.state is State.SUBMITTING
    before = exchange.submitted_at if isinstance(outcome, Done) and outcome.before else None
    arrived = replace(
        exchange,
        state=State.SUBMITTED if sending else exchange.state,
        submitted_at=before or now,
        due_at=due_by(node, exchange.type, now) if sending else None,
    )
    # An answer may have been faster than the access point's own.
    return settled(arrived, node.due.get(exchange.type, Due()))
