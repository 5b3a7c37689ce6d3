"""A paused destination gets nothing and loses nothing; the others go on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from broker.errors import Conflict, NotFound, Refused
from broker.flow.pauses import destinations, pause, resume
from broker.model.exchanges import State
from broker.model.work import Pause
from tests.support.flow_node import Flow, case_in, dossier, eu_application

ZIP = "application/zip"


async def test_nothing_goes_to_a_paused_destination_and_all_of_it_goes_when_it_is_resumed(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    before = len(flow.point.sent)
    await pause(flow.node, "cp", actor="tests", reason="disconnected")
    exchange = await flow.exchange(await flow.from_office(dossier("ApplicationAck")))
    for _ in range(5):
        flow.clock.advance(3600)  # far beyond the budget
        await flow.run()
    waiting = await flow.exchange(exchange.message_id)
    [row] = await flow.work(exchange.id)
    assert waiting.state is State.QUEUED
    assert (row.attempts, row.last_error.startswith("paused: cp")) == (0, True)
    assert row.next_attempt_at > flow.clock.now()
    assert len(flow.point.sent) == before
    await resume(flow.node, "cp", actor="tests")
    flow.clock.at = row.next_attempt_at
    await flow.run()
    assert (await flow.exchange(exchange.message_id)).state is State.SUBMITTED
    assert len(flow.point.sent) == before + 1


async def test_the_other_destinations_go_on(flow: Flow) -> None:
    await pause(flow.node, "cp", actor="tests", reason="maintenance")
    await flow.from_eu(eu_application(), ZIP)
    assert [delivery.type for delivery in flow.hdh.taken.values()] == ["ApplicationSubmitted"]
    assert flow.point.sent == {}


async def test_a_paused_office_gets_its_messages_afterwards(flow: Flow) -> None:
    await pause(flow.node, "hdh", actor="tests", reason="maintenance")
    await flow.from_eu(eu_application(), ZIP)
    assert flow.hdh.tries == []
    await resume(flow.node, "hdh", actor="tests")
    flow.clock.advance(11)
    await flow.run()
    assert len(flow.hdh.tries) == 1


async def test_a_pause_that_another_process_made_is_noticed_within_a_second(flow: Flow) -> None:
    await flow.from_eu(eu_application(), ZIP)
    flow.node.paused.read_at = flow.clock.now() - timedelta(seconds=2)
    async with flow.store.transaction() as tx:
        await tx.add_pause(Pause("cp", flow.clock.now(), "cli:0", "elsewhere"))
    sent = len(flow.point.sent)
    await flow.from_office(dossier("ApplicationAck"))
    assert len(flow.point.sent) == sent


async def test_pause_and_resume_are_in_the_journal_with_who_and_why(flow: Flow) -> None:
    await pause(flow.node, "cp", actor="cli:0", reason="Art. 75(12)")
    await resume(flow.node, "cp", actor="cli:1")
    [paused] = await flow.journal("destination.paused")
    [resumed] = await flow.journal("destination.resumed")
    assert (paused.actor, paused.target, resumed.actor, resumed.target) == ("cli:0", "cp", "cli:1", "cp")
    async with flow.store.transaction() as tx:
        assert await tx.content(paused.detail["reason_sha256"]) == b"Art. 75(12)"


async def test_every_destination_is_shown_with_its_pause(flow: Flow) -> None:
    await pause(flow.node, "hdh", actor="tests", reason="maintenance")
    shown = {row["name"]: row for row in await destinations(flow.node)}
    assert {name: row["paused"] for name, row in shown.items()} == {"cp": False, "findata": False, "hdh": True}
    assert (shown["hdh"]["actor"], shown["hdh"]["reason"]) == ("tests", "maintenance")


async def test_what_makes_no_sense_is_refused(flow: Flow) -> None:
    with pytest.raises(NotFound, match="cp, findata, hdh"):
        await pause(flow.node, "nobody", actor="tests", reason="x")
    with pytest.raises(Refused):
        await pause(flow.node, "cp", actor="tests", reason="  ")
    with pytest.raises(Conflict):
        await resume(flow.node, "cp", actor="tests")
    await pause(flow.node, "cp", actor="tests", reason="x")
    with pytest.raises(Conflict):
        await pause(flow.node, "cp", actor="tests", reason="y")
