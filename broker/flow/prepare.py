"""Prepare one message: the stages in their order, then one commit.

    keep → read → validate → complete → examine → correlate → apply → write → record        then a ticket: deliver

Reading needs no database; from correlating on, one transaction sees one truth and writes its consequences. If
another transaction was first, the whole of it runs again on what is true then. Several messages are read at once; what
one back end says of one case is decided in the order in which it was kept.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from broker.errors import BrokerError, LostLease, Problem, Unavailable
from broker.flow.apply import apply, not_validated, validated
from broker.flow.complete import complete
from broker.flow.correlate import correlate
from broker.flow.events import ANSWERS
from broker.flow.examine import examine
from broker.flow.keep import keep_apart
from broker.flow.node import Node, commit, log
from broker.flow.notices import write_notice
from broker.flow.order import A_MOMENT, EARLY, comes_after, put_behind, spoken_of
from broker.flow.outcomes import Apart, Later, Park, Refuse, Stop
from broker.flow.passage import Passage
from broker.flow.read import read, validate
from broker.flow.record import record, write_rules
from broker.flow.write import write
from broker.model.exchanges import Direction, Outcome, State
from broker.model.messages import Door, MessageType
from broker.model.work import Attempt, Work, WorkKind

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from broker.ports import Transaction

READING: Final = (read, validate, complete, examine)
#: What comes from a queue and seems to come too early is tried again, six times soon, then slower: RabbitMQ may deliver
#: again, behind it, what an outage left unacknowledged. In all about 15 seconds of a running node.
_PATIENCE: Final = 8  #: tries of what the store does not take
_EARLY: Final = (timedelta(seconds=0.1), timedelta(seconds=1.8))
_SOON: Final = 6
_EARLY_TRIES: Final = 14
_SLOW: Final = 0.25  #: seconds after which a stage's message is said to be about its own case only
_ABOUT_ORDER: Final = frozenset({"illegal-step", "guard-unmet", "illegal-national-step", "unknown-case"})


@dataclass(frozen=True, slots=True)
class _Read:
    """A claimed message, and what reading it came to."""

    work: Work
    came_to: Passage | Stop
    kept: Passage
    started: datetime


async def prepare(node: Node, message_id: str) -> None:
    """Work on one prepare row, if it is there, due and free."""
    started = node.clock.now()
    claimed = await commit(node, lambda tx: _claim(node, tx, message_id, started))
    if claimed is None:
        return
    work, passage = claimed
    with node.hands.holding(message_id):
        ready = await _prepared(node, work, passage, started)
    node.observe("prepare", "done", (node.clock.now() - started).total_seconds())
    for exchange_id in ready:
        await node.hint(WorkKind.DELIVER, exchange_id)


async def _prepared(node: Node, work: Work, passage: Passage, started: datetime) -> tuple[str, ...]:
    try:
        return await _in_turn(node, _Read(work, await _read(node, work, passage), passage, started))
    except LostLease:
        log.warning("message.lease_lost", message_id=work.subject)
        return ()
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 -- it would come back after every lease, for ever
        log.error("message.failed", message_id=work.subject, code=BrokerError.code, exc_info=error)
        stop = _unforeseen(node, work, error)
        return await commit(node, lambda tx: _finish(node, tx, _Read(work, stop, passage, started), stop))


def _unforeseen(node: Node, work: Work, error: Exception) -> Stop:
    """A fault of ours. What another transaction did may pass by itself; all else waits for a person at once."""
    if isinstance(error, BrokerError) and work.attempts < _PATIENCE:
        return Later(node.retry.delay(work.attempts, node.random), "the store did not take it", error.code)
    problem = Problem(
        BrokerError.code,
        "something unforeseen happened while the message was prepared",
        rule=type(error).__name__,
        hint="Find the message's id in the log, then retry it.",
    )
    return Park("something unforeseen happened; the log has the rest", (problem,))


async def _claim(node: Node, tx: Transaction, message_id: str, now: datetime) -> tuple[Work, Passage] | None:
    until = now + timedelta(seconds=node.retry.lease)
    work = await tx.claim_work(WorkKind.PREPARE, message_id, worker=node.worker, now=now, until=until)
    if work is None:
        return None
    message = await tx.message(message_id)
    first = (await tx.exchanges_of_message(message_id))[0]
    if first.state not in {State.KEPT, State.RECEIVED, State.HELD}:
        await tx.finish_work(work)
        return None
    return work, Passage(message, await tx.payload(message.sha256), first)


async def _read(node: Node, work: Work, passage: Passage) -> Passage | Stop:
    came_to: Passage | Stop = passage
    for stage in READING:
        if isinstance(came_to, Passage):
            came_to = await _apart(node, spoken_of(work, came_to), stage(node, came_to))
    return came_to


async def _apart(node: Node, work: Work, stage: Coroutine[None, None, Passage | Stop]) -> Passage | Stop:
    """Run a stage; a slow one holds up what its sender says of the same case, and nothing else."""
    if not work.about:
        return await stage
    running = asyncio.ensure_future(stage)
    try:
        done, _ = await asyncio.wait((running,), timeout=_SLOW)
        if not done:
            node.hands.say(work.subject, work.about)
            await commit(node, lambda tx: tx.note_about(work))
        return await running
    finally:
        running.cancel()


async def _in_turn(node: Node, read: _Read) -> tuple[str, ...]:
    """Decide when it is the message's turn; what waits long for it goes back among the rows."""
    clock = asyncio.get_running_loop().time
    until = clock() + node.retry.in_hand
    while True:
        ready, before = await commit(node, partial(_decide_in_turn, node, read, last=clock() >= until))
        if not before:
            return ready
        await node.hands.move(before, max(until - clock(), 0.0))


