"""The French examples say everything that a dossier can say, and all of it is read and comes home."""

from __future__ import annotations

import pytest
from lxml import etree

from broker.translation.translator import EnvelopeContext
from tests.fidelity.laws import plain
from tests.support.documents import canonical, leaves
from tests.support.sides import side, translator
from tests.unit.translation.test_french_profile import CONTEXT, DATA, EU_GATE, FR, GATE, text

FOLDER = DATA / FR
FULL = sorted((FOLDER / "full").glob("*.xml"))
ALL = [*sorted(FOLDER.glob("*.xml")), *FULL, *sorted((FOLDER / "procedures").glob("*.xml"))]
LEAVES = side("fr/1/hdh.xsd").paths("Dossier")
#: What a dossier says at an event, whole.
SAID_AT = {
    "Demande/": "DEPOT",
    "SupplementEU/": "DEPOT",
    "Instruction/permis/": "CONVENTION_SIGNEE",
    "Instruction/decision/": "DECISION",
}


def dossiers() -> list[etree._Element]:
    return [etree.parse(str(file), etree.XMLParser(remove_blank_text=True)).getroot() for file in ALL]


def said(roots: list[etree._Element]) -> set[str]:
    return {plain(path) for root in roots for path in leaves(root)}


def test_every_leaf_of_the_dossier_stands_in_an_example() -> None:
    assert LEAVES - said(dossiers()) == frozenset()


@pytest.mark.parametrize("part", sorted(SAID_AT))
def test_each_part_is_full_where_it_is_the_message(part: str) -> None:
    there = [root for root in dossiers() if root.findtext("{*}Entete/{*}evenement") == SAID_AT[part]]
    wanted = {path for path in LEAVES if path.startswith(part)}
    assert wanted - said(there) == set()


@pytest.mark.parametrize("file", FULL, ids=lambda file: file.stem)
def test_a_full_example_is_valid_is_read_and_comes_home(file: object) -> None:
    dossier = etree.parse(str(file), etree.XMLParser(remove_blank_text=True)).getroot()
    assert GATE.validate(dossier), GATE.error_log
    told = translator().read(FR, dossier, envelope=CONTEXT)
    assert EU_GATE.validate(told.root), EU_GATE.error_log
    assert (told.problems, told.sign_off) == ((), ())
    home = translator().write(FR, told.root, carry=told.carry)
    assert canonical(home.root) == canonical(dossier)


def test_only_what_the_eu_form_never_asks_stays_behind() -> None:
    dossier = etree.parse(str(FOLDER / "full/ApplicationSubmitted.xml")).getroot()
    told = translator().read(FR, dossier, envelope=EnvelopeContext(message_id="m-1"))
    gone = {plain(row["source"]) for row in told.report.fields() if row["fate"] in ("carried", "left-out")}
    identifiers = {path for path in LEAVES if path.startswith("Demande/besoins/identifiantsPotentiels/")}
    assert gone == {"Demande/procedure", "Demande/pieces/piece/nature", *identifiers}


def test_a_permit_under_a_methodology_shows_its_evidence_instead_of_a_decision_of_the_cnil() -> None:
    """Law and forms of France: opinion, declaration and record stand for the decision; CNIL délibération 2023-082."""
    dossier = etree.parse(str(FOLDER / "full/PermitIssued-MR-007.xml")).getroot()
    told = translator().read(FR, dossier, envelope=CONTEXT)
    grant = text(told.root, "content/grantText")
    for part in (
        "MR-007",
        "EX-DECLARATION-0007",
        "EX-CESREES-2026-12",
        "2026-10-05",
        "https://repertoire.example.org/",
    ):
        assert part in grant, part
    assert told.root.find("{*}content/{*}decisionId") is None
    assert told.sign_off == ()
