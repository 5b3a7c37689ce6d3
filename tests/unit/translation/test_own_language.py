"""Law 6: the readers of a national system read their own language; the original is kept, the report names both."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from lxml import etree

from broker.errors import ConfigurationError
from broker.translation.codecs.eu_r7 import EuR7Codec
from broker.translation.legal import load_legal_facts
from broker.translation.schema_model import load_schema
from broker.translation.translator import EnvelopeContext, Translation, Translator
from tests.support.documents import canonical
from tests.support.examples import way_of
from tests.support.sides import SCHEMAS

EXAMPLE = Path(__file__).parents[2] / "data" / "eu-1" / "ApplicationSubmitted.xml"
SUMMARY = "content/form/section2/summaryOfTheProject"
VERSION = SUMMARY.replace("form/", "form_translations/translation[2]/")
STATUS = "content/form_translations/translation[2]/@status"
STAND_IN = EnvelopeContext(message_id="urn:example:message:1", created_at="2026-09-01T08:00:00Z", stand_in=True)
FIELDS = {
    "fr-hdh-1": ("fr", "Demande/resume", "AnnexeEU/champ", "chemin"),
    "fi-findata-1": ("fi", "hakemus/hanke/julkinenKuvaus", "euLiite/kentta", "polku"),
}
#: What the form calls their country, and where the inclusion criteria stand.
SECTION6 = {
    "fr-hdh-1": ("FRANCE", "Demande/besoins/population/criteresInclusion"),
    "fi-findata-1": ("FINLAND", "hakemus/poimintakuvaus/kohortti/sisaanottokriteerit"),
}
LEGAL = load_legal_facts(SCHEMAS / "codelists/legal-facts.toml", load_schema(SCHEMAS / "eu/1/eu.xsd"))
each_profile = pytest.mark.parametrize("profile", FIELDS)


def translator() -> Translator:
    return way_of("eu-1 to fr-hdh-1").translator


def found(root: etree._Element, path: str) -> etree._Element:
    element = root.find("/".join(f"{{*}}{step}" for step in path.split("/")))
    assert element is not None, path
    return element


def application(original: str, version: str, *, only: bool = False, status: str = "") -> etree._Element:
    """The example, said to be in one language, with a second form beside the English one."""
    root = etree.parse(EXAMPLE, etree.XMLParser(remove_blank_text=True)).getroot()
    found(root, "envelope/language").text = original
    others = found(root, "content/form_translations")
    second = deepcopy(others[0])
    second.set("lang", version)
    if status:
        second.set("status", status)
    found(second, "section2/summaryOfTheProject").text = f"the summary in {version}"
    others.append(second)
    if only:
        others.remove(others[0])
    return root


def annex(root: etree._Element, profile: str) -> dict[str, str]:
    _, _, entry, path = FIELDS[profile]
    entries = root.iterfind("/".join(f"{{*}}{step}" for step in entry.split("/")))
    return {one.get(path, ""): one.text or "" for one in entries}


def rows(made: Translation) -> dict[str, dict[str, object]]:
    return {row["source"]: row for row in made.report.fields()}


@each_profile
def test_a_field_has_the_version_in_the_language_of_its_readers_and_the_annex_the_original(profile: str) -> None:
    language, field, _, _ = FIELDS[profile]
    source = application("nl", language)
    made = translator().write(profile, source)
    assert found(made.root, field).text == f"the summary in {language}"
    assert annex(made.root, profile)[SUMMARY] == found(source, SUMMARY).text
    assert VERSION not in annex(made.root, profile)


@each_profile
def test_the_report_names_language_and_mark_of_what_was_taken_and_where_the_original_is(profile: str) -> None:
    language, field, entry, _ = FIELDS[profile]
    made = translator().write(profile, application("nl", language))
    taken, original = rows(made)[VERSION], rows(made)[SUMMARY]
    assert (taken["fate"], taken["target"], taken["language"], taken["mark"]) == (
        "copied",
        [field],
        language,
        "machine",
    )
    assert original["fate"] == "annex"
    assert str(original["target"]).startswith(f"['{entry}[")
    assert "in the language of its readers" in str(original["reason"])
    jsonschema.validate(made.report.as_dict(), json.loads((SCHEMAS / "report.schema.json").read_bytes()))


@each_profile
@pytest.mark.parametrize(("status", "mark"), [("VERIFIED", "verified"), ("MACHINE", "machine"), ("", "machine")])
def test_a_form_says_itself_how_far_it_can_be_trusted_and_is_else_taken_for_made_by_machine(
    profile: str, status: str, mark: str
) -> None:
    source = application("nl", FIELDS[profile][0], status=status)
    made = translator().write(profile, source)
    assert rows(made)[VERSION]["mark"] == mark
    assert annex(made.root, profile).get(STATUS) == (status or None)
    home = translator().read(profile, made.root, envelope=STAND_IN, carry=made.carry)
    assert canonical(home.root) == canonical(source)
    kept = translator().report(home.report.compact())
    assert rows(replace(home, report=kept))[FIELDS[profile][1]]["target"] == [VERSION]
    assert kept.mark == mark


@each_profile
def test_a_reader_who_has_verified_a_translation_says_so_in_the_annex(profile: str) -> None:
    source = application("nl", FIELDS[profile][0], status="MACHINE")
    made = translator().write(profile, source)
    _, _, entry, path = FIELDS[profile]
    (said,) = [
        one
        for one in made.root.iterfind("/".join(f"{{*}}{step}" for step in entry.split("/")))
        if one.get(path) == STATUS
    ]
    said.text = "VERIFIED"
    home = translator().read(profile, made.root, envelope=STAND_IN, carry=made.carry)
    assert found(home.root, "content/form_translations")[1].get("status") == "VERIFIED"
    assert home.report.mark == "verified"


def test_the_wire_has_no_place_for_the_mark_and_the_report_says_that_it_is_dropped() -> None:
    source, codec = application("nl", "fr", status="VERIFIED"), EuR7Codec.load(SCHEMAS)
    assert [item.path for item in LEGAL.lossy(source, codec)] == [STATUS]
    assert LEGAL.wire_losses(source, codec) == ()
    without = application("nl", "fr")
    assert LEGAL.lossy(without, codec) == ()
    for one in (source, without):
        for attachment in found(one, "content").findall("{*}attachments"):
            found(one, "content").remove(attachment)
    assert codec.encode(source) == codec.encode(without)


@pytest.mark.parametrize("status", ["HUMAN", "verified", ""])
def test_a_translation_has_no_mark_but_the_two(status: str) -> None:
    gate = etree.XMLSchema(etree.parse(SCHEMAS / "eu/1/eu.xsd"))
    source = application("nl", "fr", status="VERIFIED")
    assert gate.validate(source)
    found(source, "content/form_translations")[1].set("status", status)
    assert not gate.validate(source)


def with_section6(original: str, version: str, countries: tuple[str, ...]) -> etree._Element:
    """The application with a section 6 for each country in both languages; in the second the countries are turned."""
    root = application(original, version)
    form, second = found(root, "content/form"), found(root, "content/form_translations")[1]
    (sample,) = [one for one in form.findall("{*}section6") if one.findtext("{*}country_id") == "FRANCE"]
    for where, said, named in ((form, original, countries), (second, version, countries[::-1])):
        at = sum(1 for one in where if etree.QName(one).localname < "section6" and one.tag[-2] != "1")
        for one in where.findall("{*}section6"):
            where.remove(one)
        for country in reversed(named):
            section = deepcopy(sample)
            found(section, "country_id").text = country
            found(section, "inclusionCriteria").text = f"criteria of {country} in {said}"
            where.insert(at, section)
    return root


@each_profile
@pytest.mark.parametrize("last", [False, True])
def test_section_6_of_their_country_is_read_in_the_language_of_its_readers_wherever_it_stands(
    profile: str, *, last: bool
) -> None:
    language, *_ = FIELDS[profile]
    own, field = SECTION6[profile]
    others = ("GERMANY", "NETHERLANDS")
    source = with_section6("nl", language, (*others, own) if last else (own, *others))
    made = translator().write(profile, source)
    assert found(made.root, field).text == f"criteria of {own} in {language}"
    shown = annex(made.root, profile)
    assert shown[f"content/form/section6[{own}]/inclusionCriteria"] == f"criteria of {own} in nl"
    assert shown["content/form/section6[GERMANY]/inclusionCriteria"] == "criteria of GERMANY in nl"
    number, turned = (3, 1) if last else (1, 3)
    said = rows(made)
    taken = said[f"content/form_translations/translation[2]/section6[{turned}]/inclusionCriteria"]
    assert (taken["target"], taken["language"]) == ([field], language)
    assert "readers" in str(said[f"content/form/section6[{number}]/inclusionCriteria"]["reason"])
    assert "reason" not in said["content/form/section6[2]/inclusionCriteria"]


@each_profile
@pytest.mark.parametrize("last", [False, True])
def test_section_6_comes_home_and_keeps_what_a_reader_changed_in_the_version(profile: str, *, last: bool) -> None:
    language, *_ = FIELDS[profile]
    own, field = SECTION6[profile]
    source = with_section6("nl", language, ("GERMANY", own) if last else (own, "GERMANY"))
    made = translator().write(profile, source)
    home = translator().read(profile, made.root, envelope=STAND_IN, carry=made.carry)
    assert canonical(home.root) == canonical(source)
    at = f"content/form_translations/translation[2]/section6[{1 if last else 2}]/inclusionCriteria"
    assert rows(replace(home, report=translator().report(home.report.compact())))[field]["target"] == [at]
    found(made.root, field).text = "changed by a reader"
    home = translator().read(profile, made.root, envelope=STAND_IN, carry=made.carry)
    said = {one.findtext("{*}country_id"): one for one in found(home.root, "content/form").findall("{*}section6")}
    assert found(said[own], "inclusionCriteria").text == f"criteria of {own} in nl"
    version = found(home.root, "content/form_translations")[1]
    said = {one.findtext("{*}country_id"): one for one in version.findall("{*}section6")}
    assert found(said[own], "inclusionCriteria").text == "changed by a reader"
    assert found(said["GERMANY"], "inclusionCriteria").text == f"criteria of GERMANY in {language}"
    assert canonical(translator().write(profile, home.root, carry=home.carry).root) == canonical(made.root)


@each_profile
def test_section_6_stays_original_where_the_other_form_has_none_of_this_country(profile: str) -> None:
    language, *_ = FIELDS[profile]
    own, field = SECTION6[profile]
    source = with_section6("nl", language, (own, "GERMANY"))
    second = found(source, "content/form_translations")[1]
    for one in second.findall("{*}section6"):
        found(one, "country_id").text = "NETHERLANDS"
    made = translator().write(profile, source)
    assert found(made.root, field).text == f"criteria of {own} in nl"
    home = translator().read(profile, made.root, envelope=STAND_IN, carry=made.carry)
    assert canonical(home.root) == canonical(source)


@each_profile
@pytest.mark.parametrize("theirs", [True, False])
def test_readers_read_the_original_where_it_is_in_their_language_or_no_other_is(profile: str, *, theirs: bool) -> None:
    language, field, _, _ = FIELDS[profile]
    source = application(language, language) if theirs else application("nl", "de")
    made = translator().write(profile, source)
    assert found(made.root, field).text == found(source, SUMMARY).text
    assert SUMMARY not in annex(made.root, profile)
    assert not any("language" in row for row in made.report.fields())


@each_profile
def test_a_document_in_the_language_of_its_readers_comes_home_as_it_was(profile: str) -> None:
    source = application("nl", FIELDS[profile][0])
    made = translator().write(profile, source)
    home = translator().read(profile, made.root, envelope=STAND_IN, carry=made.carry)
    assert canonical(home.root) == canonical(source)
    kept = translator().report(home.report.compact())
    assert kept.to_bytes() == home.report.to_bytes()
    assert rows(replace(home, report=kept))[FIELDS[profile][1]]["target"] == [VERSION]


@each_profile
def test_what_a_reader_changes_is_the_version_and_never_the_original(profile: str) -> None:
    language, field, _, _ = FIELDS[profile]
    source = application("nl", language)
    made = translator().write(profile, source)
    found(made.root, field).text = "changed by a reader"
    home = translator().read(profile, made.root, envelope=STAND_IN, carry=made.carry)
    assert found(home.root, SUMMARY).text == found(source, SUMMARY).text
    spoken = found(home.root, "content/form_translations")[1]
    assert (spoken.get("lang"), found(spoken, "section2/summaryOfTheProject").text) == (language, "changed by a reader")
    again = translator().write(profile, home.root, carry=home.carry)
    assert canonical(again.root) == canonical(made.root)


@each_profile
def test_an_original_without_a_form_in_the_language_of_the_readers_is_kept_and_told(profile: str) -> None:
    language = FIELDS[profile][0]
    made = translator().write(profile, application("nl", language, only=True))
    _, _, entry, path = FIELDS[profile]
    entries = made.root.iterfind("/".join(f"{{*}}{step}" for step in entry.split("/")))
    for one in [one for one in entries if one.get(path) == "content/form_translations/translation[1]/@lang"]:
        one.text = "de"
    home = translator().read(profile, made.root, envelope=STAND_IN, carry=made.carry)
    assert [problem.value for problem in home.problems if problem.code == "annex-path"] != []
    assert canonical(translator().write(profile, home.root, carry=home.carry).root) == canonical(made.root)


@pytest.mark.parametrize(
    "line",
    [
        '"content/form/section4/sameAsContactPerson" = { copy = "SupplementEU/facturation/identiqueAuPorteur" }',
        '"content/datasets/title/text" = { copy = "Demande/jeuxDeDonnees/jeu/intitule" }',
        '"content/title" = { copy = "Demande/titre" }',
    ],
)
def test_a_line_that_cannot_have_a_version_is_named(tmp_path: Path, line: str) -> None:
    file = copied(tmp_path) / "application.toml"
    text = file.read_text(encoding="utf-8")
    assert text.count(line) == 1
    file.write_text(text.replace(line, f"{line[:-2]}, readers = true }}"), encoding="utf-8")
    leaf, at = line.split('"')[1], text[: text.index(line)].count("\n") + 1
    assert f"fr-hdh-1/application.toml:{at}: '{leaf}': 'readers' is for a free text" in fault(tmp_path)


def test_versions_without_a_mark_stop_the_start(tmp_path: Path) -> None:
    file = copied(tmp_path) / "messages.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('mark = "machine"', 'mark = "good"'), encoding="utf-8")
    assert fault(tmp_path).startswith("fr-hdh-1/messages.toml:10: 'versions' needs")


def copied(folder: Path) -> Path:
    """A copy of the French mapping that nobody published."""
    shutil.copytree(SCHEMAS, folder / "schemas")
    (folder / "schemas/mappings/fr-hdh-1/2026-11.lock.json").unlink()
    return folder / "schemas/mappings/fr-hdh-1"


def fault(folder: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Translator.load(folder / "schemas", profiles=["fr-hdh-1"])
    return str(caught.value)
