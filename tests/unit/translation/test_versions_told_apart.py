"""Which of several versions the readers read: how languages and countries are written, and how often, is no matter."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from tests.support.documents import canonical
from tests.unit.translation.test_own_language import (
    FIELDS,
    SECTION6,
    STAND_IN,
    STATUS,
    SUMMARY,
    application,
    each_profile,
    found,
    translator,
    with_section6,
)

if TYPE_CHECKING:
    from broker.translation.translator import Translation

SUMMARY_HERE = "section2/summaryOfTheProject"


EXTRACTION = "hakemus/poimintakuvaus/rekisterikohtainen/kuvaus"


def with_extractions(dataset: str, *, count: int) -> etree._Element:
    """Section 6 of Finland with so many extractions of one dataset, and one of it in Finnish."""
    source = with_section6("nl", "fi", ("FINLAND", "GERMANY"))
    version = found(source, "content/form_translations")[1]
    for form, said in ((found(source, "content/form"), "nl"), (version, "fi")):
        (section,) = [one for one in form.findall("{*}section6") if one.findtext("{*}country_id") == "FINLAND"]
        texts = [f"in nl {number}" for number in range(count)] if said == "nl" else ["in fi"]
        for text in texts:
            extraction = etree.SubElement(section, f"{{{etree.QName(section).namespace}}}datasetExtractions")
            for name, value in (("datasetId", dataset), ("description", text)):
                etree.SubElement(extraction, f"{{{etree.QName(section).namespace}}}{name}").text = value
    return source


def taken_out(element: etree._Element) -> None:
    around = element.getparent()
    assert around is not None
    around.remove(element)


def home(profile: str, made: Translation) -> etree._Element:
    return translator().read(profile, made.root, envelope=STAND_IN, carry=made.carry).root


@each_profile
@pytest.mark.parametrize("said", [" {} ", "\n{}", "{}\t"])
def test_white_space_round_the_name_of_a_language_is_no_part_of_it(profile: str, said: str) -> None:
    language, field, *_ = FIELDS[profile]
    source = application("nl", said.format(language))
    made = translator().write(profile, source)
    assert found(made.root, field).text == f"the summary in {said.format(language)}"
    assert canonical(home(profile, made)) == canonical(source)
    original = application(said.format(language), language)
    there = translator().write(profile, original)
    assert found(there.root, field).text == found(original, SUMMARY).text


@each_profile
def test_a_language_may_be_named_in_capitals(profile: str) -> None:
    language, field, *_ = FIELDS[profile]
    source = application("nl", language.upper())
    made = translator().write(profile, source)
    assert found(made.root, field).text == f"the summary in {language.upper()}"
    assert canonical(home(profile, made)) == canonical(source)


@each_profile
def test_of_two_forms_in_the_language_of_the_readers_they_read_and_change_the_first(profile: str) -> None:
    language, field, *_ = FIELDS[profile]
    source = application("nl", language)
    others = found(source, "content/form_translations")
    third = deepcopy(others[1])
    found(third, SUMMARY_HERE).text = "the summary once more"
    others.append(third)
    made = translator().write(profile, source)
    assert found(made.root, field).text == f"the summary in {language}"
    assert canonical(home(profile, made)) == canonical(source)
    found(made.root, field).text = "changed by a reader"
    texts = [found(one, SUMMARY_HERE).text for one in found(home(profile, made), "content/form_translations")]
    assert texts[1:] == ["changed by a reader", "the summary once more"]


@each_profile
@pytest.mark.parametrize("where", ["content/form", "content/form_translations"])
def test_white_space_round_the_country_of_section_6_hides_it_from_nobody(profile: str, where: str) -> None:
    language, *_ = FIELDS[profile]
    own, field = SECTION6[profile]
    source = with_section6("nl", language, (own, "GERMANY"))
    forms = {"content/form": found(source, "content/form"), "": found(source, "content/form_translations")[1]}
    form = forms.get(where, forms[""])
    for one in form.findall("{*}section6"):
        if one.findtext("{*}country_id") == own:
            found(one, "country_id").text = f"\n {own} "
    made = translator().write(profile, source)
    assert found(made.root, field).text == f"criteria of {own} in {language}"
    found(made.root, field).text = "changed by a reader"
    back = home(profile, made)
    version = found(back, "content/form_translations")[1]
    said = {(one.findtext("{*}country_id") or "").strip(): one for one in version.findall("{*}section6")}
    assert found(said[own], "inclusionCriteria").text == "changed by a reader"
    assert found(said["GERMANY"], "inclusionCriteria").text == f"criteria of GERMANY in {language}"


@each_profile
def test_of_two_sections_of_their_country_in_the_version_the_first_is_read_and_changed(profile: str) -> None:
    language, *_ = FIELDS[profile]
    own, field = SECTION6[profile]
    source = with_section6("nl", language, (own, "GERMANY"))
    version = found(source, "content/form_translations")[1]
    (mine,) = [one for one in version.findall("{*}section6") if one.findtext("{*}country_id") == own]
    again = deepcopy(mine)
    found(again, "inclusionCriteria").text = "said again"
    mine.addnext(again)
    made = translator().write(profile, source)
    assert found(made.root, field).text == f"criteria of {own} in {language}"
    assert canonical(home(profile, made)) == canonical(source)
    found(made.root, field).text = "changed by a reader"
    sections = found(home(profile, made), "content/form_translations")[1].findall("{*}section6")
    texts = [one.findtext("{*}inclusionCriteria") for one in sections if one.findtext("{*}country_id") == own]
    assert texts == ["changed by a reader", "said again"]


@pytest.mark.parametrize("dataset", ["urn:example:set", " urn:example:set "])
def test_an_original_that_a_reader_took_from_the_annex_stays_in_the_field(dataset: str) -> None:
    """White space round the key of the part does not hide that the field says the original."""
    source = with_extractions(dataset, count=1)
    made = translator().write("fi-findata-1", source)
    assert found(made.root, EXTRACTION).text == "in fi"
    entry = next(one for one in made.root.iter() if one.text == "in nl 0")
    found(made.root, EXTRACTION).text = entry.text
    taken_out(entry)
    back = translator().read("fi-findata-1", made.root, envelope=STAND_IN, carry=made.carry)
    assert canonical(translator().write("fi-findata-1", back.root, carry=back.carry).root) == canonical(made.root)


def test_of_two_parts_with_one_key_the_first_is_read_in_the_language_of_the_readers_as_often_as_it_goes() -> None:
    made = translator().write("fi-findata-1", with_extractions("urn:example:set", count=2))
    texts = [one.text for one in made.root.iterfind("/".join(f"{{*}}{step}" for step in EXTRACTION.split("/")))]
    assert texts == ["in fi", "in nl 1"]
    back = translator().read("fi-findata-1", made.root, envelope=STAND_IN, carry=made.carry)
    assert canonical(translator().write("fi-findata-1", back.root, carry=back.carry).root) == canonical(made.root)


@each_profile
def test_a_version_that_was_added_since_is_read_and_the_original_no_longer(profile: str) -> None:
    language, field, *_ = FIELDS[profile]
    source = application("nl", language)
    version = found(source, "content/form_translations")[1]
    summary = found(version, SUMMARY_HERE)
    at = found(version, "section2").index(summary)
    taken_out(summary)
    made = translator().write(profile, source)
    assert found(made.root, field).text == found(source, SUMMARY).text
    back = translator().read(profile, made.root, envelope=STAND_IN, carry=made.carry)
    found(found(back.root, "content/form_translations")[1], "section2").insert(at, summary)
    again = translator().write(profile, back.root, carry=back.carry)
    assert found(again.root, field).text == f"the summary in {language}"


@each_profile
def test_an_original_in_the_annex_is_told_and_not_taken_where_the_field_says_the_original_itself(profile: str) -> None:
    language, field, entry, path = FIELDS[profile]
    source = application(language, language)
    summary = found(found(source, "content/form_translations")[1], SUMMARY_HERE)
    taken_out(summary)
    made = translator().write(profile, source)
    entries = made.root.findall("/".join(f"{{*}}{step}" for step in entry.split("/")))
    other = deepcopy(entries[0])
    other.set(path, SUMMARY)
    other.text = "another original"
    entries[-1].addnext(other)
    back = translator().read(profile, made.root, envelope=STAND_IN, carry=made.carry)
    assert found(back.root, SUMMARY).text == found(made.root, field).text
    assert ("annex-path", SUMMARY) in [(one.code, one.value) for one in back.problems]


@each_profile
def test_a_mark_that_is_none_of_the_two_is_told_and_stays_in_the_annex(profile: str) -> None:
    language, _, entry, path = FIELDS[profile]
    made = translator().write(profile, application("nl", language, status="MACHINE"))
    entries = made.root.iterfind("/".join(f"{{*}}{step}" for step in entry.split("/")))
    next(one for one in entries if one.get(path) == STATUS).text = "GOOD"
    back = translator().read(profile, made.root, envelope=STAND_IN, carry=made.carry)
    assert ("annex-path", STATUS) in [(one.code, one.value) for one in back.problems]
    assert found(back.root, "content/form_translations")[1].get("status") is None
    assert canonical(translator().write(profile, back.root, carry=back.carry).root) == canonical(made.root)
