"""A back end on REMS: its events are kept once and translated, what is for it is written in its own JSON."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.store.sql import SqlStore
from adapters.xml import XmlDocuments
from broker.errors import Problem
from broker.flow.node import Connected
from broker.flow.rems_event import event_key, set_event_aside, take_event
from broker.model.exchanges import State
from broker.model.messages import Door
from broker.ports import ExchangeFilter
from broker.translation.codecs.rems.codec import RemsCodec
from broker.translation.translator import Translator
from tests.support.flow_fakes import FakeOffice
from tests.support.flow_node import EXAMPLE_ID, Flow, eu_application, make_flow, sha256
from tests.support.samples import SetClock
from tests.support.sides import SCHEMAS

DATA = Path(__file__).parents[2] / "data" / "rems-1"


@cache
def translator() -> Translator:
    return Translator.load(SCHEMAS, profiles=["rems-1"])


@cache
def codec() -> RemsCodec:
    return RemsCodec.load(SCHEMAS)


@pytest.fixture
def office() -> FakeOffice:
    return FakeOffice("rems")


@pytest.fixture
def flow(store: SqlStore, documents: XmlDocuments, clock: SetClock, office: FakeOffice) -> Flow:
    backend = Connected("rems", "rems-1", office, codec=codec(), wants_notices=False)
    return make_flow(store, documents, clock, translator=translator(), backends={"rems": backend})


def event(kind: str, **changes: Any) -> bytes:
    return json.dumps({**json.loads((DATA / f"{kind}.json").read_text("utf-8")), **changes}).encode()


async def told(flow: Flow, data: bytes) -> str:
    """An event at the door, kept and prepared; its message's id."""
    await take_event(flow.node, "rems", data)
    await flow.run()
    async with flow.store.transaction() as tx:
        kept = await tx.message_by_key(Door.REMS, "rems", event_key(data))
    assert kept is not None
    return kept.id


async def test_an_application_is_delivered_as_a_document_of_rems(flow: Flow, office: FakeOffice) -> None:
    await flow.from_eu(eu_application(), "application/zip")
    [delivery] = office.of("ApplicationSubmitted")
    assert delivery.content_type == "application/json"
    document = json.loads(delivery.document)
    fields = {
        one["field/id"]: one["field/value"]
        for one in document["event/application"]["application/forms"][0]["form/fields"]
    }
    assert fields["hdeu-ref"] == f"{EXAMPLE_ID} v1"
    assert fields["s2-purposeForWhichDataWillBeUsed"] == "scientific-research improving-care"


async def test_a_return_in_rems_asks_the_applicant_through_the_platform(flow: Flow) -> None:
    await flow.from_eu(eu_application(), "application/zip")
    await told(flow, event("ApplicationAck"))
    said = "[message] StatusUpdate\n[status] PRE_SCREENING"
    await told(flow, event("StatusUpdate", **{"application/comment": said}))
    data = event("AdditionalInfoRequest")
    message_id = await told(flow, data)
    assert (await flow.exchange(message_id)).state not in {State.REFUSED, State.PARKED}
    assert await flow.bytes(message_id) == data
    [asked] = flow.told_central("AdditionalInfoRequest")
    sections = [(one["number"], one.get("country")) for one in asked["content"]["form"]["section"]]
    assert sections == [(5, None), (6, "FRANCE")]


async def test_an_event_that_came_twice_is_one_message_and_other_bytes_under_its_id_are_parked(flow: Flow) -> None:
    await flow.from_eu(eu_application(), "application/zip")
    data = event("ApplicationAck")
    first = await told(flow, data)
    assert await told(flow, data) == first
    assert len(flow.told_central("ApplicationAck")) == 1
    await take_event(flow.node, "rems", event("ApplicationAck", **{"event/actor": "somebody"}))
    await flow.run()
    [parked] = [one for one in await flow.all() if one.state == State.PARKED]
    assert parked.problems[0]["code"] == "key-reused"
    assert len(flow.told_central("ApplicationAck")) == 1


async def test_a_step_within_rems_never_leaves_the_state(flow: Flow) -> None:
    await flow.from_eu(eu_application(), "application/zip")
    before = len(flow.point.sent)
    message_id = await told(flow, event("NationalStep"))
    assert (await flow.exchange(message_id)).state not in {State.REFUSED, State.PARKED}
    assert len(flow.point.sent) == before


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[1]", b'{"event/id": true}', b'{"event/id": "7"}', b"[" * 99_999])
async def test_a_body_that_is_no_event_is_kept_and_refused(flow: Flow, body: bytes) -> None:
    assert event_key(body) == f"sha256:{sha256(body)}"
    message_id = await told(flow, body)
    assert (await flow.exchange(message_id)).state == State.REFUSED
    assert await flow.bytes(message_id) == body


async def test_a_broken_rule_is_told_at_its_place_in_the_json(flow: Flow) -> None:
    message_id = await told(flow, event("AdditionalInfoRequest", **{"event/time": "yesterday"}))
    problems = (await flow.exchange(message_id)).problems
    assert {(one["code"], one["path"]) for one in problems} == {("bad-value", "/event~1time")}


async def test_an_event_that_nobody_can_unpack_waits_for_a_person_with_its_bytes(flow: Flow) -> None:
    sent, problem = b"\x1b\x02packed", Problem("content-encoding-unsupported", "not taken", value="br")
    for _ in range(2):
        await set_event_aside(flow.node, "rems", sent, problem)
    async with flow.store.transaction() as tx:
        [exchange] = await tx.exchanges(ExchangeFilter())
        message = await tx.message(exchange.message_id)
        assert await tx.content(message.sha256) == sent
    assert message.headers == {"Content-Encoding": "br"}
    assert (exchange.state, exchange.problems[0]["code"]) == (State.PARKED, "content-encoding-unsupported")
