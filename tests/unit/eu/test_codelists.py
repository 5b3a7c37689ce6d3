"""The code lists against the schema, against each other, and against the questions of the forms."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from broker.data_files import schemas_dir
from broker.errors import ConfigurationError
from broker.flow.events import ANSWERS, FROM_CENTRAL, OF_THE_BODY
from broker.model.messages import MessageType
from broker.translation.answers import load_questions, unknown_answers
from broker.translation.schema_model import SchemaModel
from broker.translation.schema_parts import Element
from tests.unit.eu.conftest import DATA

LISTS = schemas_dir() / "codelists"
EU = "{urn:hdeu:eu:1}"
OURS = {MessageType.ERROR_NOTICE, MessageType.OUTCOME_NOTICE, MessageType.NATIONAL_STEP}
#: Each enumeration of eu-1: list, table in it, column, and what a row must say to belong.
ENUMERATIONS: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "ApplicationStatus": ("application-statuses", "status", "code", {}),
    "DecisionKind": ("decision-kinds", "kind", "code", {}),
    "PermitStatus": ("permit-statuses", "status", "code", {}),
    "PurposeKey": ("purposes", "purpose", "key", {}),
    "ParticipantRole": ("participant-roles", "role", "code", {}),
    "ApplicantAnswer": ("applicant-answers", "answer", "code", {"type": "ApplicantAnswer"}),
    "FeeAnswer": ("applicant-answers", "answer", "code", {"type": "FeeAnswer"}),
    "ChangeKind": ("change-kinds", "kind", "code", {}),
    "GenerationSchedule": ("generation-schedules", "schedule", "code", {}),
    "EnforcementMeasure": ("enforcement-measures", "measure", "code", {}),
    "EnforcementStatus": ("enforcement-statuses", "status", "code", {}),
    "SubjectKind": ("", "", "", {}),
    "TranslationStatus": ("translation-statuses", "status", "code", {}),
    "DatasetOperation": ("dataset-operations", "operation", "code", {}),
}


def table(name: str) -> dict[str, Any]:
    return tomllib.loads((LISTS / f"{name}.toml").read_text("utf-8"))


def enumerated() -> dict[str, list[str]]:
    xs = "{http://www.w3.org/2001/XMLSchema}"
    types = [
        one
        for xsd in sorted((schemas_dir() / "eu/1").glob("*.xsd"))
        for one in etree.parse(str(xsd)).iter(f"{xs}simpleType")
        if one.find(f"{xs}restriction/{xs}enumeration") is not None
    ]
    return {one.get("name", ""): [row.get("value", "") for row in one.iter(f"{xs}enumeration")] for one in types}


def choices(element: Element, path: str = "") -> Iterator[str]:
    for child in element.children:
        below = f"{path}/{child.name}".lstrip("/")
        if child.type_name == "KeyValue":
            yield below
        elif child.name != "form_translations":
            yield from choices(child, below)


@pytest.mark.parametrize("path", sorted(LISTS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_list_names_its_source(path: Path) -> None:
    found = tomllib.loads(path.read_text("utf-8"))
    rows = [row for value in found.values() if isinstance(value, list) for row in value]
    assert found.get("source") or (rows and all(row["source"] for row in rows))


def test_every_enumeration_of_the_schema_is_a_list() -> None:
    assert set(enumerated()) == set(ENUMERATIONS)


@pytest.mark.parametrize("name", sorted(set(ENUMERATIONS) - {"SubjectKind"}))
def test_a_list_has_the_values_of_its_enumeration_and_no_other(name: str) -> None:
    file, rows, column, wanted = ENUMERATIONS[name]
    listed = [row[column] for row in table(file)[rows] if all(row[key] == value for key, value in wanted.items())]
    assert sorted(listed) == sorted(enumerated()[name])


def test_a_measure_names_a_subject_that_the_schema_has() -> None:
    subjects = {row["subject"] for row in table("enforcement-measures")["measure"]} - {""}
    assert subjects <= set(enumerated()["SubjectKind"])


def test_every_choice_of_the_forms_has_its_answers_or_says_why_not(model: SchemaModel) -> None:
    rows = table("form-answers")["question"]
    listed = [path for row in rows for path in row["fields"] if "code" not in row]
    assert sorted(listed) == sorted(choices(model.roots["ApplicationSubmitted"]))
    assert all(sum(name in row for name in ("keys", "list", "open")) == 1 and row["source"] for row in rows)


def test_the_tables_of_the_mappings_translate_only_keys_that_a_question_has() -> None:
    known = {question.path: question.keys for question in load_questions(LISTS)}
    for profile in (schemas_dir() / "mappings").iterdir():
        for file in profile.glob("*.toml"):
            for path, line in tomllib.loads(file.read_text("utf-8")).get("fields", {}).items():
                question = path.removesuffix("/key")
                if "recode" in line and path != question and question in known:
                    rows = tomllib.loads((profile / "tables" / f"{line['table']}.toml").read_text("utf-8"))["rows"]
                    assert set(rows) <= known[question], (profile.name, file.name, path)


def test_the_catalogue_lists_what_travels_and_in_which_direction() -> None:
    rows = {row["type"]: row for row in table("message-types")["message"]}
    assert set(rows) == set(MessageType) - OURS
    assert {name for name, row in rows.items() if row["id"].startswith("IN-")} <= FROM_CENTRAL | ANSWERS
    assert all(rows[kind]["id"].startswith("OUT-") for kind in OF_THE_BODY)
    wanted = {f"IN-{n:02}" for n in range(1, 15)} | {f"OUT-{n:02}" for n in range(1, 19)}
    assert {row["id"] for row in rows.values()} == wanted


def catalogue_rows() -> list[str]:
    """The lines of the table in docs/messages.md, from the data that the program runs on."""
    forms = {
        row["type"]: row for row in tomllib.loads((schemas_dir() / "eu/r7/wire-forms.toml").read_text("utf-8"))["form"]
    }
    french, finnish = (messages(name) for name in ("fr-hdh-1", "fi-findata-1"))
    return [
        f"| {row['id']} | `{row['type']}` | {forms[row['type']]['standing']} | {french[row['type']]} "
        f"| {finnish[row['type']]} | {row['basis']} |"
        for row in table("message-types")["message"]
    ]


def messages(profile: str) -> dict[str, str]:
    rows = tomllib.loads((schemas_dir() / "mappings" / profile / "messages.toml").read_text("utf-8"))["message"]
    named: dict[str, list[str]] = {}
    for row in rows:
        event = row.get("when", {}).get("Entete/evenement", row["element"])
        if event not in named.setdefault(row["type"], []):
            named[row["type"]].append(event)
    return {kind: ", ".join(f"`{event}`" for event in events) for kind, events in named.items()}


def test_the_page_of_messages_is_the_catalogue() -> None:
    page = (schemas_dir().parent / "docs/messages.md").read_text("utf-8")
    assert [line for line in page.splitlines() if line.startswith(("| IN-", "| OUT-"))] == catalogue_rows()


def test_the_official_languages_are_twenty_four() -> None:
    rows = table("languages")["language"]
    assert sum(row["official"] for row in rows) == 24
    for column in ("code", "authority"):
        assert len({row[column] for row in rows}) == len(rows)


@pytest.mark.parametrize(
    "path",
    ["ApplicationSubmitted.xml", *(f"variants/{path.name}" for path in sorted((DATA / "eu-1/variants").glob("*.xml")))],
)
def test_the_examples_answer_with_keys_that_the_lists_have(path: str) -> None:
    assert unknown_answers(etree.parse(str(DATA / "eu-1" / path)).getroot(), load_questions(LISTS)) == ()


def test_a_key_that_no_list_has_is_told_where_it_stands_and_only_there() -> None:
    root = etree.parse(str(DATA / "eu-1/ApplicationSubmitted.xml")).getroot()
    for step, key in (("section6[2]/{*}howIsTheStudyCohortFormed", "z"), ("section4/{*}invoiceType", "carrier pigeon")):
        [found] = root.findall(f"{{*}}content/{{*}}form/{{*}}{step}/{{*}}key")
        found.text = key
    told = [(one.code, one.path, one.value) for one in unknown_answers(root, load_questions(LISTS))]
    assert told == [
        ("unknown-answer", "content/form/section4/invoiceType/key", "carrier pigeon"),
        ("unknown-answer", "content/form/section6[2]/howIsTheStudyCohortFormed/key", "z"),
    ]


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("PermitIssued", "content/data[2]/category[1]"),
        ("BiennialReport", "content/applications/dataCategories[2]/category"),
    ],
)
def test_a_category_that_article_51_does_not_have_is_told(kind: str, path: str) -> None:
    root = etree.parse(str(DATA / f"eu-1/{kind}.xml")).getroot()
    found = root.find("/".join(f"{{*}}{step}" for step in path.split("/")))
    assert found is not None
    assert unknown_answers(root, load_questions(LISTS)) == ()
    found.text = "https://hdeu-dcat.data.health.europa.eu/resource/authority/healthcategories/EINS"
    assert unknown_answers(root, load_questions(LISTS)) == ()
    found.text = "GENOME"
    (told,) = unknown_answers(root, load_questions(LISTS))
    assert (told.code, told.path, told.value) == ("unknown-answer", path, "GENOME")


def test_the_language_of_a_label_changes_nothing() -> None:
    root = etree.parse(str(DATA / "eu-1/ApplicationSubmitted.xml")).getroot()
    for label in root.iter(f"{EU}value"):
        label.text = "\u039d\u03b1\u03b9"
    assert unknown_answers(root, load_questions(LISTS)) == ()


def test_a_list_of_answers_that_cannot_be_read_is_a_matter_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "form-answers.toml").write_text('[[question]]\nfields = ["x"]\nsource = "y"\nlist = "purposes"\n')
    with pytest.raises(ConfigurationError):
        load_questions(tmp_path)
