"""Find the case that a message speaks of.

The key is ours; foreign ids are aliases: the Central Platform's id, and each back end's own number. A message
about an unknown case is never dropped: from the EU it waits for its application (AS4 does not keep order), from a
back end it is parked for a person.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from broker.errors import NotFound, Problem
from broker.flow.events import ANSWERS, OF_THE_BODY
from broker.flow.node import CENTRAL
from broker.flow.outcomes import Later, Park, Refuse, Stop
from broker.model.cases import Alias, Case
from broker.model.exchanges import Direction
from broker.model.messages import MessageType

if TYPE_CHECKING:
    from broker.flow.node import Node
    from broker.flow.passage import Passage
    from broker.ports import Transaction

_RECHECK: Final = timedelta(seconds=5)
_STARTS_A_CASE: Final = frozenset({MessageType.APPLICATION_SUBMITTED, MessageType.APPLICATION_ORIGINATED})

#: What a body says of itself, and measures of other bodies: they are sent on whether or not we know the case.
_NEEDS_NO_CASE: Final = OF_THE_BODY | {MessageType.PEER_ENFORCEMENT}


async def correlate(node: Node, tx: Transaction, passage: Passage) -> Passage | Stop:
    """The case, its legs and clocks; a new case for a new application; or, for an answer, what it answers."""
    if passage.known.type in ANSWERS:
        return await _find_answered(tx, passage)
    claimed = _claimed_aliases(passage)
    found = {case.key: case for alias in claimed if (case := await tx.case_by_alias(alias)) is not None}
    if len(found) > 1:
        return Refuse((_mismatch(claimed),))
    if found:
        known = await _with_case(tx, passage, next(iter(found.values())), claimed)
        return await _with_delivery(tx, known)
    if passage.known.type in _STARTS_A_CASE:
        return _new_case(node, passage, claimed)
    if passage.known.type in _NEEDS_NO_CASE:
        return passage
    return _unknown(node, passage)


def _claimed_aliases(passage: Passage) -> tuple[Alias, ...]:
    facts = passage.known
    aliases = [Alias(CENTRAL, facts.application_id)] if facts.application_id else []
    if passage.exchange.direction is Direction.OUTBOUND:
        party = passage.message.party
        aliases += [Alias(party, value) for scheme, value in facts.national_ids if scheme in {party, ""}]
    return tuple(aliases)


async def _with_case(tx: Transaction, passage: Passage, case: Case, claimed: tuple[Alias, ...]) -> Passage:
    return replace(
        passage,
        case=case,
        legs=await tx.legs(case.key),
        clocks=await tx.clocks(case.key),
        aliases=tuple(alias for alias in claimed if alias not in case.aliases),
        message=replace(passage.message, case_key=case.key),
    )


async def _with_delivery(tx: Transaction, passage: Passage) -> Passage:
    """A back end that names one of our deliveries in its reply has it: that is its acknowledgement."""
    named = passage.known.in_reply_to
    if passage.exchange.direction is not Direction.OUTBOUND or not named:
        return passage
    try:
        delivery = await tx.exchange(named)
    except NotFound:
        return passage
    if delivery.addressee != passage.message.party or delivery.case_key != passage.message.case_key:
        return passage
    source = await tx.message(delivery.message_id)
    return replace(passage, acknowledged=delivery, reply_to=source.headers.get("message_id", ""))


def _new_case(node: Node, passage: Passage, claimed: tuple[Alias, ...]) -> Passage | Stop:
    if not claimed:
        return Refuse(
            (
                Problem(
                    code="missing-id",
                    detail="the application names no id, neither the Central Platform's nor a national one",
                    path="envelope/applicationId",
                    hint="Name the application's id, so that what follows can be put to the same case.",
                ),
            )
        )
    case = Case(key=node.ids.new(), created_at=node.clock.now())
    message = replace(passage.message, case_key=case.key)
    return replace(passage, case=case, new_case=True, aliases=claimed, message=message)


def _unknown(node: Node, passage: Passage) -> Stop:
    waited = node.clock.now() - passage.message.kept_at
    named = passage.known.application_id or "no application id"
    if passage.exchange.direction is Direction.INBOUND and waited < timedelta(seconds=node.hold_seconds):
        return Later(_RECHECK, f"waits for the application that it speaks of ({named})", "held")
    problem = Problem(
        code="unknown-case",
        detail=f"no case is known under {named} or the national number",
        path="envelope/applicationId",
        value=passage.known.application_id,
        hint="Submit the application first, or correct the number and send the message again.",
    )
    return Park("it speaks of a case that is not known here", (problem,))


def _mismatch(claimed: tuple[Alias, ...]) -> Problem:
    return Problem(
        code="id-mismatch",
        detail="the ids in the message belong to two different cases",
        path="envelope",
        value=", ".join(f"{alias.scheme}:{alias.value}" for alias in claimed),
        hint="Correct the application id or the national number.",
    )


async def _find_answered(tx: Transaction, passage: Passage) -> Passage | Stop:
    facts = passage.known
    named = (facts.original_message_id, facts.in_reply_to, passage.message.headers.get("ref_to_message_id", ""))
    answered = [exchange for wire_id in named if wire_id and (exchange := await tx.exchange_by_wire_id(wire_id))]
    if not answered:
        return answers_nothing(passage)
    if len({exchange.id for exchange in answered}) > 1:
        return Park("its ids name different messages that were sent from here", (_contradiction(named),))
    exchange = answered[0]
    message = replace(passage.message, case_key=exchange.case_key)
    case = await tx.case(exchange.case_key) if exchange.case_key else None
    return replace(passage, answered=exchange, case=case, message=message)


def _contradiction(named: tuple[str, ...]) -> Problem:
    return Problem(
        code="contradicting-ids",
        detail="originalMessageId, inReplyTo and RefToMessageId name different messages",
        path="envelope/inReplyTo",
        value=", ".join(named)[:300],
        hint="Ask the Central Platform which of them it answers; nothing was settled by it.",
    )


def answers_nothing(passage: Passage) -> Park:
    """An answer to what was never sent from here."""
    named = passage.known.original_message_id or passage.known.in_reply_to
    problem = Problem(
        code="answer-to-nothing",
        detail="no message with this MessageId was ever sent from here",
        path="content/originalMessageId",
        value=named[:80],
        rule="each answer names what it answers (D7.3 section 7.2, step 8)",
        hint="Ask the platform which message it means; another node may share the access point.",
    )
    return Park("it answers a message that was never sent from here", (problem,))
