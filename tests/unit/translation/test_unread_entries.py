"""Law 3 for annex entries that could not be read: they stay as they are, or go, but never into something else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from broker.translation.translator import EnvelopeContext, Translation, Translator
from tests.support.documents import canonical
from tests.support.examples import way_of

if TYPE_CHECKING:
    from collections.abc import Callable

FI = "fi-findata-1"
DATA = Path(__file__).parents[2] / "data"
EXAMPLE, FRENCH = DATA / FI / "AdditionalInfoRequest.xml", DATA / "fr-hdh-1" / "Reminder.xml"
#: Sections are told apart by their position alone; the second has a country, the first has none.
TAKEN, GONE = "content/form/section[;2]/country", "content/form/section[;3]/country"
ENDLESS = f"content/unknown/field[{'9' * 5_000}]"


def translator() -> Translator:
    return way_of(f"eu-1 to {FI}").translator


def request(*entries: tuple[str, str]) -> etree._Element:
    """The example with entries in its annex."""
    root = etree.parse(EXAMPLE, etree.XMLParser(remove_blank_text=True)).getroot()
    namespace = etree.QName(root).namespace
    annex = etree.SubElement(root, f"{{{namespace}}}euLiite")
    for path, text in entries:
        etree.SubElement(annex, f"{{{namespace}}}kentta", {"polku": path}).text = text
    return root


def read(root: etree._Element) -> Translation:
    return translator().read(FI, root, envelope=EnvelopeContext())


def write(made: Translation) -> Translation:
    return translator().write(FI, made.root, carry=made.carry)


def sections(root: etree._Element) -> list[etree._Element]:
    return root.findall("{*}content/{*}form/{*}section")


def swapped(root: etree._Element) -> None:
    first, second = sections(root)
    second.addnext(first)


def without_a_country(root: etree._Element) -> None:
    country = sections(root)[1].find("{*}country")
    assert country is not None
    sections(root)[1].remove(country)


def with_a_third(root: etree._Element) -> None:
    first, second = sections(root)
    third = etree.fromstring(etree.tostring(first))
    second.addnext(third)


def annex(root: etree._Element) -> list[tuple[str, str | None]]:
    return [(entry.get("polku", ""), entry.text) for entry in root.iterfind("{*}euLiite/{*}kentta")]


@pytest.mark.parametrize("path", [TAKEN, GONE, ENDLESS, "content/form/nothing"])
def test_what_could_not_be_read_is_told_and_stays_where_it_was(path: str) -> None:
    root = request((path, "Atlantis"))
    made = read(root)
    assert [(problem.code, problem.value) for problem in made.problems] == [("annex-path", path[:80])]
    assert canonical(write(made).root) == canonical(root)


def test_the_problem_names_the_entry_by_its_number_counted_from_one() -> None:
    made = read(request(("content/form/nothing", "nowhere"), (TAKEN, "Atlantis")))
    assert [problem.path for problem in made.problems] == ["euLiite/kentta[1]", "euLiite/kentta[2]"]


def test_the_problem_names_the_case_that_the_document_says_something_there_already() -> None:
    [problem] = read(request((TAKEN, "Atlantis"))).problems
    assert "where the document says something" in problem.detail
    assert "leave one of them" in problem.hint


@pytest.mark.parametrize(
    ("path", "change"),
    [(TAKEN, swapped), (TAKEN, without_a_country), (GONE, with_a_third)],
    ids=["another section has its place", "its place is free now", "a new section has its name"],
)
def test_it_is_left_out_and_told_once_it_would_be_read_into_something_else(
    path: str, change: Callable[[etree._Element], None]
) -> None:
    made = read(request(("content/form/nothing", "nowhere"), (path, "Atlantis")))
    change(made.root)
    there = write(made)
    assert annex(there.root) == [("content/form/nothing", "nowhere")]
    assert [(one.code, one.path, one.value) for one in there.problems] == [("orphaned", "euLiite/kentta[2]", path)]
    assert [(row["source"], row["what"]) for row in there.report.lost()] == [
        ("euLiite/kentta[2]", "orphaned"),
        ("euLiite/kentta[2]/@polku", "orphaned"),
    ]
    assert canonical(read(there.root).root) == canonical(made.root)


def test_entries_that_a_reader_wrote_in_another_order_come_back_in_that_order() -> None:
    entries = [("content/unknown/field[1]", '"text"'), ("content/unknown/field[1]/@path", "/content/new")]
    made = read(root := request(*entries))
    assert made.problems == ()
    assert canonical(write(made).root) == canonical(root)


def test_of_two_for_the_same_place_none_gets_into_it() -> None:
    made = read(request((TAKEN, "Atlantis"), (TAKEN, "Lyonesse")))
    without_a_country(made.root)
    there = write(made)
    assert annex(there.root) == []
    assert canonical(read(there.root).root) == canonical(made.root)


def test_it_takes_no_place_from_what_the_annex_says_itself() -> None:
    made = read(request((TAKEN, "Atlantis")))
    swapped(made.root)
    country = etree.Element(f"{{{etree.QName(made.root).namespace}}}country")
    country.text = "no country of the table"
    sections(made.root)[1].insert(1, country)
    there = write(made)
    assert annex(there.root) == [(TAKEN, country.text)]
    assert canonical(read(there.root).root) == canonical(made.root)


def test_what_the_flow_says_itself_is_nothing_that_took_the_name_of_an_entry() -> None:
    root = etree.parse(FRENCH, etree.XMLParser(remove_blank_text=True)).getroot()
    namespace = etree.QName(root).namespace
    annex = etree.SubElement(root, f"{{{namespace}}}AnnexeEU")
    etree.SubElement(annex, f"{{{namespace}}}champ", {"chemin": "envelope/legId"}).text = "another leg"
    made = translator().read("fr-hdh-1", root, envelope=EnvelopeContext(leg_id="this leg"))
    assert [(one.code, one.value) for one in made.problems] == [("annex-path", "envelope/legId")]
    there = translator().write("fr-hdh-1", made.root, carry=made.carry)
    assert (canonical(there.root), there.problems) == (canonical(root), ())
