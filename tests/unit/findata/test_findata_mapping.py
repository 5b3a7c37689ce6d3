"""What the Finnish mapping says: purposes, lapsed applications, Finland's own part of an application, the report."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from broker.translation.completeness import missing, shipped_rules
from broker.translation.translator import EnvelopeContext, Translation, Translator
from tests.support.documents import canonical
from tests.support.sides import Side

FI = "fi-findata-1"
DATA = Path(__file__).parents[2] / "data"
FINNISH = sorted((*(DATA / FI).glob("*.xml"), *(DATA / FI).glob("variants/*.xml")))
EUROPEAN = sorted(
    (*(DATA / "eu-1" / path.name for path in (DATA / FI).glob("*.xml")), *(DATA / "eu-1/variants").glob("*.xml"))
)
NOTHING = EnvelopeContext()
PURPOSE = "content/form/section2/purposeForWhichDataWillBeUsed/key"


def document(path: Path) -> etree._Element:
    return etree.parse(str(path), etree.XMLParser(remove_blank_text=True)).getroot()


def text(root: etree._Element, path: str) -> str | None:
    return root.findtext("/".join(f"{{*}}{step}" for step in path.split("/")))


def found(root: etree._Element, path: str) -> etree._Element:
    element = root.find("/".join(f"{{*}}{step}" for step in path.split("/")))
    assert element is not None
    return element


def put(parent: etree._Element, at: int, name: str, value: str) -> None:
    child = etree.Element(f"{{{etree.QName(parent).namespace}}}{name}")
    child.text = value
    parent.insert(at, child)


def with_purpose(luokka: str, kohta: str = "") -> etree._Element:
    """An application lodged with Findata for one purpose: its class, its point of Art. 53(1), or both."""
    root = document(DATA / FI / "ApplicationOriginated.xml")
    application = found(root, "hakemus")
    for other in application.findall("{*}kayttotarkoitus")[1:]:
        application.remove(other)
    purpose = found(root, "hakemus/kayttotarkoitus")
    purpose[:] = []
    for name, value in (("luokka", luokka), ("ehdsKohta", kohta)):
        if value:
            put(purpose, len(purpose), name, value)
    return root


def named(translation: Translation) -> tuple[list[str], list[str]]:
    """The problems of a translation by code, and the legal facts that a person must agree about."""
    return [problem.code for problem in translation.problems], [loss.id for loss in translation.sign_off]


@pytest.mark.parametrize("path", FINNISH, ids=lambda path: path.stem)
def test_a_finnish_example_comes_home(findata: Translator, eu: Side, path: Path) -> None:
    root = document(path)
    back = findata.read(FI, root, envelope=NOTHING)
    assert eu.gate.validate(back.root), eu.gate.error_log
    assert not back.problems
    assert not back.sign_off
    assert canonical(findata.write(FI, back.root, carry=back.carry).root) == canonical(root)


@pytest.mark.parametrize("path", EUROPEAN, ids=lambda path: path.stem)
def test_a_european_example_comes_home_from_findata(findata: Translator, fi: Side, path: Path) -> None:
    root = document(path)
    forth = findata.write(FI, root)
    assert fi.gate.validate(forth.root), fi.gate.error_log
    assert not forth.problems
    assert not forth.sign_off
    assert canonical(findata.read(FI, forth.root, envelope=NOTHING, carry=forth.carry).root) == canonical(root)


@pytest.mark.parametrize("path", EUROPEAN, ids=lambda path: path.stem)
def test_nothing_of_a_european_example_is_left_behind(findata: Translator, path: Path) -> None:
    fates = Counter(str(row["fate"]) for row in findata.write(FI, document(path)).report.fields())
    assert set(fates) <= {"copied", "recoded", "annex"}


@pytest.mark.parametrize("key", "abcdef")
def test_each_point_of_article_53_reaches_findata_and_comes_back(findata: Translator, key: str) -> None:
    root = document(DATA / "eu-1" / "ApplicationSubmitted.xml")
    found(root, PURPOSE).text = key
    forth = findata.write(FI, root)
    purpose = found(forth.root, "hakemus/kayttotarkoitus")
    national = {"c": ("tilastointi", None), "d": ("opetus", None)}.get(key, (None, key))
    assert (text(purpose, "luokka"), text(purpose, "ehdsKohta")) == national
    back = findata.read(FI, forth.root, envelope=NOTHING, carry=forth.carry)
    assert text(back.root, PURPOSE) == key


@pytest.mark.parametrize(
    ("luokka", "kohta", "key"),
    [
        ("tilastointi", "", "c"),
        ("tilastointi", "c", "c"),
        ("opetus", "", "d"),
        ("tieteellinen-tutkimus", "", "e"),
        ("tieteellinen-tutkimus", "e", "e"),
        ("kehittamis-ja-innovaatiotoiminta", "", "e"),
        ("viranomaisen-suunnittelu-ja-selvitys", "", "b"),
        ("ohjaus-ja-valvonta", "", "b"),
        ("ohjaus-ja-valvonta", "b", "b"),
        ("tietojohtaminen", "f", "f"),
        ("tietojohtaminen", "b", "b"),
        ("", "a", "a"),
        ("", "d", "d"),
    ],
)
def test_each_of_the_seven_purposes_is_read_as_its_point_and_comes_home(
    findata: Translator, luokka: str, kohta: str, key: str
) -> None:
    root = with_purpose(luokka, kohta)
    back = findata.read(FI, root, envelope=NOTHING)
    assert text(back.root, PURPOSE) == key
    assert named(back) == ([], [])
    home = findata.write(FI, back.root, carry=back.carry)
    assert canonical(home.root) == canonical(root)


@pytest.mark.parametrize(("luokka", "kohta"), [("tieteellinen-tutkimus", "e"), ("tietojohtaminen", "b")])
def test_a_point_and_its_class_are_both_named_in_the_report(findata: Translator, luokka: str, kohta: str) -> None:
    rows = findata.read(FI, with_purpose(luokka, kohta), envelope=NOTHING).report.fields()
    said = {row["source"].rpartition("/")[2]: row for row in rows if "/kayttotarkoitus[1]/" in row["source"]}
    assert (said["luokka"]["fate"], said["luokka"]["table"]) == ("recoded", "purposes")
    assert (said["ehdsKohta"]["fate"], said["ehdsKohta"]["table"]) == ("copied", "")
    assert said["luokka"]["target"] == said["ehdsKohta"]["target"]


def test_an_ambiguous_purpose_alone_is_never_guessed(findata: Translator) -> None:
    root = with_purpose("tietojohtaminen")
    back = findata.read(FI, root, envelope=NOTHING)
    assert text(back.root, PURPOSE) is None
    assert named(back) == (["ambiguous-value"], ["purpose"])
    assert canonical(findata.write(FI, back.root, carry=back.carry).root) == canonical(root)


@pytest.mark.parametrize(
    ("luokka", "kohta", "key"),
    [("tieteellinen-tutkimus", "b", "e"), ("tilastointi", "d", "c"), ("tietojohtaminen", "e", "e")],
)
def test_a_class_and_a_point_that_contradict_each_other_wait_for_a_person(
    findata: Translator, luokka: str, kohta: str, key: str
) -> None:
    root = with_purpose(luokka, kohta)
    back = findata.read(FI, root, envelope=NOTHING)
    assert text(back.root, PURPOSE) == key
    assert named(back) == (["two-values"], ["purpose"])
    assert canonical(findata.write(FI, back.root, carry=back.carry).root) == canonical(root)


@pytest.mark.parametrize("kohta", ["", "e"])
def test_a_class_does_not_outlive_the_point_that_it_was_read_as(findata: Translator, kohta: str) -> None:
    back = findata.read(FI, with_purpose("tieteellinen-tutkimus", kohta), envelope=NOTHING)
    found(back.root, PURPOSE).text = "f"
    home = findata.write(FI, back.root, carry=back.carry)
    assert text(home.root, "hakemus/kayttotarkoitus/luokka") is None
    assert text(home.root, "hakemus/kayttotarkoitus/ehdsKohta") == "f"
    assert [problem.code for problem in home.problems] == ["orphaned"]


def test_a_class_that_was_not_chosen_does_not_come_back_beside_another_point(findata: Translator) -> None:
    root = with_purpose("tietojohtaminen")
    put(found(root, "hakemus/kayttotarkoitus"), 1, "kuvaus", "Hoidon johtaminen")
    back = findata.read(FI, root, envelope=NOTHING)
    purpose = found(back.root, PURPOSE.rpartition("/")[0])
    put(purpose, 0, "key", "a")
    home = findata.write(FI, back.root, carry=back.carry)
    assert text(home.root, "hakemus/kayttotarkoitus/luokka") is None
    assert text(home.root, "hakemus/kayttotarkoitus/ehdsKohta") == "a"
    assert [problem.code for problem in home.problems] == ["orphaned"]


def test_a_class_that_the_table_has_no_more_is_not_said_again(findata: Translator) -> None:
    back = findata.read(FI, with_purpose("tieteellinen-tutkimus"), envelope=NOTHING)
    carry = back.carry.replace(b"tieteellinen-tutkimus", b"ohjaus-ja-valvonta")
    home = findata.write(FI, back.root, carry=carry)
    assert text(home.root, "hakemus/kayttotarkoitus/luokka") is None
    assert text(home.root, "hakemus/kayttotarkoitus/ehdsKohta") == "e"


def test_a_data_request_is_a_tietopyynto_with_its_tables(findata: Translator) -> None:
    root = document(DATA / FI / "variants" / "ApplicationSubmitted-tietopyynto.xml")
    assert text(root, "hakemus/hakemustyyppi") == "tietopyynto"
    back = findata.read(FI, root, envelope=NOTHING).root
    assert text(back, "content/application_type") == "DATA_REQUEST_APPLICATION"
    plans = back.findall("{*}content/{*}form/{*}section6/{*}tabulationPlanArray")
    assert [plan.findtext("{*}tabulationPossibleStudyCohort") for plan in plans] == ["Tous les cas", "Moins de 50 ans"]
    assert missing(back, shipped_rules()) == ()


def test_a_lapsed_application_is_no_negative_decision_and_is_charged(findata: Translator, eu: Side) -> None:
    back = findata.read(FI, document(DATA / FI / "variants" / "DecisionIssued-raukeava.xml"), envelope=NOTHING)
    assert eu.gate.validate(back.root), eu.gate.error_log
    assert text(back.root, "content/kind") == "NOT_ISSUED_INCOMPLETE"
    assert (text(back.root, "content/fees/amount"), text(back.root, "content/fees/currency")) == ("345.00", "EUR")


def test_an_application_that_the_applicant_let_lapse_is_withdrawn(findata: Translator) -> None:
    back = findata.read(FI, document(DATA / FI / "variants" / "StatusUpdate-rauennut.xml"), envelope=NOTHING)
    assert (back.type, text(back.root, "content/status")) == ("StatusUpdate", "WITHDRAWN")


@pytest.mark.parametrize(("kind", "outcome"), [("PERMIT_GRANTED", "myonteinen"), ("PERMIT_REFUSED", "kielteinen")])
def test_only_a_refusal_is_a_negative_decision(findata: Translator, kind: str, outcome: str) -> None:
    root = document(DATA / FI / "DecisionIssued.xml")
    found(root, "sisalto/ratkaisu").text = outcome
    assert text(findata.read(FI, root, envelope=NOTHING).root, "content/kind") == kind


def test_finland_s_section_is_the_extraction_description_and_others_stand_in_the_annex(findata: Translator) -> None:
    root = document(DATA / "eu-1" / "ApplicationSubmitted.xml")
    countries = [section.findtext("{*}country_id") for section in root.findall("{*}content/{*}form/{*}section6")]
    assert len(countries) > 1
    written = findata.write(FI, root).root
    assert text(written, "hakemus/poimintakuvaus/maa") == "FINLAND"
    paths = [field.get("polku", "") for field in written.findall("{*}euLiite/{*}kentta")]
    shown = [path for path in paths if path.startswith("content/form/section6[")]
    assert {path.partition("[")[2].partition("]")[0] for path in shown} == set(countries)
    assert [path for path in shown if "[FINLAND]" in path] == ["content/form/section6[FINLAND]/personProfileDataDate"]


def test_the_annex_shows_findata_what_has_no_counterpart_and_nothing_else(findata: Translator) -> None:
    root = document(DATA / "eu-1" / "ApplicationSubmitted.xml")
    forth = findata.write(FI, root)
    annexed = [row for row in forth.report.fields() if row["fate"] == "annex"]
    assert len(forth.root.findall("{*}euLiite/{*}kentta")) == len(annexed)
    assert not [
        row
        for row in annexed
        if "section3" in row["source"] and "ProfileDataDate" not in row["source"] and "translation" not in row["source"]
    ]
