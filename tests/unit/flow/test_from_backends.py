"""Preparing what back ends bring: their steps, their claim checks, the order of their queue."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from adapters.store.sql import SqlStore
from adapters.xml import XmlDocuments
from broker.flow.staff import sign_off
from broker.model.exchanges import Outcome, State
from broker.model.messages import Door
from tests.support.files import a_pdf
from tests.support.flow_node import (
    Flow,
    case_in,
    dossier,
    eu_application,
    make_flow,
    partial_grant,
    sha256,
)
from tests.support.samples import SetClock

ZIP = "application/zip"
FILE = "Instruction/decision/document"


def verdicts(flow: Flow) -> list[bool]:
    return [one["content"]["validated"] for one in flow.told_central("ValidationResult")]


async def test_an_unknown_case_of_a_back_end_is_parked_at_once(flow: Flow) -> None:
    message_id = await flow.from_office(dossier("StatusUpdate"))
    exchange = await flow.exchange(message_id)
    assert (exchange.state, exchange.problems[0]["code"]) == (State.PARKED, "unknown-case")
    assert not flow.point.sent


async def test_an_amendment_reaches_the_back_end_and_an_older_one_after_it_is_only_recorded(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    amended = await flow.from_eu(eu_application("ApplicationAmended", version=3), ZIP)
    older = await flow.from_eu(eu_application("ApplicationAmended", version=2), ZIP)
    again = await flow.from_eu(eu_application("ApplicationAmended", version=3), ZIP)
    assert (await flow.exchange(amended)).addressee == "hdh"
    for message_id in (older, again):
        exchange = await flow.exchange(message_id)
        assert (exchange.state, exchange.addressee) == (State.ACKNOWLEDGED, flow.node.name)
        assert "recorded, not applied" in exchange.reason
    assert (await flow.cases())[0].version == 3
    assert len(flow.hdh.of("ApplicationAmended")) == 1
    assert verdicts(flow) == [True] * 4


async def test_what_a_back_end_says_of_a_version_does_not_make_the_next_one_old(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    await flow.from_office(dossier("ApplicationAck", **{"Entete/version": "9"}))
    assert (await flow.cases())[0].version == 1
    amended = await flow.from_eu(eu_application("ApplicationAmended", version=2), ZIP)
    assert (await flow.exchange(amended)).addressee == "hdh"


async def test_an_illegal_step_of_a_back_end_is_refused_before_anything_leaves_the_house(flow: Flow) -> None:
    await case_in(flow, "ACKNOWLEDGED")
    sent, leg = len(flow.point.sent), await flow.leg()
    message_id = await flow.from_office(dossier("PermitIssued"))
    exchange = await flow.exchange(message_id)
    [problem] = exchange.problems
    assert (exchange.state, problem["code"], problem["value"]) == (State.REFUSED, "illegal-step", "RECEIVED")
    assert "StatusUpdate:PRE_SCREENING" in problem["hint"]
    assert (len(flow.point.sent), await flow.leg()) == (sent, leg)


@pytest.mark.parametrize(
    ("state", "kind", "code"),
    [
        ("RECEIVED", "FeeEstimate", "illegal-step"),
        ("ACKNOWLEDGED", "ApplicationAck", "guard-unmet"),
        ("PROCESSING", "DecisionIssued", "guard-unmet"),
        ("ACKNOWLEDGED", "NationalStep", "illegal-national-step"),
    ],
)
async def test_each_refusal_of_the_machine_has_its_own_code(flow: Flow, state: str, kind: str, code: str) -> None:
    await case_in(flow, state)
    exchange = await flow.exchange(await flow.from_office(dossier(kind)))
    assert (exchange.state, [problem["code"] for problem in exchange.problems]) == (State.REFUSED, [code])
    assert exchange.problems[0]["rule"]
    assert exchange.problems[0]["hint"]


async def test_a_message_with_ids_of_two_cases_is_refused(flow: Flow) -> None:
    await case_in(flow, "ACKNOWLEDGED")
    other = "6a70b4d104db074a00fd9999"
    await flow.from_eu(eu_application(content={"application_id": other}, applicationId=other), ZIP)
    message_id = await flow.from_office(
        dossier("StatusUpdate", **{"Entete/identifiantEU": other, "Demande/referenceEU": other})
    )
    exchange = await flow.exchange(message_id)
    assert (exchange.state, exchange.problems[0]["code"]) == (State.REFUSED, "id-mismatch")
    assert other in exchange.problems[0]["value"]


async def test_a_back_end_speaks_for_its_own_leg_only(
    store: SqlStore, documents: XmlDocuments, clock: SetClock
) -> None:
    flow = make_flow(store, documents, clock)
    backends = {name: replace(link, default=name == "findata") for name, link in flow.node.backends.items()}
    flow = replace(flow, node=replace(flow.node, backends=backends))
    await flow.from_eu(eu_application(), ZIP)
    assert (await flow.leg("findata")).state == "RECEIVED"
    exchange = await flow.exchange(await flow.from_office(dossier("ApplicationAck")))
    assert (exchange.state, exchange.problems[0]["code"]) == (State.REFUSED, "not-your-leg")
    assert (await flow.leg("findata")).state == "RECEIVED"


async def test_a_back_end_that_nobody_configured_is_parked(flow: Flow) -> None:
    exchange = await flow.exchange(await flow.from_office(dossier("StatusUpdate"), office="rems"))
    assert exchange.state is State.PARKED
    assert "rems" in exchange.reason


async def test_a_type_that_goes_the_other_way_is_refused(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    exchange = await flow.exchange(await flow.from_office(dossier("FeeResponse")))
    assert (exchange.state, exchange.problems[0]["code"]) == (State.REFUSED, "unexpected-message-type")


async def test_a_national_step_stays_in_the_state(flow: Flow) -> None:
    await case_in(flow, "PROCESSING")
    sent = len(flow.point.sent)
    exchange = await flow.exchange(await flow.from_office(dossier("NationalStep")))
    assert (exchange.state, exchange.outcome, exchange.addressee) == (State.ENDED, Outcome.RECORDED, flow.node.name)
    assert (len(flow.point.sent), (await flow.leg()).national_state) == (sent, "AVIS_RENDU")


async def test_a_partial_grant_waits_for_a_sign_off_and_so_does_what_follows_from_it(flow: Flow) -> None:
    await case_in(flow, "READY_TO_DECIDE")
    decided = await flow.from_office(partial_grant())
    made = await flow.exchange(decided)
    [notice] = await flow.all(type="DecisionNoticeToPeers")
    assert (made.state, notice.state) == (State.SIGN_OFF, State.SIGN_OFF)
    assert {"decision-kind", "refused-datasets"} <= {loss["id"] for loss in made.losses}
    assert flow.told_central("DecisionIssued") == flow.told_central("DecisionNoticeToPeers") == []
    assert await sign_off(flow.node, decided, actor="tests", reason="the rest goes along") == State.QUEUED
    await flow.run()
    [told] = flow.told_central("DecisionIssued")
    assert told["content"]["decision"] == "Positive"
    assert len(flow.told_central("DecisionNoticeToPeers")) == 1
    made = await flow.exchange(decided)
    sent = flow.point.sent[made.wire_message_id]
    assert [(part.href, part.media_type) for part in sent.parts] == [
        ("cid:message", "application/json"),
        ("cid:structured", "application/xml"),
    ]
    assert b"refusedDatasets" in sent.parts[1].data
    assert sha256(sent.parts[1].data) == made.pivot_sha256
    assert (made.state, made.signed_off_by) == (State.SUBMITTED, "tests")


async def test_a_decision_that_names_a_file_nobody_brought_is_refused_until_the_file_is_there(flow: Flow) -> None:
    await case_in(flow, "READY_TO_DECIDE")
    exchange = await flow.exchange(await flow.from_office(dossier("DecisionIssued")))
    assert (exchange.state, exchange.problems[0]["code"]) == (State.REFUSED, "not-uploaded")
    assert (await flow.leg()).state == "PROCESSING"
    [digest] = await flow.upload(a_pdf())
    again = await flow.from_office(
        dossier("DecisionIssued", **{f"{FILE}/empreinteSha256": digest, f"{FILE}/taille": str(len(a_pdf()))})
    )
    assert (await flow.exchange(again)).state is State.SIGN_OFF
    assert (await flow.leg()).state == "POSITIVE_DECISION_ISSUED"


async def test_a_back_end_that_publishes_is_told_why_its_message_is_refused(flow: Flow) -> None:
    await case_in(flow, "RECEIVED")
    message_id = await flow.from_office(b"no xml", door=Door.AMQP, key="amqp-1")
    [notice] = flow.hdh.of("ErrorNotice")
    told = json.loads(notice.document)
    assert (told["message_id"], told["message"], notice.causation_id) == ("amqp-1", message_id, message_id)
    assert [problem["code"] for problem in told["problems"]] == ["not-xml"]


async def test_a_publisher_that_repeats_a_message_hears_its_first_outcome_again(flow: Flow) -> None:
    flow.hdh.acknowledges = False
    bad = {"door": Door.AMQP, "key": "amqp-1"}
    first = await flow.from_office(b"no xml", **bad)  # type: ignore[arg-type]
    assert await flow.from_office(b"no xml", **bad) == first  # type: ignore[arg-type]
    [notice] = flow.hdh.of("ErrorNotice")
    assert flow.hdh.tries == [notice.id] * 2
    assert len(await flow.all(type="ErrorNotice")) == 1
    assert (await flow.exchange(first)).state is State.REFUSED
