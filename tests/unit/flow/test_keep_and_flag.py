"""What is flagged goes on, what is incomplete waits, what the body says of itself needs no case."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest
from lxml import etree

from broker.errors import Problem
from broker.model.exchanges import Exchange, State
from broker.translation.translator import Translation, Translator
from tests.support.flow_node import (
    DATA,
    EXAMPLE_ID,
    EXAMPLE_NUMBER,
    FR,
    Flow,
    altered,
    bring_files,
    case_in,
    dossier,
    eu,
    eu_application,
    lodged,
    pre_screening,
)

ZIP = "application/zip"


async def test_an_incomplete_application_that_was_lodged_here_waits_with_the_list(flow: Flow) -> None:
    await bring_files(flow)
    confirmed = "SupplementEU/confirmations"
    document = altered(lodged("EXEMPLE-INCOMPLET"), FR, {f"{confirmed}/exactitude": "false"})
    message_id = await flow.from_office(altered(document, FR, {f"{confirmed}/fraisDetenteurs": None}))
    exchange = await flow.exchange(message_id)
    assert (exchange.state, {problem["code"] for problem in exchange.problems}) == (State.PARKED, {"incomplete"})
    assert [problem["path"].rpartition("/")[2] for problem in exchange.problems] == [
        "awareChargeFee",
        "awareInformationCorrect",
    ]
    assert not flow.point.sent
    assert not await flow.cases()


@dataclass(frozen=True)
class Flagging:
    """The translator, which finds that one value has no word on the other side."""

    inner: Translator
    problem: Problem

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def read(self, *arguments: Any, **named: Any) -> Translation:
        return replace(self.inner.read(*arguments, **named), problems=(self.problem,))


async def flagged(flow: Flow, code: str, document: bytes) -> Exchange:
    problem = Problem(code, "no word for it", "Instruction/suivi/statut", value="zz")
    node = replace(flow.node, translator=Flagging(flow.node.translator, problem))
    return await replace(flow, node=node).exchange(await replace(flow, node=node).from_office(document))


@pytest.mark.parametrize("code", ["unmapped-value", "ambiguous-value", "not-convertible"])
async def test_a_value_that_eu_1_has_no_word_for_is_kept_and_told_and_the_message_goes(flow: Flow, code: str) -> None:
    await case_in(flow, "ACKNOWLEDGED")
    exchange = await flagged(flow, code, pre_screening())
    assert exchange.state in {State.QUEUED, State.SUBMITTED, State.ENDED}
    assert [problem["code"] for problem in exchange.problems] == [code]
    assert len(flow.told_central("StatusUpdate")) == 1


@pytest.mark.parametrize("code", ["two-values", "annex-path"])
async def test_what_contradicts_itself_is_refused(flow: Flow, code: str) -> None:
    await case_in(flow, "ACKNOWLEDGED")
    exchange = await flagged(flow, code, pre_screening())
    assert (exchange.state, [problem["code"] for problem in exchange.problems]) == (State.REFUSED, [code])
    assert not flow.told_central("StatusUpdate")


async def test_what_was_lodged_here_comes_back_from_the_platform_and_opens_the_leg(flow: Flow) -> None:
    await bring_files(flow)
    await flow.from_office(lodged(EXAMPLE_NUMBER))
    assert (await flow.leg()).state == "ORIGINATED"
    [sent] = flow.told_central("ApplicationOriginated")
    answer = {"validated": True, "originalMessageId": sent["envelope"]["messageId"], "applicationId": EXAMPLE_ID}
    await flow.from_eu(eu("ValidationResult", {**answer, "error": None}))
    back = await flow.from_eu(eu_application(), ZIP)
    assert ((await flow.leg()).state, (await flow.exchange(back)).addressee) == ("RECEIVED", "hdh")
    assert len(await flow.cases()) == 1


LATER = {"key": "z", "value": "A purpose of a later release"}
PURPOSES = "content/form/section2/purposeForWhichDataWillBeUsed"


def saying(section: str, **answers: Any) -> bytes:
    """The application with other answers in one section of its form."""
    form = json.loads(wire_metadata())["form"]
    form[section] |= answers
    return eu_application(content={"form": form})


@pytest.mark.parametrize("known", [["e"], []])
async def test_a_purpose_of_a_later_release_reaches_the_back_end_in_the_annex_and_is_flagged(
    flow: Flow, known: list[str]
) -> None:
    purposes = [*({"key": key} for key in known), LATER]
    message_id = await flow.from_eu(saying("section2", purposeForWhichDataWillBeUsed=purposes), ZIP)
    exchange = await flow.exchange(message_id)
    assert (exchange.addressee, exchange.state, exchange.losses) == ("hdh", State.ACKNOWLEDGED, ())
    [flag] = [one for one in exchange.problems if one["code"] == "unmapped-value"]
    assert (flag["path"], flag["value"]) == (f"{PURPOSES}[{len(purposes)}]/key", "z")
    [delivery] = flow.hdh.of("ApplicationSubmitted")
    dossier = etree.fromstring(delivery.document)
    assert len(dossier.findall(f"{FR}Demande/{FR}finalites/{FR}finalite")) == len(known)
    annex = {one.get("chemin"): one.text for one in dossier.iter(f"{FR}champ")}
    assert annex[f"{PURPOSES}[z]/key"] == "z"
    assert [one["content"]["validated"] for one in flow.told_central("ValidationResult")] == [True]


async def test_a_date_that_the_dossier_cannot_take_waits_for_a_person_as_it_is_no_code(flow: Flow) -> None:
    message_id = await flow.from_eu(saying("section8", estimatedStartDatesForDataProcessing="next summer"), ZIP)
    exchange = await flow.exchange(message_id)
    assert exchange.state is State.PARKED
    assert [(loss["id"], loss["what"]) for loss in exchange.losses] == [("dates", "downgraded")]
    assert not flow.hdh.of("ApplicationSubmitted")


async def test_a_code_that_the_senders_own_schema_does_not_have_is_refused_and_goes_nowhere(flow: Flow) -> None:
    await bring_files(flow)
    purpose = {"Demande/finalites/finalite/code": "FINALITE_NOUVELLE"}
    exchange = await flow.exchange(await flow.from_office(altered(lodged("EXEMPLE-FINALITE"), FR, purpose)))
    assert (exchange.state, {one["code"] for one in exchange.problems}) == (State.REFUSED, {"bad-value"})
    assert not flow.point.sent


async def test_a_country_that_no_table_has_is_kept_and_told_and_the_request_goes_out_without_it(flow: Flow) -> None:
    backends = {name: replace(link, default=name == "findata") for name, link in flow.node.backends.items()}
    finnish = replace(flow, node=replace(flow.node, backends=backends))
    await finnish.from_eu(eu_application(), ZIP)
    for kind in ("ApplicationAck", "StatusUpdate"):
        await finnish.from_office((DATA / f"fi-findata-1/{kind}.xml").read_bytes(), office="findata")
    document = (DATA / "fi-findata-1/AdditionalInfoRequest.xml").read_bytes()
    asked = document.replace(b"<osio>6</osio>\n      <maa>FI<", b"<osio>6</osio>\n      <maa>XX<")
    exchange = await finnish.exchange(await finnish.from_office(asked, office="findata"))
    assert (exchange.state, exchange.losses) == (State.SUBMITTED, ())
    assert [(one["code"], one["value"]) for one in exchange.problems] == [("unmapped-value", "XX")]
    [told] = finnish.told_central("AdditionalInfoRequest")
    assert [one.get("country") for one in told["content"]["form"]["section"]] == [None, None]


async def test_an_answer_that_no_list_has_reaches_the_back_end_and_is_told(flow: Flow) -> None:
    form = json.loads(wire_metadata())["form"]
    form["section4"]["invoiceType"] = {"key": "z", "value": "pigeon"}
    exchange = await flow.exchange(await flow.from_eu(eu_application(content={"form": form}), ZIP))
    assert exchange.state is not State.REFUSED
    assert ("unknown-answer", "z") in {(one["code"], one.get("value")) for one in exchange.problems}


def wire_metadata() -> bytes:
    return (DATA / "eu-r7/ApplicationSubmitted.application_metadata.json").read_bytes()


async def test_what_a_body_says_of_itself_goes_out_without_a_case(flow: Flow) -> None:
    exchange = await flow.exchange(await flow.from_office(report()))
    assert (exchange.state, exchange.addressee, exchange.case_key) == (State.SUBMITTED, "cp", "")
    [told] = flow.told_central("BiennialReport")
    assert told["content"]["reportId"] == "urn:example:report:fr-2029-2030"
    assert not await flow.cases()


def report() -> bytes:
    return altered(dossier("BiennialReport"), FR, {"Suites/rapportBiennal/document": None})


async def test_a_measure_of_another_body_reaches_every_back_end_although_nobody_knows_the_case(flow: Flow) -> None:
    message_id = await flow.from_eu(eu("PeerEnforcement"))
    told = {exchange.addressee: exchange.state for exchange in await flow.exchanges(message_id)}
    assert set(told) == {"hdh", "findata"}
    assert [len(office.of("PeerEnforcement")) for office in (flow.hdh, flow.findata)] == [1, 1]
    assert [one["content"]["validated"] for one in flow.told_central("ValidationResult")] == [True]


async def test_a_measure_that_concerns_a_known_case_reaches_its_leg_and_changes_nothing_there(flow: Flow) -> None:
    await case_in(flow, "ACKNOWLEDGED")
    before = await flow.leg()
    exchange = await flow.exchange(await flow.from_eu(eu("PeerEnforcement")))
    assert (exchange.addressee, await flow.leg()) == ("hdh", before)


async def test_a_request_to_change_a_permit_that_was_not_granted_waits_for_a_person(flow: Flow) -> None:
    await case_in(flow, "ACKNOWLEDGED")
    exchange = await flow.exchange(await flow.from_eu(eu("ExtensionRequest", {"documents": None})))
    assert (exchange.state, [one["code"] for one in exchange.problems]) == (State.PARKED, ["illegal-step"])
