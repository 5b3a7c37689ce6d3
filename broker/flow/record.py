"""Make a prepared message true: case, legs, clocks, news, answers, what goes out, journal; all in one commit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from broker.flow.events import APPLICATIONS
from broker.flow.notices import write_notice
from broker.model.exchanges import Direction, Exchange, Outcome, State
from broker.model.messages import Door, Message, MessageType
from broker.model.work import WorkKind

if TYPE_CHECKING:
    from broker.flow.node import Node
    from broker.flow.passage import Outgoing, Passage
    from broker.ports import Transaction


async def record(node: Node, tx: Transaction, passage: Passage) -> tuple[str, ...]:
    """Write everything that the stages decided; the ids of exchanges to deliver now."""
    await _write_contents(node, tx, passage)
    await _write_case(node, tx, passage)
    await tx.describe_message(passage.message)
    await _write_answered(node, tx, passage)
    await _write_acknowledged(node, tx, passage)
    own = tuple(item for item in passage.outgoing if item.own)
    if any(item.losses for item in own):
        passage = replace(passage, outgoing=tuple(_waiting(item) for item in passage.outgoing))
    ready = [await _write_own(node, tx, passage, n, item) for n, item in enumerate(own)]
    if not own:
        await _close(node, tx, passage)
    return (*(exchange_id for exchange_id in ready if exchange_id), *await write_rules(node, tx, passage))


async def _write_contents(node: Node, tx: Transaction, passage: Passage) -> None:
    """The bytes that were found in the message, or that it named: the journal's entry for them."""
    for _, payload in passage.files:
        await tx.put_content(payload)
    named = {f"file_{number}_sha256": digest for number, (digest, _) in enumerate(passage.files, start=1)}
    if passage.claimed:
        named["content_sha256"] = passage.claimed
    if named:
        await tx.write_entry(node.entry("message.read", passage.message.id, "read", **named))


def _waiting(item: Outgoing) -> Outgoing:
    """Nobody hears of a decision before it goes out itself: what its rule emits waits for the same sign-off."""
    return item if item.own or item.ref_to else replace(item, waits=True)


async def write_rules(node: Node, tx: Transaction, passage: Passage) -> tuple[str, ...]:
    """Write the messages that rules emit; the ids of exchanges to deliver now."""
    rules = [(n, item) for n, item in enumerate(passage.outgoing) if not item.own]
    ready = [await _write_rule(node, tx, passage, n, item) for n, item in rules]
    return tuple(exchange_id for exchange_id in ready if exchange_id)


async def _write_case(node: Node, tx: Transaction, passage: Passage) -> None:
    case = passage.case
    if case is None:
        return
    after = replace(case, version=_version(passage, case.version), aliases=(*case.aliases, *passage.aliases))
    if passage.news:
        after = replace(after, news=(*case.news, passage.news))
    if passage.new_case:
        await tx.add_case(after)
        await tx.write_entry(node.entry("case.opened", case.key, "open", message=passage.message.id))
    elif after != case:
        await tx.save_case(after)
    for change in passage.changes:
        await tx.save_leg(change.leg)
        steps = "+".join(step.id for step in change.steps)
        detail = {"leg": change.leg.owner, "step": steps, "message": passage.message.id}
        await tx.write_entry(node.entry("leg.stepped", case.key, change.leg.state, **detail))
    for clock in passage.moved:
        await tx.save_clock(clock)


def _version(passage: Passage, before: int) -> int:
    """The highest version applied: only an application has one of its own, and one that is parked was not applied."""
    if passage.known.type not in APPLICATIONS or passage.recorded or "parked" in passage.notes:
        return before
    return max(before, passage.known.version)


async def _write_answered(node: Node, tx: Transaction, passage: Passage) -> None:
    after = passage.answered
    if after is None:
        return
    before = await tx.exchange(after.id)
    settled = await tx.save_exchange(after)  # a Conflict if another answer was first: then this one is read anew
    await tx.write_entry(
        node.entry("exchange.answered", after.id, settled.state, message=passage.message.id, type=passage.known.type)
    )
    if settled.state is State.ENDED and before.state is not State.ENDED:
        await write_notice(node, tx, settled, MessageType.OUTCOME_NOTICE)


async def _write_acknowledged(node: Node, tx: Transaction, passage: Passage) -> None:
    delivery = passage.acknowledged
    if delivery is None or delivery.state is not State.DELIVERED:
        return
    now = node.clock.now()
    await tx.save_exchange(replace(delivery, state=State.ACKNOWLEDGED, acknowledged_at=now, updated_at=now))
    await tx.write_entry(node.entry("exchange.acknowledged", delivery.id, "ACKNOWLEDGED", message=passage.message.id))


