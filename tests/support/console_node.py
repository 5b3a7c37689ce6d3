"""A node's console over a real store that holds one application on its way, and something in every state.

Every text of a document that the store can hold carries `PLANTED`: no page may show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from broker.model.cases import Alias, Case, Leg, RunningClock
from broker.model.exchanges import STEPS, Direction, Exchange, State
from broker.model.journal import Entry
from broker.model.messages import Attachment, Door, Message
from broker.model.work import Attempt, Work, WorkKind
from broker.web.auth import check_routes, guard
from broker.web.console import ConsoleSettings, add_console_routes
from broker.web.problem import problems
from tests.support.web_node import NOW, PLANTED, Flow, TestClock, services

if TYPE_CHECKING:
    from broker.ports import Store, Transaction

SESSION_KEY = bytes(range(32))
PLATFORM_ID = "6a70b4d104db074a00fd905d"
CASE = "019aaf10-0000-7000-8000-00000000ca5e"
FAR = "019aaf10-0000-7000-8000-00000000fa12"


def uid(number: int) -> str:
    return f"019aaf10-{number:04x}-7000-8000-0000{number:08x}"


def settings(**changes: Any) -> ConsoleSettings:
    return ConsoleSettings(**({"session_key": SESSION_KEY, "time_zone": "Europe/Paris"} | changes))


def application(store: Store, clock: TestClock, **changes: Any) -> web.Application:
    app = web.Application(middlewares=[problems, guard])
    add_console_routes(app, services(store, Flow(), clock), settings(**changes))
    app.on_startup.append(check_routes)
    return app


@dataclass(frozen=True)
class Story:
    """One message and its exchange; `number` gives the ids and the time."""

    number: int
    type: str
    direction: Direction
    state: State
    door: Door = Door.ACCESS_POINT
    party: str = "fr-access-point"
    addressee: str = "hdh"
    case: str = CASE

    @property
    def at(self) -> datetime:
        return NOW - timedelta(hours=48) + timedelta(minutes=10 * self.number)


IN, OUT = Direction.INBOUND, Direction.OUTBOUND
NATIONAL: dict[str, Any] = {"door": Door.HTTP, "party": "hdh", "addressee": "cp"}
STORIES = (
    Story(201, "ApplicationSubmitted", IN, State.ACKNOWLEDGED),
    Story(202, "ValidationResult", OUT, State.ENDED, door=Door.RULE, party="rule", addressee="cp"),
    Story(203, "ApplicationAck", OUT, State.ENDED, **NATIONAL),
    Story(204, "StatusUpdate", OUT, State.ENDED, **NATIONAL),
    Story(205, "AdditionalInfoRequest", OUT, State.ENDED, **NATIONAL),
    Story(206, "AdditionalInformation", IN, State.ACKNOWLEDGED),
    Story(207, "NationalStep", OUT, State.ENDED, door=Door.AMQP, party="hdh", addressee=""),
    Story(208, "FeeEstimate", OUT, State.SUBMITTED, **NATIONAL),
    Story(209, "PeerStatus", IN, State.DELIVERED),
    Story(210, "DecisionIssued", OUT, State.SIGN_OFF, **NATIONAL),
    Story(211, "ErrorNotice", IN, State.READY, door=Door.RULE, party="rule", addressee="hdh"),
    Story(212, "StatusUpdate", OUT, State.REFUSED, door=Door.AMQP, party="hdh", addressee="cp"),
    Story(213, "StatusUpdate", OUT, State.PRESUMED_FAILED, **NATIONAL),
    Story(214, "", IN, State.PARKED, case=""),
    Story(215, "AdditionalInfoRequest", OUT, State.QUEUED, **NATIONAL),
)
DECISION, REFUSED, QUEUED = uid(210), uid(212), uid(215)


async def seed(tx: Transaction, *, filler: int = 0) -> None:
    """The stories, and `filler` more messages of the past that only make the list long."""
    await tx.add_case(
        Case(
            CASE,
            NOW - timedelta(hours=30),
            version=2,
            aliases=(Alias("cp", PLATFORM_ID), Alias("hdh", "HDH-2026-0042")),
            news=(_news("FI", "PROCESSING", ""), _news("FI", "POSITIVE_DECISION_ISSUED", "PERMIT_GRANTED")),
        )
    )
    await tx.add_case(Case(FAR, NOW - timedelta(hours=40), version=1, aliases=(Alias("cp", "6b" * 12),)))
    await _seed_leg(tx)
    for story in STORIES:
        await _tell(tx, story)
    for number in range(100, 100 + filler):
        await _tell(tx, Story(number, "PeerStatus", IN, State.ACKNOWLEDGED, case=FAR))


def _news(nation: str, status: str, kind: str) -> dict[str, str]:
    at = (NOW - timedelta(hours=5)).isoformat()
    known = {"type": "PeerStatus", "nation": nation, "status": status, "decision_kind": kind, "at": at}
    return known | {"message": uid(209), "note": PLANTED}


async def _seed_leg(tx: Transaction) -> None:
    begun = NOW - timedelta(hours=30)
    leg = Leg(CASE, "hdh", "PROCESSING", begun, NOW, national_state="AU_CESREES", facts={"note": PLANTED})
    await tx.save_leg(leg)
    reason = "three months from 22 November 2026, Art. 68(4); public holidays of France"
    for clock in (
        RunningClock(CASE, "hdh", "DECIDE", begun, "2027-02-22", "running", reason),
        RunningClock(
            CASE, "hdh", "COMPLETE_4W", begun, "2026-12-21", "stopped", "four weeks, Art. 68(4)", stopped_at=NOW
        ),
        RunningClock(CASE, "hdh", "PRESCREEN_TARGET", begun, "2026-11-20", "running", "ten working days, D6.3 §8.1"),
        RunningClock(CASE, "hdh", "PUBLISH_APP", begun, "", "paused", "without undue delay, Art. 57(1)(j)(ii)"),
    ):
        await tx.save_clock(clock)


async def _tell(tx: Transaction, story: Story) -> None:
    data = f"<Dossier><nom>{PLANTED}</nom>{story.number}</Dossier>".encode()
    sha256 = await tx.put_content(data)
    name, wire = uid(story.number), f"{uid(story.number)}@fr"
    file = Attachment("a-1", f"{PLANTED}.pdf", "application/pdf", 12, sha256)
    await tx.add_message(
        Message(
            name,
            story.door,
            story.party,
            wire,
            sha256,
            len(data),
            "application/xml",
            story.at,
            type=story.type,
            profile="eu-r7" if story.door is Door.ACCESS_POINT else "fr-hdh-1",
            case_key=story.case,
            version=1,
            headers={"message_id": wire, "subject": PLANTED},
            attachments=(file,) if story.number == 201 else (),
        )
    )
    await tx.add_exchange(_exchange(story, sha256, wire))
    await _seed_past(tx, story)


def _exchange(story: Story, sha256: str, wire: str) -> Exchange:
    later = story.at + timedelta(seconds=3)
    arrived = story.state in (State.DELIVERED, State.ACKNOWLEDGED)
    sent = story.state in (State.SUBMITTED, State.ENDED, State.PRESUMED_FAILED)
    broken = story.state in (State.REFUSED, State.PARKED)
    problem = {
        "code": "illegal-step",
        "detail": f"{PLANTED} said",
        "path": "/Dossier/Entete/evenement",
        "rule": "leg",
        "value": PLANTED,
    }
    return Exchange(
        uid(story.number + 1000),
        uid(story.number),
        story.direction,
        story.state,
        story.addressee,
        story.type,
        story.at,
        later,
        case_key=story.case,
        leg="hdh" if story.case else "",
        version=1,
        profile="eu-r7" if story.direction is OUT else "fr-hdh-1",
        wire_message_id=wire if story.direction is OUT else "",
        document_sha256=sha256,
        outcome="accepted" if story.state is State.ENDED else "",
        reason=f"{PLANTED} wrote this",
        problems=(problem,) if broken else (),
        losses=({"fact": "decision-kind", "source": "/DecisionIssued/content/kind", "value": PLANTED},)
        if story.state is State.SIGN_OFF
        else (),
        submitted_at=later if sent else None,
        receipt_at=later if sent else None,
        delivered_at=later if arrived else None,
        acknowledged_at=later if story.state is State.ACKNOWLEDGED else None,
        due_at=NOW + timedelta(hours=20) if story.state is State.SUBMITTED else None,
    )


async def _seed_past(tx: Transaction, story: Story) -> None:
    name, exchange = uid(story.number), uid(story.number + 1000)
    end = story.at + timedelta(milliseconds=420)
    failed = Attempt(uid(story.number + 2000), exchange, "deliver", 1, story.at, end, "later", "unavailable", PLANTED)
    done = Attempt(uid(story.number + 3000), name, "prepare", 1, story.at, end, "done")
    await tx.add_attempt(done)
    await tx.write_entry(Entry(uid(story.number + 4000), end, "flow", "leg.stepped", name, story.state, {"leg": "hdh"}))
    if story.state is State.QUEUED:
        await tx.add_attempt(failed)
        due = NOW + timedelta(minutes=4)
        error = f"unavailable: {PLANTED} was told"
        await tx.add_work(Work(uid(story.number + 5000), WorkKind.DELIVER, exchange, due, 1, last_error=error))


def every_state() -> list[tuple[Direction, State]]:
    return [(direction, state) for direction, states in STEPS.items() for state in states]