async def _decide_in_turn(node: Node, read: _Read, tx: Transaction, *, last: bool) -> tuple[tuple[str, ...], str]:
    if not isinstance(read.came_to, Passage):
        return await _finish(node, tx, read, read.came_to), ""
    found = await correlate(node, tx, read.came_to)
    work = spoken_of(read.work, found if isinstance(found, Passage) else read.came_to)
    new = node.hands.say(work.subject, work.about)
    before = await comes_after(tx, work, read.came_to, node.hands)
    if not before:
        return await _finish(node, tx, replace(read, work=work), await _decided(node, tx, read, found)), ""
    if last:
        await put_behind(tx, work, node.clock.now() + A_MOMENT)
        return (), ""
    if new:  # other processes need not wait for this one then
        await tx.note_about(work)
    return (), before


async def _decided(node: Node, tx: Transaction, read: _Read, found: Passage | Stop) -> Passage | Stop:
    applied = apply(node, found) if isinstance(found, Passage) else found
    if isinstance(applied, (Refuse, Park)) and _may_be_early(read, applied):
        return Later(_EARLY[read.work.attempts > _SOON], "waits for what the same back end sent before", EARLY)
    return await write(node, tx, applied) if isinstance(applied, Passage) else applied


def _may_be_early(read: _Read, stop: Refuse | Park) -> bool:
    """Whether something that was published before it, and is not even kept, may be what this one lacks."""
    about_order = not _ABOUT_ORDER.isdisjoint(problem.code for problem in stop.problems)
    return about_order and read.kept.message.door is Door.AMQP and read.work.attempts < _EARLY_TRIES


async def _finish(node: Node, tx: Transaction, read: _Read, decided: Passage | Stop) -> tuple[str, ...]:
    await tx.add_attempt(_attempt(node, read.work, decided, read.started))
    passage = read.came_to if isinstance(read.came_to, Passage) else read.kept
    if isinstance(decided, Later):
        return await _hold(node, tx, read.work, passage, decided)
    await tx.finish_work(read.work)
    if isinstance(decided, Passage):
        log.info("message.prepared", message_id=read.kept.message.id, type=decided.message.type)
        return await record(node, tx, decided)
    if isinstance(decided, Apart):
        await _take_apart(node, tx, passage, decided)
        return ()
    return await _stop(node, tx, passage, decided)


