"""Apply a message: the leg's rule, the clocks, the news, the facts it answers; and what is to be sent because of it.

Pure apart from reading the clock: everything decided here becomes true in one commit, or not at all. An illegal
step of a back end is refused before anything leaves the house; an illegal step from the EU waits for a person.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from broker.errors import Problem, Refused
from broker.flow.answers import settled
from broker.flow.correlate import answers_nothing
from broker.flow.events import ANSWERS, APPLICATIONS, NEWS, OF_THE_BODY, event_of
from broker.flow.node import CENTRAL, Due
from broker.flow.outcomes import Park, Refuse, Stop
from broker.flow.passage import Outgoing, Passage
from broker.flow.periods import periods
from broker.flow.permits import SAID, is_said_again, permit_status_change, says_more, with_implied
from broker.flow.routing import owners
from broker.model.cases import Alias, Leg
from broker.model.exchanges import Direction, State
from broker.model.lifecycle import BRANCH, NONE, ORIGINATED, Change, Event, advance, off_branch
from broker.model.messages import MessageType
from broker.translation import build
from broker.translation.facts import ErrorFact
from broker.translation.pieces import missing_pieces, shipped_pieces

if TYPE_CHECKING:
    from broker.flow.node import Node
    from broker.model.exchanges import Exchange
    from broker.model.lifecycle import Lifecycle
    from broker.translation.facts import Facts

VALIDATED: Final = "validated"
NOT_VALIDATED: Final = "not-validated"


def apply(node: Node, passage: Passage) -> Passage | Stop:
    """What the message does, by its kind."""
    kind = passage.known.type
    if kind in ANSWERS:
        return _answer(node, passage)
    if passage.exchange.direction is Direction.INBOUND:
        return _news(node, passage) if kind in NEWS | OF_THE_BODY else _from_central(node, passage)
    if kind in OF_THE_BODY:
        return replace(passage, outgoing=(Outgoing(kind, CENTRAL, passage.tree, own=True),))
    return _from_backend(node, passage)


def _from_backend(node: Node, passage: Passage) -> Passage | Stop:
    owner = passage.message.party
    leg = next((leg for leg in passage.legs if leg.owner == owner), None)
    if leg is None and passage.known.type != MessageType.APPLICATION_ORIGINATED:
        return Refuse((_not_yours(owner),))
    leg, event = leg or _new_leg(node, passage, owner), event_of(passage.known, node.lifecycle)
    if is_said_again(leg, event):
        if not says_more(passage.tree):
            return replace(passage, recorded=SAID)
        event = replace(event, variant="")
    try:
        change = _advance(node, passage, leg, event)
        change, owed = with_implied(leg, change, passage.known.permit_ref, partial(_advance, node, passage))
    except Refused as refused:
        return Refuse(refused.problems)
    flags = (*owed, *_off_branch(node, passage, change.leg), *_missing_pieces(node, passage, change.leg))
    return _with_changes(node, replace(passage, flags=(*passage.flags, *flags)), (change,))


def _off_branch(node: Node, passage: Passage, leg: Leg) -> tuple[Problem, ...]:
    chain = _chain(node, leg.owner)
    return off_branch(leg, passage.branch, chain) if chain else ()


def _missing_pieces(node: Node, passage: Passage, leg: Leg) -> tuple[Problem, ...]:
    """By the procedure that the document names, else by the one that its file is on."""
    link = node.backends.get(leg.owner)
    rules = shipped_pieces(link.profile) if link and passage.lacks else None
    return missing_pieces(passage.lacks, rules, passage.branch or leg.facts.get(BRANCH, ""))


def _from_central(node: Node, passage: Passage) -> Passage | Stop:
    passage = replace(passage, outgoing=(validated(node, passage),))
    if _is_old(passage):
        return replace(passage, recorded="an older version than the one applied: recorded, not applied")
    legs = passage.legs or tuple(_new_leg(node, passage, link.name) for link in owners(node, passage.known))
    if not legs:
        return _later_by_hand(passage, "it concerns no back end of this node")
    try:
        changes = tuple(_advance(node, passage, leg, _event_for(node, passage, leg)) for leg in legs)
    except Refused as refused:
        return _later_by_hand(passage, refused.problems[0].detail, refused.problems)
    return _with_changes(node, passage, changes)


def _later_by_hand(passage: Passage, reason: str, problems: tuple[Problem, ...] = ()) -> Passage:
    """The document is valid and is answered so; what it asks for waits for a person."""
    return replace(passage, notes={"parked": reason}, recorded="", changes=(), exchange=_note(passage, problems))


def _note(passage: Passage, problems: tuple[Problem, ...]) -> Any:
    return replace(passage.exchange, problems=tuple(problem.as_dict() for problem in problems))


def _is_old(passage: Passage) -> bool:
    known = passage.case.version if passage.case else 0
    if any(leg.state == ORIGINATED for leg in passage.legs):
        return False  # what was lodged here comes back from the platform in the same version
    return passage.known.type in APPLICATIONS and not passage.new_case and 0 < passage.known.version <= known


def _event_for(node: Node, passage: Passage, leg: Leg) -> Event:
    """A new version reaches every leg; only the leg that asked takes it as its answer (D6.4 §7.4)."""
    event = event_of(passage.known, node.lifecycle)
    asked = leg.state == "AWAITING_INFO"
    if event.type == MessageType.ADDITIONAL_INFORMATION and not asked:
        return replace(event, type=MessageType.APPLICATION_AMENDED, variant="")
    if event.type == MessageType.APPLICATION_SUBMITTED and leg.state not in {NONE, ORIGINATED}:
        return replace(event, type=MessageType.APPLICATION_AMENDED, variant="")
    return event


def _advance(node: Node, passage: Passage, leg: Leg, event: Event) -> Change:
    return advance(
        leg,
        event,
        lifecycle=node.lifecycle,
        national=_chain(node, leg.owner),
        at=passage.message.kept_at,
        policies=node.policies_of(leg.owner),
    )


def _chain(node: Node, owner: str) -> Lifecycle | None:
    link = node.backends.get(owner)
    return node.chains.get(link.chain) if link and link.chain else None


def _new_leg(node: Node, passage: Passage, owner: str) -> Leg:
    now = node.clock.now()
    return Leg(case_key=passage.message.case_key, owner=owner, state=NONE, created_at=now, updated_at=now)


def _with_changes(node: Node, passage: Passage, changes: tuple[Change, ...]) -> Passage:
    clocks, flags = periods(node, passage, changes)
    outgoing = tuple(_outgoing(node, passage, change, emit) for change in changes for emit in _emits(change))
    return replace(
        passage, changes=changes, moved=clocks, flags=(*passage.flags, *flags), outgoing=(*passage.outgoing, *outgoing)
    )


def _emits(change: Change) -> tuple[str, ...]:
    return tuple(emit for emit in change.step.emits if emit != MessageType.PERMIT_STATUS_CHANGE or change.implied)


def _outgoing(node: Node, passage: Passage, change: Change, emit: str) -> Outgoing:
    owner = change.leg.owner
    if emit == "self":
        return Outgoing(passage.known.type, CENTRAL, passage.tree, own=True, leg=owner)
    if emit == "forward":
        return Outgoing(passage.known.type, owner, passage.tree, own=True, leg=owner)
    return Outgoing(emit, CENTRAL, _written(node, passage, change, emit), own=False, leg=owner)


def _written(node: Node, passage: Passage, change: Change, emit: str) -> Any:
    context = envelope(node, passage)
    if emit == MessageType.STATUS_UPDATE:
        status = node.lifecycle.status(node.release, change.leg.state)
        return build.status_update(context, status=status, date=passage.message.kept_at)
    if emit == MessageType.ADDITIONAL_INFO_ACK:
        return build.additional_info_ack(context, date_received=passage.message.kept_at)
    if emit == MessageType.DECISION_NOTICE_TO_PEERS:
        return build.decision_notice_to_peers(context, passage.tree, nation=node.nation, hdab=node.participant)
    if emit == MessageType.PERMIT_STATUS_CHANGE:
        return permit_status_change(node, passage, change, context)
    raise ValueError(f"the lifecycle emits {emit}, and nothing here can write that")


def envelope(node: Node, passage: Passage) -> build.Envelope:
    """The envelope of a message that the broker writes because of this one."""
    return build.Envelope(
        message_id=passage.message.id,
        created_at=node.clock.now(),
        application_id=application_id(passage),
        version=passage.known.version if passage.facts else 0,
        participant=node.participant,
        nation=node.nation,
        in_reply_to=passage.message.headers.get("message_id", ""),
    )


def application_id(passage: Passage) -> str:
    """The Central Platform's id, from the message or from the case's aliases; "" before it is known."""
    if passage.facts and passage.facts.application_id:
        return passage.facts.application_id
    aliases = passage.case.aliases if passage.case else ()
    return next((alias.value for alias in aliases if alias.scheme == CENTRAL), "")


def validated(node: Node, passage: Passage) -> Outgoing:
    """Our answer to a message from the EU that is valid, whatever becomes of it."""
    wire_id = passage.message.headers.get("message_id", "")
    root = build.validation_result(envelope(node, passage), original_message_id=wire_id, validated=True)
    return Outgoing(MessageType.VALIDATION_RESULT, CENTRAL, root, own=False, ref_to=wire_id)


def not_validated(node: Node, passage: Passage, problems: tuple[Problem, ...]) -> Outgoing:
    """Our answer to a message from the EU that cannot be read or is not valid: *not validated*, with the reasons."""
    wire_id = passage.message.headers.get("message_id", "")
    root = build.validation_result(
        envelope(node, passage),
        original_message_id=wire_id,
        validated=False,
        errors=problems,
    )
    return Outgoing(MessageType.VALIDATION_RESULT, CENTRAL, root, own=False, ref_to=wire_id)


def _news(node: Node, passage: Passage) -> Passage:
    facts = passage.known
    news = {
        "type": facts.type,
        "nation": facts.nation,
        "status": facts.status,
        "decision_kind": facts.decision_kind,
        "at": passage.message.kept_at.isoformat(),
        "message": passage.message.id,
    }
    concerned = tuple(leg.owner for leg in passage.legs)
    if not concerned and passage.case is None:
        concerned = tuple(node.backends)  # Art. 63(6): a measure is told to every body
    told = tuple(Outgoing(facts.type, owner, passage.tree, own=True, leg=owner) for owner in concerned)
    return replace(passage, news=news, outgoing=(validated(node, passage), *told))


def _answer(node: Node, passage: Passage) -> Passage | Stop:
    exchange, facts, now = passage.answered, passage.known, passage.message.kept_at
    if exchange is None:
        return answers_nothing(passage)
    verdict = _verdict(facts)
    if against := _against(exchange, verdict or facts.type):
        return Park(against)
    if verdict:
        problems = tuple(_as_problem(error) for error in facts.errors)
        after = replace(exchange, validation=verdict, validation_at=now, problems=problems or exchange.problems)
    else:
        after = replace(exchange, answer=facts.type, answer_at=now)
    after = settled(replace(after, updated_at=node.clock.now()), node.due.get(exchange.type, Due()))
    learned = (Alias(CENTRAL, facts.application_id),) if facts.application_id and passage.case else ()
    known = passage.case.aliases if passage.case else ()
    return replace(passage, answered=after, aliases=tuple(alias for alias in learned if alias not in known))


def _verdict(facts: Facts) -> str:
    if facts.type != MessageType.VALIDATION_RESULT:
        return ""
    return VALIDATED if facts.validated else NOT_VALIDATED


def _against(exchange: Exchange, word: str) -> str:
    """What is settled and would be contradicted by this word of the other side, in plain words; "" if nothing is."""
    before = exchange.validation
    if exchange.state is State.CANCELLED:
        return f"a word of the other side ({word}) on a message that a person had closed"
    if word in {VALIDATED, NOT_VALIDATED}:
        if before and before != word:
            return f"a second verdict ({word}) on a message that was already {before}"
        if word == NOT_VALIDATED and not before and exchange.state is State.ENDED:
            return f"a verdict ({word}) on a message that had already ended ({exchange.outcome})"
        return ""
    return f"an answer ({word}) to a message that was {before}" if before == NOT_VALIDATED else ""


def _not_yours(owner: str) -> Problem:
    return Problem(
        code="not-your-leg",
        detail=f"{owner} has no leg in this case",
        path="envelope/applicationId",
        rule="Art. 68(5): each body decides its own part",
        hint="Check the application id; a back end speaks for its own leg only.",
    )


def _as_problem(error: ErrorFact) -> dict[str, str]:
    return Problem(code=error.code or "not-validated", detail=error.message, path=error.path).as_dict()
