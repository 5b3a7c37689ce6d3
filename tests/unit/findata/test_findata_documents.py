"""The examples of the Finnish profile: valid by both validators; one broken rule is refused and named."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import xmlschema
from lxml import etree

from adapters.xml.documents import XmlDocuments
from broker.model.messages import MessageType
from tests.support.examples import unsaid
from tests.support.sides import SCHEMAS, Side

DATA = Path(__file__).parents[2] / "data" / "fi-findata-1"
EXAMPLES = sorted((*DATA.glob("*.xml"), *DATA.glob("variants/*.xml")))
NEAR_MISSES = tomllib.loads((DATA / "near-misses" / "index.toml").read_text(encoding="utf-8"))["near-miss"]
NOT_FINNISH = {MessageType.ERROR_NOTICE, MessageType.OUTCOME_NOTICE, MessageType.NATIONAL_STEP}
TYPES = sorted(set(MessageType) - NOT_FINNISH)
#: The documents that carry an application: all have the content of Hakemus.
APPLICATIONS = {"Hakemus", "HakemuksenUusiVersio", "Lisaselvitys", "VireillepantuHakemus"}
OTHERS = sorted({etree.QName(etree.parse(str(path)).getroot()).localname for path in EXAMPLES} - APPLICATIONS)


@pytest.fixture(scope="module")
def second_opinion() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(SCHEMAS / "fi/1/findata.xsd"))


@pytest.fixture
async def documents() -> AsyncIterator[XmlDocuments]:
    found = XmlDocuments(SCHEMAS, entries={"fi-findata-1": "fi/1/findata.xsd"})
    yield found
    await found.close()


def test_every_message_has_an_example_and_three_near_misses() -> None:
    assert {path.stem for path in DATA.glob("*.xml")} == set(TYPES)
    counted = {name: sum(row["file"].startswith(f"{name}-") for row in NEAR_MISSES) for name in TYPES}
    assert counted == dict.fromkeys(TYPES, 3)
    assert {row["file"] for row in NEAR_MISSES} == {path.name for path in DATA.glob("near-misses/*.xml")}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid_by_both_validators(fi: Side, second_opinion: xmlschema.XMLSchema, path: Path) -> None:
    document = etree.parse(str(path))
    assert fi.gate.validate(document), fi.gate.error_log
    assert not list(second_opinion.iter_errors(document))


def test_the_examples_of_an_application_say_every_field_of_the_form(fi: Side) -> None:
    assert not unsaid(fi, "Hakemus", EXAMPLES)


@pytest.mark.parametrize("name", OTHERS)
def test_the_examples_of_a_message_say_every_leaf_of_its_content(fi: Side, name: str) -> None:
    missing = unsaid(fi, name, EXAMPLES)
    assert not {path for path in missing if not path.startswith(("otsikko", "euLiite"))}


@pytest.mark.parametrize("row", NEAR_MISSES, ids=lambda row: row["file"])
def test_a_near_miss_is_refused_by_both_validators(
    fi: Side, second_opinion: xmlschema.XMLSchema, row: dict[str, str]
) -> None:
    document = etree.parse(str(DATA / "near-misses" / row["file"]))
    assert not fi.gate.validate(document)
    assert list(second_opinion.iter_errors(document))


async def test_a_near_miss_is_told_with_its_rule_and_path(documents: XmlDocuments) -> None:
    for row in NEAR_MISSES:
        problems = await documents.diagnose("fi-findata-1", (DATA / "near-misses" / row["file"]).read_bytes())
        assert [(problem.code, problem.path) for problem in problems] == [(row["code"], row["path"])], row["file"]
        assert problems[0].rule


def test_the_schema_has_one_global_element_per_message(fi: Side) -> None:
    assert len(fi.model.roots) == len(TYPES)


def test_the_schema_has_no_wildcard() -> None:
    for path in (SCHEMAS / "fi/1").glob("*.xsd"):
        tags = {etree.QName(element).localname for element in etree.parse(str(path)).iter(etree.Element)}
        assert not tags & {"any", "anyAttribute", "choice", "all", "redefine", "import"}, path.name