async def _take_apart(node: Node, tx: Transaction, passage: Passage, apart: Apart) -> None:
    """End a message that is several; each of them is kept in the same commit, and one that is bad holds up no other."""
    await keep_apart(node, tx, passage.message, apart.entries)
    reason = f"it holds {len(apart.entries)} messages; each goes its way as one of its own"
    now = node.clock.now()
    ended = replace(
        passage.exchange,
        state=State.ACKNOWLEDGED,
        outcome=Outcome.RECORDED.value,
        reason=reason,
        addressee=node.name,
        profile=node.wire.profile,
        updated_at=now,
        acknowledged_at=now,
    )
    exchange = await tx.save_exchange(ended)
    await tx.write_entry(node.entry("message.apart", exchange.id, exchange.state, entries=str(len(apart.entries))))
    log.info("message.apart", message_id=passage.message.id, entries=len(apart.entries))


async def _hold(node: Node, tx: Transaction, work: Work, passage: Passage, later: Later) -> tuple[str, ...]:
    await tx.postpone_work(work, at=node.clock.now() + later.delay, error=f"{later.code}: {later.reason}")
    if passage.exchange.state is State.RECEIVED:
        held = replace(passage.exchange, state=State.HELD, reason=later.reason, updated_at=node.clock.now())
        await tx.save_exchange(replace(held, type=passage.message.type))
        await tx.describe_message(passage.message)
    return ()


async def _stop(node: Node, tx: Transaction, passage: Passage, stop: Refuse | Park) -> tuple[str, ...]:
    """Nothing goes on; the sender or a person hears why, and the message from the EU is still answered."""
    answer = await _answer(node, tx, passage, stop)
    state = State.REFUSED if isinstance(stop, Refuse) else State.PARKED
    reason = stop.reason if isinstance(stop, Park) else stop.problems[0].detail if stop.problems else "refused"
    exchange = await tx.save_exchange(
        replace(
            passage.exchange,
            state=state,
            type=passage.message.type,
            case_key=passage.message.case_key,
            profile=passage.message.profile,
            version=passage.message.version,
            reason=reason,
            problems=tuple(problem.as_dict() for problem in stop.problems),
            updated_at=node.clock.now(),
        )
    )
    await tx.describe_message(passage.message)
    codes = ",".join(sorted({problem.code for problem in stop.problems}))
    await tx.write_entry(node.entry(f"exchange.{state.lower()}", exchange.id, state, codes=codes))
    log.warning("message.stopped", message_id=passage.message.id, state=state.value, codes=codes)
    told = ""
    if isinstance(stop, Refuse) and passage.message.door is Door.AMQP:
        told = await write_notice(node, tx, exchange, MessageType.ERROR_NOTICE, stop.problems)
    return tuple(exchange_id for exchange_id in (*answer, told) if exchange_id)


async def _answer(node: Node, tx: Transaction, passage: Passage, stop: Refuse | Park) -> tuple[str, ...]:
    if passage.exchange.direction is not Direction.INBOUND or not passage.message.headers.get("message_id"):
        return ()
    if passage.message.type in ANSWERS or passage.message.headers.get("from_party") != node.wire.central_party:
        return ()
    if isinstance(stop, Park) and passage.root is None:
        return ()  # nobody knows yet whether it is valid
    outgoing = not_validated(node, passage, stop.problems) if isinstance(stop, Refuse) else validated(node, passage)
    written = await write(node, tx, replace(passage, outgoing=(outgoing,)))
    return await write_rules(node, tx, written) if isinstance(written, Passage) else ()


def _attempt(node: Node, work: Work, decided: Passage | Stop, started: datetime) -> Attempt:
    stop = None if isinstance(decided, Passage) else decided
    return Attempt(
        id=node.ids.new(),
        subject=work.subject,
        step=work.kind.value,
        number=work.attempts,
        started_at=started,
        ended_at=node.clock.now(),
        outcome=type(stop).__name__.lower() if stop else "done",
        error_code=stop.code if isinstance(stop, Later) else "",
        detail=(stop.reason if isinstance(stop, (Later, Park)) else "")[:500],
        worker=node.worker,
    )
