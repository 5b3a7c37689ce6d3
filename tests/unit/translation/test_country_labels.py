"""Law 3 where one country goes by several names: the section that the national file holds stays that one.

A form may have two sections of one country (`fr` and `France`). The national file has room for the first; the other is
shown in the annex, whole. Its readers may write their country otherwise, also as the other section has it.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import product
from pathlib import Path

import pytest
from lxml import etree

from tests.support.documents import canonical
from tests.support.examples import way_of

EXAMPLE = Path(__file__).parents[2] / "data" / "eu-1" / "ApplicationSubmitted.xml"
#: Where a national file names its country, and what it may be called.
COUNTRY = {
    "fr-hdh-1": ("Demande/besoins/pays", ("FRANCE", "FR", "fr", "France")),
    "fi-findata-1": ("hakemus/poimintakuvaus/maa", ("FINLAND", "FI", "fi", "Finland")),
}
#: The same countries in other languages: no codes, so no national file takes a section for its own by them.
ABROAD = {"fr-hdh-1": ("Frankrijk", "Γαλλία", "Frankreich"), "fi-findata-1": ("Suomi", "Φινλανδία", "Finnland")}
each_profile = pytest.mark.parametrize("profile", COUNTRY)
#: Whether the section that the file holds says nothing but its country, or the other does.
each_fullness = pytest.mark.parametrize("bare", [None, 0, 1], ids=["both full", "its own bare", "the other bare"])


def form(root: etree._Element) -> etree._Element:
    found = root.find("{*}content/{*}form")
    assert found is not None
    return found


def sections(root: etree._Element) -> list[tuple[str | None, str | None]]:
    found = form(root).findall("{*}section6")
    return [(one.findtext("{*}country_id"), one.findtext("{*}inclusionCriteria")) for one in found]


def application(profile: str, *countries: str, bare: int | None = None) -> etree._Element:
    """The example with these sections 6; each has criteria of its own, or nothing but its country."""
    root = etree.parse(EXAMPLE, etree.XMLParser(remove_blank_text=True)).getroot()
    former = form(root).findall("{*}section6")
    sample = next(one for one in former if one.findtext("{*}country_id") == COUNTRY[profile][1][0])
    for number, country in enumerate(countries):
        section = deepcopy(sample)
        criteria, named = section.find("{*}inclusionCriteria"), section.find("{*}country_id")
        assert criteria is not None
        assert named is not None
        criteria.text, named.text = f"criteria {number}", country
        if number == bare:
            section[:] = [named]
        former[0].addprevious(section)
    for one in former:
        form(root).remove(one)
    return root


def renamed(profile: str, root: etree._Element, name: str) -> etree._Element:
    changed = deepcopy(root)
    element = changed.find("/".join(f"{{*}}{step}" for step in COUNTRY[profile][0].split("/")))
    assert element is not None
    element.text = name
    return changed


@each_fullness
@each_profile
def test_a_file_that_calls_its_country_otherwise_keeps_its_own_section(profile: str, bare: int | None) -> None:
    way, names = way_of(f"eu-1 to {profile}"), COUNTRY[profile][1]
    for first, second, name in product(names, names, names):
        source = application(profile, first, second, bare=bare)
        there = way.there(source)
        assert canonical(way.home(there.root, there.carry).root) == canonical(source)
        changed = renamed(profile, there.root, name)
        home = way.home(changed, there.carry)
        assert sections(home.root) == [(name, sections(source)[0][1]), sections(source)[1]], (first, second, name)
        assert canonical(way.there(home.root, home.carry).root) == canonical(changed), (first, second, name)


@each_profile
def test_sections_of_other_countries_around_it_stay_where_they_were(profile: str) -> None:
    way, names = way_of(f"eu-1 to {profile}"), COUNTRY[profile][1]
    there = way.there(application(profile, "GERMANY", names[2], names[3], "DENMARK"))
    changed = renamed(profile, there.root, names[3])
    home = way.home(changed, there.carry)
    assert [country for country, _ in sections(home.root)] == ["GERMANY", names[3], names[3], "DENMARK"]
    assert [criteria for _, criteria in sections(home.root)] == [f"criteria {number}" for number in range(4)]
    assert canonical(way.there(home.root, home.carry).root) == canonical(changed)


@each_fullness
@each_profile
def test_a_file_of_which_nothing_was_kept_is_read_and_written_alike(profile: str, bare: int | None) -> None:
    forth, back, names = way_of(f"eu-1 to {profile}"), way_of(f"{profile} to eu-1"), COUNTRY[profile][1]
    for second, name in product(names, names):
        there = forth.there(application(profile, names[2], second, bare=bare))
        document = renamed(profile, there.root, name)
        made = back.there(document)
        assert [country for country, _ in sections(made.root)] == [name, second]
        assert canonical(back.home(made.root, made.carry).root) == canonical(document), (second, name)


@each_profile
def test_a_form_whose_sections_are_called_otherwise_comes_back_so(profile: str) -> None:
    back, names = way_of(f"{profile} to eu-1"), COUNTRY[profile][1]
    there = way_of(f"eu-1 to {profile}").there(application(profile, names[2], names[3]))
    made = back.there(there.root)
    for at, name in product((0, 1), names):
        changed = deepcopy(made.root)
        named = form(changed).findall("{*}section6")[at].find("{*}country_id")
        assert named is not None
        named.text = name
        forth = back.home(changed, made.carry)
        assert canonical(back.there(forth.root, forth.carry).root) == canonical(changed), (at, name)


@each_profile
def test_a_name_in_another_language_is_no_name_of_the_country_of_the_file(profile: str) -> None:
    way, names = way_of(f"eu-1 to {profile}"), COUNTRY[profile][1]
    for label, last in product(ABROAD[profile], (False, True)):
        countries = (names[2], label) if last else (label, names[2])
        source = application(profile, *countries)
        there = way.there(source)
        assert canonical(way.home(there.root, there.carry).root) == canonical(source)
        changed = renamed(profile, there.root, names[3])
        home = way.home(changed, there.carry)
        assert [name for name, _ in sections(home.root)] == [names[3] if one == names[2] else one for one in countries]
        assert canonical(way.there(home.root, home.carry).root) == canonical(changed)


@pytest.mark.parametrize("label", ["Frankrijk", "Γαλλία", "Frankreich", "Ranska"])
def test_a_label_beside_the_code_goes_home_with_its_code_and_never_with_another(label: str) -> None:
    way = way_of("eu-1 to fr-hdh-1")
    source = application("fr-hdh-1", "fr")
    beside = source.find("{*}content/{*}datasets/{*}country/{*}label")
    assert beside is not None
    beside.text = label
    there = way.there(source)
    assert label not in etree.tostring(there.root, encoding="unicode")
    assert canonical(way.home(there.root, there.carry).root) == canonical(source)
    changed = deepcopy(there.root)
    code = changed.find("{*}Demande/{*}jeuxDeDonnees/{*}jeu/{*}pays")
    assert code is not None
    code.text = "nl"
    assert label not in etree.tostring(way.home(changed, there.carry).root, encoding="unicode")
