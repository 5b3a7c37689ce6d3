"""A person ends what nothing else will end, with a reason; who and why stand in the journal."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from broker.errors import Conflict, NotFound, Refused, Unavailable
from broker.flow import views
from broker.flow.answers import presume_failed
from broker.flow.close import close
from broker.flow.lost import DELETED, park_lost
from broker.model.exchanges import WAITING_FOR_A_PERSON, State
from broker.model.messages import Door
from broker.model.work import WorkKind
from broker.ports import ExchangeFilter
from tests.support.flow_node import EXAMPLE_ID, Flow, case_in, dossier, eu, eu_application, partial_grant, pre_screening

if TYPE_CHECKING:
    from broker.model.exchanges import Exchange

TWO_DAYS = 2 * 86_400
ZIP = "application/zip"
WHY = "agreed with the platform by telephone"


async def closed(flow: Flow, message_id: str, *, reason: str = WHY) -> Exchange:
    assert await close(flow.node, message_id, actor="urn:example:staff:17", reason=reason) == State.CANCELLED
    await flow.run()
    return (await flow.exchanges(message_id))[0]


async def parked_at_the_point(flow: Flow) -> str:
    """A message that never comes: nothing is left of it but its id."""
    await park_lost(flow.node, "ap-fr", "lost-1@example.org", DELETED)
    [exchange] = await flow.all(states=("PARKED",))
    return exchange.message_id


def told(flow: Flow) -> list[tuple[str, str, str | None]]:
    notices = [json.loads(notice.document) for notice in flow.hdh.of("OutcomeNotice")]
    return [(one["type"], one["state"], one.get("outcome")) for one in notices]


async def test_a_message_that_never_comes_is_closed_and_waits_for_nobody_any_more(flow: Flow) -> None:
    message_id = await parked_at_the_point(flow)
    exchange = await closed(flow, message_id)
    assert (exchange.state, exchange.reason) == (State.CANCELLED, f"closed: {WHY}")
    async with flow.store.transaction() as tx:
        waiting = await tx.exchanges(ExchangeFilter(states=tuple(WAITING_FOR_A_PERSON)))
        view = await views.message_view(tx, message_id)
    assert waiting == ()
    assert [event["detail"] for event in view["timeline"] if event["what"] == "closed"] == [
        "by urn:example:staff:17, CANCELLED"
    ]


async def test_the_journal_says_who_closed_what_and_vouches_for_the_reason(flow: Flow) -> None:
    exchange = await closed(flow, await parked_at_the_point(flow))
    [entry] = await flow.journal("exchange.closed")
    assert (entry.actor, entry.target, entry.outcome) == ("urn:example:staff:17", exchange.id, "CANCELLED")
    assert entry.detail == {"reason_sha256": hashlib.sha256(WHY.encode()).hexdigest()}
    async with flow.store.transaction() as tx:
        assert await tx.content(entry.detail["reason_sha256"]) == WHY.encode()


async def test_the_back_end_that_brought_it_is_told(flow: Flow) -> None:
    message_id = await flow.from_office(dossier("StatusUpdate"))
    assert (await flow.exchange(message_id)).state is State.PARKED
    await closed(flow, message_id)
    assert told(flow) == [("StatusUpdate", "CANCELLED", None)]


async def test_what_waits_for_the_same_sign_off_ends_with_it_and_the_case_stays_where_it_is(flow: Flow) -> None:
    await case_in(flow, "READY_TO_DECIDE")
    sent = len(flow.point.sent)
    decided = await flow.from_office(partial_grant())
    assert {one.state for one in await flow.all(type="DecisionNoticeToPeers")} == {State.SIGN_OFF}
    leg = await flow.leg()
    await closed(flow, decided)
    ways = (*await flow.exchanges(decided), *await flow.all(type="DecisionNoticeToPeers"))
    assert [one.state for one in ways] == [State.CANCELLED] * 2
    assert len(await flow.journal("exchange.closed")) == 2
    assert (len(flow.point.sent), await flow.leg()) == (sent, leg)


async def test_what_comes_late_to_a_closed_message_is_put_before_a_person_and_changes_nothing(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    sent = await flow.exchange(await flow.from_office(dossier("ApplicationAck")))
    flow.clock.advance(TWO_DAYS + 1)
    assert await presume_failed(flow.node) == 1
    before = await closed(flow, sent.message_id)
    content = {"originalMessageId": sent.wire_message_id, "validated": True, "error": None}
    late = await flow.exchange(await flow.from_eu(eu("ValidationResult", content, applicationId=EXAMPLE_ID)))
    assert (late.state, late.reason) == (
        State.PARKED,
        "a word of the other side (validated) on a message that a person had closed",
    )
    assert await flow.exchange(sent.message_id) == before
    assert (await closed(flow, late.message_id)).state is State.CANCELLED


async def test_what_is_under_way_is_not_sent_after_it_was_closed_and_the_next_one_goes(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    flow.point.script["submit"].append(Unavailable("away"))
    stuck = await flow.from_office(dossier("ApplicationAck"))
    behind = await flow.from_office(pre_screening())
    assert ((await flow.exchange(stuck)).state, (await flow.exchange(behind)).state) == (State.QUEUED, State.QUEUED)
    flow.tickets.put_.clear()
    ended = await closed(flow, stuck)
    assert (WorkKind.DELIVER, (await flow.exchange(behind)).id) in flow.tickets.put_
    flow.clock.advance(3600)
    await flow.run()
    assert (await flow.exchange(behind)).state is State.SUBMITTED
    assert ended.wire_message_id not in flow.point.sent
    assert not await flow.work(ended.id)


async def test_what_a_back_end_does_not_take_and_what_is_held_back_can_be_closed(flow: Flow) -> None:
    flow.hdh.script.append(Unavailable("away"))
    ready = await flow.from_eu(eu_application(), ZIP)
    held = await flow.from_eu(eu("ApplicationWithdrawn", {"application_id": "f" * 24}, applicationId="f" * 24))
    states = [(await flow.exchange(one)).state for one in (ready, held)]
    assert states == [State.READY, State.HELD]
    for message_id in (ready, held):
        assert (await closed(flow, message_id)).state is State.CANCELLED
    flow.clock.advance(3600)
    await flow.run()
    assert [(await flow.exchange(one)).state for one in (ready, held)] == [State.CANCELLED] * 2
    assert not await flow.work(ready, held, (await flow.exchange(ready)).id)
    assert flow.hdh.of("ApplicationSubmitted") == []


async def test_what_is_in_hand_just_now_is_not_closed(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    flow.point.script["submit"].append(Unavailable("away"))
    exchange = await flow.exchange(await flow.from_office(dossier("ApplicationAck")))
    flow.clock.advance(600)
    now = flow.clock.now()
    async with flow.store.transaction() as tx:
        until = now + timedelta(seconds=60)
        assert await tx.claim_work(WorkKind.DELIVER, exchange.id, worker="another", now=now, until=until)
    with pytest.raises(Conflict, match="in hand just now"):
        await close(flow.node, exchange.message_id, actor="tests", reason=WHY)
    assert (await flow.exchange(exchange.message_id)).state is State.QUEUED


async def test_of_two_ways_the_one_that_waits_for_a_person_is_closed(flow: Flow) -> None:
    message_id = await parked_at_the_point(flow)
    first = await flow.exchange(message_id)
    async with flow.store.transaction() as tx:
        await tx.add_exchange(replace(first, id=flow.node.ids.new(), state=State.READY, addressee="hdh", revision=0))
    await closed(flow, message_id)
    assert [one.state for one in await flow.exchanges(message_id)] == [State.CANCELLED, State.READY]


async def test_only_once_only_what_is_there_and_only_with_a_reason(flow: Flow) -> None:
    message_id = await parked_at_the_point(flow)
    with pytest.raises(Refused) as refused:
        await close(flow.node, message_id, actor="tests", reason=" ")
    assert refused.value.problems[0].code == "reason-missing"
    await closed(flow, message_id)
    with pytest.raises(Conflict, match="nothing to close"):
        await close(flow.node, message_id, actor="tests", reason=WHY)
    with pytest.raises(NotFound):
        await close(flow.node, "nothing", actor="tests", reason=WHY)


async def test_what_is_over_is_not_closed(flow: Flow) -> None:
    refused = await flow.from_office(b"no xml", door=Door.HTTP)
    with pytest.raises(Conflict, match="REFUSED"):
        await close(flow.node, refused, actor="tests", reason=WHY)
