"""Several optional parts in one text: put together and told apart, or not put together at all."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from broker.translation.lead_ins import apart, together
from broker.translation.mapping_file import Profile, load_profile
from broker.translation.translator import EnvelopeContext
from tests.fidelity.ways import profile_names
from tests.support.documents import canonical
from tests.support.sides import SCHEMAS, side, translator
from tests.unit.eu.conftest import DATA
from tests.unit.translation.test_french_profile import FR, example, find, text

BEFORE = ("", " au ", "\nTitres : ")
ALONE = "dès "
FREE = (None, None, None)
PIECES = st.sampled_from(["", " ", "2019", " au ", "au ", "\nTitres : ", "Titres : ", "\n", "é", "dès ", "dès"])
ALONES = st.sampled_from(["", ALONE])
TEXTS = st.lists(PIECES, max_size=6).map("".join)
FIT = st.sampled_from([None, str.isdigit, lambda text: len(text) > 2])
FITS = st.tuples(FIT, FIT, FIT)
FORM = "content/form"


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (("2019", "2024", "Docteur"), "2019 au 2024\nTitres : Docteur"),
        (("2019", None, "Docteur"), "2019\nTitres : Docteur"),
        ((None, None, "Docteur"), "Titres : Docteur"),
        ((None, "2024", None), "au 2024"),
        (("", None, "Docteur"), "\nTitres : Docteur"),
        (("next summer", None, None), "next summer"),
    ],
)
def test_a_part_that_is_missing_takes_its_lead_in_with_it(parts: tuple[str | None, ...], whole: str) -> None:
    assert together(parts, BEFORE, FREE) == whole
    assert apart(whole, BEFORE, FREE) == parts


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (("2019", None, None), "dès 2019"),
        (("2019", None, "Docteur"), "dès 2019\nTitres : Docteur"),
        (("2019", "2024", None), "2019 au 2024"),
        ((None, "2024", None), "au 2024"),
        ((None, None, "Docteur"), "Titres : Docteur"),
    ],
)
def test_a_first_part_without_the_second_has_its_own_lead_in(parts: tuple[str | None, ...], whole: str) -> None:
    assert together(parts, BEFORE, FREE, ALONE) == whole
    assert apart(whole, BEFORE, FREE, ALONE) == parts


@pytest.mark.parametrize("whole", ["2019", "2019\nTitres : Docteur", "dès 2019 au 2024"])
def test_a_text_that_says_it_otherwise_is_never_taken_for_a_first_part_alone(whole: str) -> None:
    assert apart(whole, BEFORE, FREE, ALONE) is None


@given(TEXTS, FITS, ALONES)
def test_every_text_comes_back_from_its_parts(whole: str, fits: tuple[None, None, None], alone: str) -> None:
    parts = apart(whole, BEFORE, fits, alone)
    assert parts is None or together(parts, BEFORE, fits, alone) == whole


@given(st.tuples(*[st.none() | TEXTS] * 3).filter(any), FITS, ALONES)
def test_parts_come_back_or_are_never_put_together(
    parts: tuple[str | None, ...], fits: tuple[None, None, None], alone: str
) -> None:
    whole = together(parts, BEFORE, fits, alone)
    assert whole is None or apart(whole, BEFORE, fits, alone) == parts


def test_a_part_of_another_type_leaves_the_text_whole() -> None:
    fits = (None, str.isdigit, None)
    assert apart("du 3 au 4 mai", BEFORE, fits) == ("du 3 au 4 mai", None, None)
    assert apart("du 3 au 4 mai", BEFORE, (str.isdigit, str.isdigit, None)) is None
    assert together(("du 3", "quatre", None), BEFORE, fits) is None


def test_what_the_french_file_asks_beyond_the_eu_form_is_read_by_everybody() -> None:
    told = translator().read(FR, example(FR, "ApplicationOriginated"), envelope=EnvelopeContext(message_id="m-1"))
    assert text(told.root, f"{FORM}/section6/howWillTheDataFromDifferentSourcesBeLinked").endswith(
        "\nAppariement : INDIRECT\nCircuit des identifiants : Circuit exemple, identifiants détruits après appariement"
    )
    assert "\nMéthodologie : " in text(told.root, f"{FORM}/section5/whatIsTheAimAndTopicOfTheProject")
    assert "SIRET" not in text(told.root, f"{FORM}/section5/describeApplicantsQualification")
    assert text(told.root, f"{FORM}/section3/legalPersonBusinessID") == "00000000000000"
    row = next(row for row in told.report.fields() if row["source"] == "Demande/besoins/appariement/type")
    assert (row["fate"], row["target"]) == (
        "joined",
        ["content/form/section6[1]/howWillTheDataFromDifferentSourcesBeLinked"],
    )


def test_the_report_names_only_the_parts_that_a_text_had() -> None:
    document = example("eu-1", "ApplicationSubmitted")
    find(document, f"{FORM}/section9/additionalInformation").text = "Financeurs : Agence exemple"
    forth = translator().write(FR, document)
    row = next(row for row in forth.report.fields() if row["source"].endswith("section9/additionalInformation"))
    assert (row["fate"], row["target"]) == ("split", ["Demande/financement/financeurs"])
    assert text(forth.root, "Demande/financement/financeurs") == "Agence exemple"
    back = translator().read(FR, forth.root, envelope=EnvelopeContext(), carry=forth.carry)
    assert canonical(back.root) == canonical(document)


def test_a_kept_report_names_them_too() -> None:
    document = example("eu-1", "ApplicationSubmitted")
    forth = translator().write(FR, document)
    assert translator().report(forth.report.compact()).fields() == forth.report.fields()


@pytest.mark.parametrize(
    "period",
    [
        "as far back as possible",
        *("2019-2024", "2019/2024", "2019-24", "2019-01-01/2024-12-31", "01/01/2019-31/12/2024"),
        *("2019", "01/01/2019", "à partir de 2019 au 2024"),
    ],
)
def test_a_period_without_a_boundary_is_shown_in_the_annex(period: str) -> None:
    """An interval that is written otherwise is no day that the period begins with."""
    document = example("eu-1", "ApplicationSubmitted")
    find(document, f"{FORM}/section6/timePeriodOfDataExtraction").text = period
    forth = translator().write(FR, document)
    assert [problem.code for problem in forth.problems if problem.code != "review-due"] == ["not-convertible"]
    assert side("fr/1/hdh.xsd").gate.validate(forth.root)
    assert any(
        etree.QName(entry).localname == "champ" and entry.text == period for entry in find(forth.root, "AnnexeEU")
    )


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("2019 au 2024", "2019", "2024"),
        ("2019-01-01 au 2024-12-31", "2019-01-01", "2024-12-31"),
        ("1/2/2019 au T4-2024", "1/2/2019", "T4-2024"),
    ],
)
def test_a_period_with_both_boundaries_is_told_apart(period: str, first: str, last: str) -> None:
    document = example("eu-1", "ApplicationSubmitted")
    find(document, f"{FORM}/section6/timePeriodOfDataExtraction").text = period
    forth = translator().write(FR, document)
    bounds = find(forth.root, "Demande/besoins/periodeCiblage")
    assert [bound.text for bound in bounds] == [first, last]


@pytest.mark.parametrize(
    ("first", "last", "period"),
    [
        ("2019", "", "à partir de 2019"),
        ("01/01/2019", "", "à partir de 01/01/2019"),
        ("", "2024", "au 2024"),
        ("2019", "2024", "2019 au 2024"),
    ],
)
def test_a_period_that_only_begins_is_not_read_as_a_year(first: str, last: str, period: str) -> None:
    dossier = example(FR, "ApplicationOriginated")
    bounds = find(dossier, "Demande/besoins/periodeCiblage")
    around = find(dossier, "Demande/besoins")
    around.remove(find(around, "profondeurHistorique"))
    for bound, said in zip(list(bounds), (first, last), strict=True):
        bound.text = said
        if not said:
            bounds.remove(bound)
    told = translator().read(FR, dossier, envelope=EnvelopeContext(message_id="m-1"))
    assert text(told.root, f"{FORM}/section6/timePeriodOfDataExtraction") == period
    home = translator().write(FR, told.root, carry=told.carry)
    assert canonical(home.root) == canonical(dossier)


@pytest.mark.parametrize(("letter", "codes"), [("a", []), ("d", ["review-due"]), ("e", []), ("f", ["review-due"])])
def test_a_purpose_without_a_french_one_goes_under_its_letter_and_asks_for_a_person(
    letter: str, codes: list[str]
) -> None:
    document = example("eu-1", "ApplicationSubmitted")
    purposes = document.findall("{*}content/{*}form/{*}section2/{*}purposeForWhichDataWillBeUsed")
    for purpose in purposes[1:]:
        purpose.getparent().remove(purpose)
    find(purposes[0], "key").text = letter
    forth = translator().write(FR, document)
    assert [problem.code for problem in forth.problems] == codes
    assert forth.root.findtext("{*}Demande/{*}finalites/{*}finalite/{*}pointEU") == (letter if codes else None)
    assert not forth.sign_off


with (DATA / "lead-ins.csv").open(encoding="utf-8", newline="") as file:
    LED = {(row["profile"], row["eu"], row["national"]): row["lead_in"] for row in csv.DictReader(file)}


def led(profile: Profile) -> dict[tuple[str, str, str], str]:
    """What leads in each part of each split: whoever reads the text abroad takes the part for what it is called."""
    splits = [line for family in profile.families.values() for line in family.lines if line.before]
    return {
        (profile.name, line.leaf, leaf): lead.replace("\n", "\\n")
        for line in splits
        for leaf, lead in zip(line.others, line.before, strict=True)
        if lead
    }


def test_each_lead_in_says_what_its_part_is_and_none_is_missing_from_the_list() -> None:
    found = [led(load_profile(SCHEMAS / "mappings" / name)) for name in profile_names()]
    assert {leaf: lead for one in found for leaf, lead in one.items()} == LED


def test_two_lead_ins_that_are_swapped_are_found_whatever_is_published() -> None:
    profile = load_profile(SCHEMAS / "mappings/fr-hdh-1")
    family = profile.families["application"]
    line = next(one for one in family.lines if len(one.before) > 2)
    first, one, other, *rest = line.before
    swapped = replace(line, before=(first, other, one, *rest))
    lines = tuple(swapped if known is line else known for known in family.lines)
    changed = replace(profile, families={**profile.families, "application": replace(family, lines=lines)})
    assert {leaf for leaf, lead in led(changed).items() if LED[leaf] != lead} == {
        ("fr-hdh-1", line.leaf, leaf) for leaf in line.others[1:3]
    }