async def _write_rule(node: Node, tx: Transaction, passage: Passage, number: int, item: Outgoing) -> str:
    """A message that the broker writes itself: immutable, kept as eu-1, caused by the one that is prepared.

    One that was written when this message was prepared before is not written again: "".
    """
    now = node.clock.now()
    source = passage.message
    key = f"{source.id}|{number}|{item.type}|{item.addressee}"
    if await tx.message_by_key(Door.RULE, node.name, key) is not None:
        return ""
    message = Message(
        id=node.ids.new(),
        door=Door.RULE,
        party=node.name,
        key=key,
        sha256=await tx.put_content(item.pivot),
        size=len(item.pivot),
        content_type="application/xml",
        kept_at=now,
        type=item.type,
        profile="eu-1",
        case_key=source.case_key,
        version=source.version,
        headers={"ref_to_message_id": item.ref_to} if item.ref_to else {},
        causation_id=source.id,
    )
    await tx.add_message(message)
    exchange = Exchange(
        id=node.ids.new(),
        message_id=message.id,
        direction=Direction.OUTBOUND,
        state=State.KEPT,
        addressee=item.addressee,
        type=item.type,
        created_at=now,
        updated_at=now,
    )
    return await _write_exchange(node, tx, message, exchange, item, fresh=True)


async def _write_own(node: Node, tx: Transaction, passage: Passage, number: int, item: Outgoing) -> str:
    exchange = passage.exchange
    if number:
        exchange = replace(exchange, id=node.ids.new(), revision=0)
    return await _write_exchange(node, tx, passage.message, exchange, item, fresh=bool(number))


async def _write_exchange(
    node: Node, tx: Transaction, message: Message, exchange: Exchange, item: Outgoing, *, fresh: bool
) -> str:
    state = _state(exchange, item)
    document, report, carry, pivot = await tx.put_contents(item.document, item.report, item.carry, item.pivot)
    after = replace(
        exchange,
        state=state,
        addressee=item.addressee,
        type=item.type,
        case_key=message.case_key,
        leg=item.leg,
        version=message.version,
        profile=item.profile,
        wire_message_id=item.wire_id,
        document_sha256=document,
        content_type=item.content_type,
        report_sha256=report,
        carry_sha256=carry,
        pivot_sha256=pivot,
        losses=item.losses,
        problems=item.problems,
        reason=_reason(item),
        updated_at=node.clock.now(),
    )
    await (tx.add_exchange(after) if fresh else tx.save_exchange(after))
    detail = {"type": item.type, "addressee": item.addressee, "wire_id": item.wire_id, **_evidence(after)}
    await tx.write_entry(node.entry(f"exchange.{state.lower()}", after.id, state, **detail))
    if state not in {State.QUEUED, State.READY}:
        return ""
    await tx.add_work(node.work(WorkKind.DELIVER, after.id))
    return after.id


def _evidence(exchange: Exchange) -> dict[str, str]:
    """The hashes of what is sent, and of what shows how it came about."""
    named = {
        "document_sha256": exchange.document_sha256,
        "pivot_sha256": exchange.pivot_sha256,
        "report_sha256": exchange.report_sha256,
        "carry_sha256": exchange.carry_sha256,
    }
    return {name: digest for name, digest in named.items() if digest}


def _reason(item: Outgoing) -> str:
    waits = "waits for the sign-off of the message that it follows from" if item.waits else ""
    return item.failure or ("facts with legal meaning are lost on the wire" if item.losses else waits)


def _state(exchange: Exchange, item: Outgoing) -> State:
    if item.failure:
        return State.PARKED
    if exchange.direction is Direction.INBOUND:
        return State.READY
    return State.SIGN_OFF if item.losses or item.waits else State.QUEUED


async def _close(node: Node, tx: Transaction, passage: Passage) -> None:
    """The message itself goes nowhere: its effect here was all, or it waits for a person."""
    exchange = passage.exchange
    parked = passage.notes.get("parked", "")
    inbound = exchange.direction is Direction.INBOUND
    state = State.PARKED if parked else State.ACKNOWLEDGED if inbound else State.ENDED
    after = replace(
        exchange,
        state=state,
        type=passage.message.type,
        case_key=passage.message.case_key,
        version=passage.message.version,
        profile=passage.message.profile,
        addressee=exchange.addressee or ("" if parked else node.name),
        outcome="" if parked else Outcome.RECORDED.value,
        reason=parked or passage.recorded,
        problems=(*exchange.problems, *(flag.as_dict() for flag in passage.flags)),
        updated_at=node.clock.now(),
        acknowledged_at=node.clock.now() if state is State.ACKNOWLEDGED else None,
    )
    await tx.save_exchange(after)
    await tx.write_entry(node.entry(f"exchange.{state.lower()}", after.id, state, type=after.type))
