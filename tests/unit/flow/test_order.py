"""What one back end says of one case is decided in the order in which it was kept; other cases wait for nobody."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from adapters.store.sql import SqlStore
from adapters.xml import XmlDocuments
from broker.flow.arrival import Arrival
from broker.flow.keep import keep
from broker.flow.prepare import prepare
from broker.flow.retry import RetryPolicy
from broker.model.exchanges import State
from broker.model.messages import Door
from broker.model.work import Work, WorkKind
from tests.support.files import a_pdf
from tests.support.flow_node import Flow, case_in, dossier, eu_application, make_flow, pre_screening, sha256
from tests.support.samples import SetClock

OTHER = "6a70b4d104db074a00fd9999"
OTHERS_HEAD = {"Entete/identifiantEU": OTHER, "Entete/numeroDossierHDH": "EXEMPLE-2026-0002"}


async def kept(flow: Flow, *documents: bytes, door: Door = Door.AMQP) -> list[str]:
    """Kept in this order, and not prepared."""
    arrivals = [
        Arrival(door, "hdh", f"{door}-{number}", data, "application/xml") for number, data in enumerate(documents)
    ]
    return [(await keep(flow.node, arrival)).message.id for arrival in arrivals]


async def state_of(flow: Flow, message_id: str) -> State:
    return (await flow.exchanges(message_id))[0].state


async def row_of(flow: Flow, message_id: str) -> Work:
    [row] = await flow.work(message_id)
    return row


async def when_all_is_done(flow: Flow) -> None:
    for _ in range(30):
        await flow.run()
        flow.clock.advance(1)


async def test_a_message_waits_for_the_one_before_it_however_long_and_no_try_is_counted(flow: Flow) -> None:
    await case_in(flow, "ACKNOWLEDGED")
    screening, processing = await kept(flow, pre_screening(), dossier("StatusUpdate"))
    for _ in range(40):
        await prepare(flow.node, processing)
        flow.clock.advance(2)
    row = await row_of(flow, processing)
    assert await state_of(flow, processing) is State.KEPT
    assert (row.attempts, row.last_error) == (0, "in-order: waits for what goes before it")
    assert await flow.attempts(processing) == ()
    await prepare(flow.node, screening)
    await flow.run()
    assert (await flow.leg()).state == "PROCESSING"
    assert flow.hdh.of("ErrorNotice") == []


async def test_also_a_step_that_would_be_lawful_does_not_overtake_the_one_before_it(flow: Flow) -> None:
    await case_in(flow, "PROCESSING")
    opinion, costs = await kept(flow, dossier("NationalStep"), dossier("FeeEstimate"))
    await prepare(flow.node, costs)
    assert await state_of(flow, costs) is State.KEPT
    await prepare(flow.node, opinion)
    await when_all_is_done(flow)
    assert await state_of(flow, opinion) is not State.REFUSED
    assert (await flow.leg()).state == "FEE_PENDING"
    assert flow.hdh.of("ErrorNotice") == []


async def test_the_order_holds_whichever_door_a_back_end_comes_by(flow: Flow) -> None:
    await case_in(flow, "PROCESSING")
    [opinion] = await kept(flow, dossier("NationalStep"))
    [costs] = await kept(flow, dossier("FeeEstimate"), door=Door.HTTP)
    await prepare(flow.node, costs)
    assert await state_of(flow, costs) is State.KEPT
    await prepare(flow.node, opinion)
    await when_all_is_done(flow)
    assert (await flow.leg()).state == "FEE_PENDING"


async def test_what_comes_too_early_holds_back_what_follows_it_in_its_case(flow: Flow) -> None:
    await case_in(flow, "ACKNOWLEDGED")
    processing, lawful = await kept(flow, dossier("StatusUpdate"), pre_screening())
    await prepare(flow.node, processing)
    assert (await row_of(flow, processing)).last_error.startswith("early: ")
    await prepare(flow.node, lawful)
    assert (await row_of(flow, lawful)).last_error.startswith("in-order: ")


async def test_what_an_outage_brought_again_may_be_what_the_early_ones_lack(flow: Flow) -> None:
    await case_in(flow, "ACKNOWLEDGED")
    processing, opinion = await kept(flow, dossier("StatusUpdate"), dossier("NationalStep"))
    await prepare(flow.node, processing)
    await prepare(flow.node, opinion)
    again = Arrival(Door.AMQP, "hdh", "late", pre_screening(), "application/xml", {"redelivered": "true"})
    late = (await keep(flow.node, again)).message.id
    await when_all_is_done(flow)
    assert State.REFUSED not in [await state_of(flow, one) for one in (late, processing, opinion)]
    assert (await flow.leg()).state == "PROCESSING"
    assert flow.hdh.of("ErrorNotice") == []


async def test_an_illegal_step_from_a_queue_is_refused_when_nothing_came_that_it_could_have_waited_for(
    flow: Flow,
) -> None:
    await case_in(flow, "ACKNOWLEDGED")
    message_id = await flow.from_office(dossier("StatusUpdate"), door=Door.AMQP)
    assert await state_of(flow, message_id) is State.KEPT
    await when_all_is_done(flow)
    assert await state_of(flow, message_id) is State.REFUSED
    [notice] = flow.hdh.of("ErrorNotice")
    assert json.loads(notice.document)["problems"][0]["code"] == "illegal-step"


async def test_a_case_waits_for_no_other_case_of_the_same_back_end(flow: Flow) -> None:
    await case_in(flow, "ACKNOWLEDGED")
    await flow.from_eu(eu_application(applicationId=OTHER), "application/zip")
    stuck, other = await kept(flow, dossier("StatusUpdate"), dossier("ApplicationAck", **OTHERS_HEAD))
    await prepare(flow.node, stuck)
    assert (await row_of(flow, stuck)).last_error.startswith("early: ")
    await prepare(flow.node, other)
    assert await state_of(flow, other) is State.QUEUED


async def test_what_nobody_read_yet_may_speak_of_any_case_until_reading_it_failed_too_often(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    poison, behind = await kept(flow, pre_screening(), dossier("ApplicationAck"))
    for claims in range(1, 5):
        now = flow.clock.now()
        async with flow.store.transaction() as tx:
            row = await tx.claim_work(WorkKind.PREPARE, poison, worker="killed", now=now, until=now)
        assert row is not None
        assert row.attempts == claims
        flow.clock.advance(1)
        await prepare(flow.node, behind)
        assert (await state_of(flow, behind) is State.KEPT) == (claims <= 3)


async def test_messages_about_a_case_that_is_not_known_yet_keep_their_order_too(flow: Flow) -> None:
    first, second = await kept(flow, dossier("ApplicationAck"), pre_screening())
    await prepare(flow.node, first)
    assert (await row_of(flow, first)).last_error.startswith("early: ")
    await prepare(flow.node, second)
    assert (await row_of(flow, second)).last_error.startswith("in-order: ")
    await flow.from_eu(eu_application(), "application/zip")
    await when_all_is_done(flow)
    assert (await flow.leg()).state == "PRE_SCREENING"
    assert flow.hdh.of("ErrorNotice") == []


async def test_two_hands_that_hold_neighbours_decide_them_in_their_order(
    store: SqlStore, documents: XmlDocuments, clock: SetClock
) -> None:
    flow = make_flow(store, documents, clock, retry=RetryPolicy(in_hand=10.0))
    await case_in(flow, "ACKNOWLEDGED")
    screening, processing = await kept(flow, pre_screening(), dossier("StatusUpdate"))
    hand = asyncio.create_task(prepare(flow.node, processing))
    await asyncio.sleep(0.1)
    assert not hand.done()
    await prepare(flow.node, screening)
    await hand
    assert (await flow.leg()).state == "PROCESSING"
    assert [one.outcome for one in await flow.attempts(processing)] == ["done"]


async def test_a_message_that_is_long_in_examination_holds_up_its_own_case_alone(
    store: SqlStore, documents: XmlDocuments, clock: SetClock
) -> None:
    flow = make_flow(store, documents, clock)
    await case_in(flow, "READY_TO_DECIDE")
    await flow.from_eu(eu_application(applicationId=OTHER), "application/zip")
    slow = SlowScanner()
    patient = replace(flow.node, scanner=slow)
    decision, same, other = await kept(
        flow, await _with_a_file(flow), pre_screening(), dossier("ApplicationAck", **OTHERS_HEAD)
    )
    hand = asyncio.create_task(prepare(patient, decision))
    async with asyncio.timeout(20):
        while not (await row_of(flow, decision)).about:  # noqa: ASYNC110 -- another task writes it to the store
            await asyncio.sleep(0.02)
    await prepare(flow.node, same)
    await prepare(flow.node, other)
    assert await state_of(flow, same) is State.KEPT
    assert await state_of(flow, other) is State.QUEUED
    slow.done.set()
    await hand
    assert await state_of(flow, decision) is State.SIGN_OFF


class SlowScanner:
    """Looks at a file for as long as the test wants."""

    def __init__(self) -> None:
        self.done = asyncio.Event()

    async def scan(self, data: bytes) -> str:
        await self.done.wait()
        return data[:0].decode()

    async def ping(self) -> None:
        """It is there."""


async def _with_a_file(flow: Flow) -> bytes:
    path = "Instruction/decision/document"
    await flow.upload(a_pdf())
    return dossier(
        "DecisionIssued", **{f"{path}/empreinteSha256": sha256(a_pdf()), f"{path}/taille": str(len(a_pdf()))}
    )
