"""The XSD against the catalogue, the wire's field names, the examples and the near-misses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapters.xml import XmlDocuments
    from broker.translation.schema_model import SchemaModel

import csv
import re
import tomllib

import pytest
from lxml import etree

from broker.data_files import schemas_dir
from broker.model.messages import MessageType
from tests.support.examples import unsaid
from tests.support.sides import side
from tests.unit.eu.conftest import DATA

NOTICES = {MessageType.ERROR_NOTICE, MessageType.OUTCOME_NOTICE}
TYPES = sorted(kind.value for kind in MessageType if kind not in NOTICES)
CARRIERS = {"ApplicationSubmitted", "ApplicationAmended", "AdditionalInformation", "ApplicationOriginated"}
NEAR_MISSES = tomllib.loads((DATA / "eu-1/near-misses/index.toml").read_text())["near-miss"]
XSDS = sorted((schemas_dir() / "eu/1").glob("*.xsd"))
EU = side("eu/1/eu.xsd")
EXAMPLES = sorted((*(DATA / "eu-1").glob("*.xml"), *(DATA / "eu-1/variants").glob("*.xml")))
KINDS = {
    "text": "string",
    "token": "token",
    "boolean": "boolean",
    "integer": "nonNegativeInteger",
    "moment": "dateTime",
    "day": "date",
    "amount": "decimal",
    "money": "Money",
    "choice": "KeyValue",
    "phone": "Phone",
    "attachment": "AttachmentRef",
    "text-or-attachments": "TextOrAttachments",
    "multilingual": "Multilingual",
}


def wire_fields() -> Any:
    with (DATA / "wire-fields.csv").open(newline="") as rows:
        return list(csv.DictReader(rows))


def declared(model: SchemaModel, section: Any) -> Any:
    if section.startswith("message/"):
        _, kind, *steps = section.split("/")
        return model.at(kind, "/".join(("content", *steps)))
    place = {"header": "content", "form": "content/form"}.get(section)
    if place is None:
        place = f"content/{section}" if section.startswith(("datasets", "form/")) else f"content/form/{section}"
    found = model.at("ApplicationSubmitted", place)
    assert found is not None, section
    return found


def test_every_message_of_the_catalogue_is_one_global_element(model: SchemaModel) -> None:
    assert sorted(model.roots) == TYPES


@pytest.mark.parametrize("xsd", XSDS, ids=lambda path: path.name)
def test_nothing_is_left_open_in_the_schema(xsd: Any) -> None:
    text = xsd.read_text()
    assert not re.search(r"<xs:(any|anyAttribute|redefine|assert|import)\b|anyType", text)


@pytest.mark.parametrize("row", wire_fields(), ids=lambda row: f"{row['section']}-{row['name']}")
def test_a_wire_field_stands_in_the_schema_in_its_shape(model: SchemaModel, row: Any) -> None:
    kind, many = row["type"].removesuffix("[]"), row["type"].endswith("[]")
    element = declared(model, row["section"]).child(row["name"])
    assert element is not None
    assert element.repeats is many
    built_in = element.text.base if element.text else element.type_name
    assert element.children if kind == "object" else built_in == KINDS[kind]
    assert element.optional or row["section"].startswith("message/")
    assert row["source"]


@pytest.mark.parametrize("section", sorted({row["section"] for row in wire_fields()}))
def test_the_schema_has_no_form_field_without_a_source(model: SchemaModel, section: Any) -> None:
    form = {"form", "form_translations", "attachments"} | {f"section{n}" for n in range(1, 11)}
    ours = {"unknown"} if section.startswith("message/") else {"unknown", *form}
    listed = {row["name"] for row in wire_fields() if row["section"] == section}
    assert {child.name for child in declared(model, section).children} - ours == listed


def test_a_decision_claims_of_d64_what_its_table_has_and_a_permit_nothing() -> None:
    """D6.4 section 9 has four fields; for a permit no structure is published (D7.3 Table 3 names the message)."""
    kinds = ("message/DecisionIssued", "message/PermitIssued")
    rows = [row for row in wire_fields() if row["section"].startswith(kinds)]
    printed = [f"{row['section']}/{row['name']}" for row in rows if "D6.4 section 9: " in row["source"]]
    assert sorted(path.removeprefix("message/DecisionIssued/") for path in printed) == [
        *("applicationId", "issuedAt", "kind"),
        *("signer", "signer/firstName", "signer/jobTitle", "signer/lastName"),
    ]
    assert all("ours" in row["source"] or "D6.4 section 9: " in row["source"] for row in rows)


def test_every_message_has_its_wire_fields_listed() -> None:
    """Applications by their form; a step of a national chain has no wire form."""
    listed = {row["section"].split("/")[1] for row in wire_fields() if row["section"].startswith("message/")}
    assert listed == set(TYPES) - CARRIERS - {MessageType.NATIONAL_STEP}


@pytest.mark.parametrize("kind", TYPES)
def test_a_full_example_is_valid(gate: etree.XMLSchema, kind: Any) -> None:
    gate.assertValid(etree.parse(str(DATA / f"eu-1/{kind}.xml")))


@pytest.mark.parametrize("kind", TYPES)
def test_a_full_example_has_nothing_that_the_schema_does_not_know(kind: Any) -> None:
    root = etree.parse(str(DATA / f"eu-1/{kind}.xml")).getroot()
    assert root.find("{*}content/{*}unknown") is None


def test_the_examples_of_an_application_say_every_field_of_both_forms() -> None:
    """But for its translations, which are forms again, and what no schema knows."""
    missing = unsaid(EU, "ApplicationSubmitted", EXAMPLES)
    assert not {path for path in missing if not path.startswith(("content/form_translations", "content/unknown"))}


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in CARRIERS])
def test_the_examples_of_a_message_say_every_leaf_of_its_content(kind: Any) -> None:
    missing = unsaid(EU, kind, EXAMPLES)
    assert not {path for path in missing if not path.startswith(("envelope", "content/unknown"))}


@pytest.mark.parametrize("kind", TYPES)
def test_there_are_three_near_misses_of_each_type(kind: Any) -> None:
    assert sum(miss["file"].startswith(f"{kind}-") for miss in NEAR_MISSES) == 3


async def test_a_near_miss_is_refused_by_the_one_rule_it_breaks(documents: XmlDocuments) -> None:
    for miss in NEAR_MISSES:
        problems = await documents.diagnose("eu-1", (DATA / "eu-1/near-misses" / miss["file"]).read_bytes())
        assert [(problem.code, problem.path) for problem in problems] == [(miss["code"], miss["path"])], miss["file"]
        assert problems[0].rule
