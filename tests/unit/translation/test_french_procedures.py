"""One dossier for each French procedure: valid, read as its step, and on the road that the chain knows."""

from __future__ import annotations

import tomllib

import pytest
from lxml import etree

from broker.flow.events import event_of
from broker.model.lifecycle import Event, Lifecycle, advance, read_lifecycle
from broker.translation.facts import facts_of
from broker.translation.translator import EnvelopeContext
from tests.support.documents import canonical
from tests.support.sides import SCHEMAS, side, translator
from tests.unit.eu.conftest import DATA
from tests.unit.model.test_lifecycle import AT, leg

FOLDER = DATA / "fr-hdh-1/procedures"
FILES = sorted(FOLDER.glob("*.xml"))
LEG, CHAIN = (
    read_lifecycle(tomllib.loads((SCHEMAS / f"lifecycles/{name}.toml").read_text("utf-8")))
    for name in ("leg", "fr-hdh")
)
NS = "{urn:hdeu:fr:hdh:1}"
#: Which event of a dossier an element of its proceedings is.
EVENTS = {
    "choixProcedure": "CHOIX_PROCEDURE",
    "avisCESREES": "AVIS_CESREES",
    "interetPublic": "INTERET_PUBLIC",
    "transmissionCNIL": "TRANSMISSION_CNIL",
    "seanceCNIL": "SEANCE_CNIL",
    "conformiteDeclaree": "CONFORMITE_DECLAREE",
    "inscriptionRepertoire": "REPERTOIRE",
    "etapeNationale": "ETAPE_NATIONALE",
}
each = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def dossier(file: object) -> etree._Element:
    return etree.parse(str(file), etree.XMLParser(remove_blank_text=True)).getroot()


def steps(root: etree._Element, lifecycle: Lifecycle) -> list[Event]:
    """Every national step that a dossier tells of, as the flow sees it; a CPP is heard before what follows from it."""
    found = []
    for child in root.find(f"{NS}Instruction"):
        head = root.find(f"{NS}Entete/{NS}evenement")
        head.text = EVENTS[etree.QName(child).localname]
        told = translator().read("fr-hdh-1", root, envelope=EnvelopeContext())
        found.append(event_of(facts_of(told.root), lifecycle))
    return sorted(found, key=lambda event: (event.variant != "PROCEDURE", event.variant != "AVIS_CPP"))


@each
def test_the_example_of_a_procedure_is_valid_and_comes_home(file: object) -> None:
    root = dossier(file)
    assert side("fr/1/hdh.xsd").gate.validate(root), side("fr/1/hdh.xsd").gate.error_log
    read = translator().read("fr-hdh-1", root, envelope=EnvelopeContext(message_id="m-1"))
    assert (read.type, read.problems, read.sign_off) == ("NationalStep", (), ())
    assert canonical(translator().write("fr-hdh-1", read.root, carry=read.carry).root) == canonical(root)


@each
def test_its_steps_lead_to_a_decision(file: object) -> None:
    root = dossier(file)
    chosen, *others = steps(root, LEG)
    assert chosen == Event("NationalStep", "PROCEDURE", root.findtext(f"{NS}Demande/{NS}procedure"))
    one = leg("PRE_SCREENING", national_state="DEPOSE", facts={"fees_notified": AT.isoformat()})
    road = [chosen, Event("StatusUpdate", "PROCESSING"), *others, Event("DecisionIssued", "positive")]
    for event in road:
        one = advance(one, event, lifecycle=LEG, national=CHAIN, at=AT).leg
    assert one.state == "POSITIVE_DECISION_ISSUED"


def test_there_is_one_for_each_procedure() -> None:
    declared = {step.on.rpartition(":")[2] for step in CHAIN.steps if ":PROCEDURE:" in step.on}
    assert {file.stem for file in FILES} == declared
