"""The track of an application moves its clock: what the form says, what the body says, CESREES's urgent procedure."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from lxml import etree

from broker.flow.due import due_list
from broker.model.exchanges import State
from broker.translation.facts import facts_of
from tests.support.flow_node import DATA, FR, Flow, altered, dossier, eu_application, pre_screening
from tests.support.sides import side

EU = "{urn:hdeu:eu:1}"
YES, NO = "a", "b"
#: On behalf of a public body, within its mandate, purposes, kind of form; whether that is the track of Art. 68(6).
FORMS = [
    (YES, YES, "a", "DATA_ACCESS_APPLICATION", True),
    (YES, YES, "b", "DATA_ACCESS_APPLICATION", True),
    (YES, YES, "c", "DATA_ACCESS_APPLICATION", True),
    (YES, YES, "abc", "DATA_ACCESS_APPLICATION", True),
    (YES, YES, "ae", "DATA_ACCESS_APPLICATION", False),
    (YES, YES, "d", "DATA_ACCESS_APPLICATION", False),
    (YES, YES, "e", "DATA_ACCESS_APPLICATION", False),
    (YES, YES, "f", "DATA_ACCESS_APPLICATION", False),
    (YES, YES, "", "DATA_ACCESS_APPLICATION", False),
    (YES, NO, "a", "DATA_ACCESS_APPLICATION", False),
    (NO, YES, "a", "DATA_ACCESS_APPLICATION", False),
    (YES, "", "a", "DATA_ACCESS_APPLICATION", False),
    ("", YES, "a", "DATA_ACCESS_APPLICATION", False),
    (YES, YES, "a", "DATA_REQUEST_APPLICATION", None),
]


def form(behalf: str, mandate: str, purposes: str) -> dict[str, Any]:
    """The example's form with other answers."""
    name = "ApplicationSubmitted.application_metadata.json"
    made: dict[str, Any] = json.loads((DATA / "eu-r7" / name).read_text("utf-8"))["form"]
    made["section2"]["purposeForWhichDataWillBeUsed"] = [{"key": key, "value": "label"} for key in purposes]
    for question, key in (
        ("applyingForDataOnBehalfOfPublicSector", behalf),
        ("applyingForDataForCarryingOutTasks", mandate),
    ):
        made["section3"] = {**made["section3"], question: {"key": key, "value": "label"}}
    return made


@pytest.mark.parametrize(("behalf", "mandate", "purposes", "kind", "accelerated"), FORMS)
def test_a_public_body_in_its_mandate_for_public_purposes_alone_is_on_the_accelerated_track(
    behalf: str, mandate: str, purposes: str, kind: str, *, accelerated: bool | None
) -> None:
    root = etree.parse(
        str(DATA / "eu-1" / "ApplicationSubmitted.xml"), etree.XMLParser(remove_blank_text=True)
    ).getroot()
    content = root.find(f"{EU}content")
    assert content is not None
    said = content.find(f"{EU}application_type")
    section2, section3 = content.find(f"{EU}form/{EU}section2"), content.find(f"{EU}form/{EU}section3")
    assert said is not None
    assert section2 is not None
    assert section3 is not None
    said.text = kind
    first = section2.find(f"{EU}purposeForWhichDataWillBeUsed")
    assert first is not None
    at = section2.index(first)
    for one in section2.findall(f"{EU}purposeForWhichDataWillBeUsed"):
        section2.remove(one)
    for key in reversed(purposes):
        purpose = etree.Element(f"{EU}purposeForWhichDataWillBeUsed")
        etree.SubElement(purpose, f"{EU}key").text = key
        section2.insert(at, purpose)
    asked = (("applyingForDataForCarryingOutTasks", mandate), ("applyingForDataOnBehalfOfPublicSector", behalf))
    for name, key in asked:
        for one in section3.findall(f"{EU}{name}"):
            section3.remove(one)
        if key:
            question = etree.Element(f"{EU}{name}")
            etree.SubElement(question, f"{EU}key").text = key
            section3.insert(0, question)
    assert side("eu/1/eu.xsd").gate.validate(root), side("eu/1/eu.xsd").gate.error_log
    assert facts_of(root).accelerated is accelerated


def test_a_message_without_a_form_says_nothing_of_the_track() -> None:
    for name in ("StatusUpdate", "DecisionIssued", "NationalStep"):
        assert facts_of(etree.parse(str(DATA / "eu-1" / f"{name}.xml")).getroot()).accelerated is None


async def due(flow: Flow, clock: str) -> tuple[str, str]:
    """The last day of a clock of the only case, and why, as the list of what falls due has them."""
    async with flow.store.transaction() as tx:
        found = await due_list(tx, date(2026, 1, 1), within=3_650)
    return next((row["due_on"], row["reason"]) for row in found["clocks"] if row["clock"] == clock)


async def in_assessment(flow: Flow, answers: tuple[str, str, str]) -> None:
    await flow.from_eu(eu_application(content={"form": form(*answers)}), "application/zip")
    for document in (dossier("ApplicationAck"), pre_screening(), dossier("StatusUpdate")):
        exchange = await flow.exchange(await flow.from_office(document))
        assert exchange.state not in {State.REFUSED, State.PARKED}, exchange


def national(step: str, outcome: str) -> bytes:
    """A step of the chain that has no event of its own."""
    changes = {
        "Entete/evenement": "ETAPE_NATIONALE",
        "Instruction/etapeNationale/etape": step,
        "Instruction/etapeNationale/resultat": outcome,
    }
    return altered((DATA / "fr-hdh-1/procedures/MR-001.xml").read_bytes(), FR, changes)


async def test_the_form_of_a_public_body_gives_the_body_two_months_and_another_form_three(flow: Flow) -> None:
    await in_assessment(flow, (YES, YES, "ab"))
    last, why = await due(flow, "DECIDE")
    assert "2 months" in why
    assert "Art. 68(6)" in why
    exchange = await flow.exchange(await flow.from_office(national("TRACK", "STANDARD")))
    assert exchange.state is State.ENDED
    later, why = await due(flow, "DECIDE")
    assert later > last
    assert "3 months" in why
    assert why.endswith(f"before that {last}")


async def test_a_body_can_put_any_application_on_the_accelerated_track_until_it_was_extended(flow: Flow) -> None:
    await in_assessment(flow, (NO, NO, "e"))
    assert "3 months" in (await due(flow, "DECIDE"))[1]
    await flow.from_office(national("TRACK", "ACCELERATED"))
    assert "2 months" in (await due(flow, "DECIDE"))[1]
    await flow.from_office(dossier("ExtensionNotice"))
    assert "extended by 1 months" in (await due(flow, "DECIDE"))[1]
    exchange = await flow.exchange(await flow.from_office(national("TRACK", "STANDARD")))
    assert (exchange.state, exchange.problems[0]["code"]) == (State.REFUSED, "guard-unmet")


async def test_an_urgent_file_has_fifteen_days_at_cesrees(flow: Flow) -> None:
    await in_assessment(flow, (NO, NO, "e"))
    last, why = await due(flow, "CESREES_1M")
    assert "1 months" in why
    exchange = await flow.exchange(await flow.from_office(national("URGENCE", "CESREES")))
    assert exchange.state is State.ENDED, exchange
    sooner, why = await due(flow, "CESREES_1M")
    assert sooner < last
    assert "15 days" in why
    assert "art. 100" in why
