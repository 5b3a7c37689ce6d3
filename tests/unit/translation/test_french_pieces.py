"""Which pieces each French procedure asks for: the data against the schema, a complete file, and one piece away."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from broker.errors import ConfigurationError
from broker.translation.pieces import MISSING_PIECE, load_pieces, pieces_of, shipped_pieces
from tests.support.sides import SCHEMAS, side
from tests.unit.eu.conftest import DATA

if TYPE_CHECKING:
    from pathlib import Path

PROFILE = "fr-hdh-1"
RULES = shipped_pieces(PROFILE)
assert RULES is not None
MODEL, GATE = side("fr/1/hdh.xsd").model, side("fr/1/hdh.xsd").gate
NS = "{urn:hdeu:fr:hdh:1}"
FULL = DATA / PROFILE / "full" / "ApplicationSubmitted.xml"
#: What is lodged whole: every full example, and the file that a French office forwards.
LODGED = [*sorted(FULL.parent.glob("*.xml")), DATA / PROFILE / "ApplicationOriginated.xml"]
PIECE = "Demande/pieces/piece"
#: What the starter kit lists, by where it stands (law of the table: HDH starter kit; MR-007: délibération 2023-082).
DEPOSIT = (
    "Demande/pieces/protocole",
    "RESUME_TYPE",
    "DPI_RESPONSABLE_TRAITEMENT",
    "DPI_RESPONSABLE_MISE_EN_OEUVRE",
    "DPI_LABORATOIRE_OU_BUREAU_ETUDES",
    "Demande/besoins/informationPersonnes/lettre",
)
SNDS = ("ATTESTATION_SECURITE_SNDS", "Demande/pieces/aipd", "Demande/besoins/expressionBesoins")
ASKED = {
    "AUTORISATION": {*DEPOSIT, "FORMULAIRE_CNIL", *SNDS},
    "MR-001": set(),
    "MR-003": set(),
    "MR-004": set(),
    "MR-005": set(),
    "MR-006": set(),
    "MR-007": {*DEPOSIT, *SNDS},
    "MR-008": {*DEPOSIT, *SNDS},
    "EGB": set(),
    "PERMANENT": set(),
}
#: A leaf that decides, a value, and the pieces that are asked for or not because of it.
DECIDED = [
    ("Demande/rmo/type", "RT", {"DPI_LABORATOIRE_OU_BUREAU_ETUDES"}),
    ("Demande/rmo/type", "", {"DPI_LABORATOIRE_OU_BUREAU_ETUDES"}),
    ("Demande/besoins/informationPersonnes/individuelle", "NON", {"Demande/besoins/informationPersonnes/lettre"}),
    ("Demande/besoins/informationPersonnes/individuelle", "", {"Demande/besoins/informationPersonnes/lettre"}),
]


def steps(path: str) -> str:
    return "/".join(f"{NS}{step}" for step in path.split("/"))


def said(root: etree._Element, path: str, value: str) -> etree._Element:
    """The dossier with another value at a path, or without it."""
    for element in root.findall(steps(path)):
        parent = element.getparent()
        assert parent is not None
        if value:
            element.text = value
        else:
            parent.remove(element)
    return root


def dossier(procedure: str = "AUTORISATION", *, bare: bool = False) -> etree._Element:
    """The example at its deposit, with or without pieces: a laboratory, persons informed one by one, the SNDS."""
    root = etree.parse(str(FULL), etree.XMLParser(remove_blank_text=True)).getroot()
    said(root, "Entete/evenement", "DEPOT")
    said(root, "Demande/rmo/type", "LABO")
    said(root, "Demande/besoins/informationPersonnes/individuelle", "OUI")
    procedure_of = root.find(steps("Demande/procedure"))
    assert procedure_of is not None
    procedure_of.text = procedure
    if bare:
        for path in (
            "Demande/pieces",
            "Demande/besoins/expressionBesoins",
            "Demande/besoins/informationPersonnes/lettre",
        ):
            said(root, path, "")
    return root


def named(root: etree._Element) -> set[str]:
    """The kind of each piece that is missing, or its path."""
    problems = pieces_of(root, PROFILE)
    assert {problem.code for problem in problems} <= {MISSING_PIECE}
    return {
        problem.detail.rpartition("(")[2].rstrip(").") if problem.path == PIECE else problem.path
        for problem in problems
    }


def test_each_place_kind_procedure_and_condition_of_the_data_is_one_of_the_schema() -> None:
    leaves = {leaf.path: leaf for leaf in MODEL.leaves("Dossier")}
    kinds, procedures = leaves[f"{PIECE}/nature"].type, leaves[RULES.procedure].type
    assert set(ASKED) == set(procedures.enumeration)
    assert RULES.events <= set(leaves[RULES.event].type.enumeration)
    assert RULES.otherwise in procedures.enumeration
    assert RULES.form in leaves
    for piece in RULES.pieces:
        assert any(path.startswith(f"{piece.field}/") for path in leaves), piece
        assert not piece.kind or piece.kind in kinds.enumeration, piece
        assert piece.procedures <= set(procedures.enumeration), piece
        assert piece.always <= piece.procedures, piece
        assert not piece.asked or piece.asked in leaves, piece
        assert piece.values <= set(leaves[piece.asked].type.enumeration) if piece.values else True, piece
        assert piece.source


@pytest.mark.parametrize("procedure", ASKED)
def test_a_dossier_without_pieces_is_told_each_that_its_procedure_asks_for(procedure: str) -> None:
    root = dossier(procedure, bare=True)
    assert GATE.validate(root), GATE.error_log
    assert named(root) == ASKED[procedure]


def test_a_file_that_has_them_all_is_told_nothing() -> None:
    assert named(dossier()) == set()


@pytest.mark.parametrize("example", LODGED, ids=lambda path: path.stem)
def test_an_example_of_a_whole_file_lacks_no_piece(example: Path) -> None:
    assert named(etree.parse(str(example)).getroot()) == set()


@pytest.mark.parametrize("piece", RULES.pieces, ids=lambda piece: piece.kind or piece.field)
def test_one_piece_away_is_named_and_no_other(piece: object) -> None:
    root = dossier()
    for element in root.findall(steps(piece.field)):
        if not piece.kind or element.findtext(f"{NS}nature") == piece.kind:
            element.getparent().remove(element)
    assert named(root) == {piece.kind or piece.field}


def test_a_piece_that_says_its_kind_and_nothing_else_is_no_piece() -> None:
    root = dossier()
    for element in root.findall(steps(PIECE)):
        if element.findtext(f"{NS}nature") == "FORMULAIRE_CNIL":
            element[1:] = []
    assert named(root) == {"FORMULAIRE_CNIL"}


@pytest.mark.parametrize(("path", "value", "gone"), DECIDED)
def test_what_hangs_on_an_answer_is_asked_for_with_that_answer_alone(path: str, value: str, gone: set[str]) -> None:
    assert named(said(dossier(bare=True), path, value)) == ASKED["AUTORISATION"] - gone


@pytest.mark.parametrize(("procedure", "left"), [("AUTORISATION", set()), ("MR-007", set(SNDS)), ("MR-008", set(SNDS))])
def test_what_the_snds_asks_for_is_asked_without_the_snds_where_the_procedure_is_about_it(
    procedure: str, left: set[str]
) -> None:
    root = said(dossier(procedure, bare=True), "Demande/jeuxDeDonnees/jeu/composanteSNDS", "")
    assert named(root) == (ASKED[procedure] - set(SNDS)) | left


def test_a_dossier_that_names_no_procedure_is_on_the_road_of_an_authorisation() -> None:
    assert named(said(dossier(bare=True), "Demande/procedure", "")) == ASKED["AUTORISATION"]


@pytest.mark.parametrize("event", ["ACCUSE_RECEPTION", "DECISION", "SEANCE_CNIL", "SUIVI"])
def test_a_later_step_of_the_file_is_told_nothing_of_pieces(event: str) -> None:
    assert named(said(dossier(bare=True), "Entete/evenement", event)) == set()


def test_a_data_request_has_no_pieces_of_a_research_project() -> None:
    root = said(dossier(bare=True), "Demande/typeDemande", "DATA_REQUEST_APPLICATION")
    assert named(root) == set()


def test_other_profiles_ask_for_none() -> None:
    assert pieces_of(deepcopy(dossier()), "fi-findata-1") == ()


def test_data_that_cannot_be_read_says_which(tmp_path: Path) -> None:
    broken = tmp_path / "pieces-broken.toml"
    broken.write_text((SCHEMAS / f"completeness/pieces-{PROFILE}.toml").read_text("utf-8").replace("what =", "was ="))
    with pytest.raises(ConfigurationError, match="pieces-broken"):
        load_pieces(broken)
