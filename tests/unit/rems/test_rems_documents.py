"""The examples of rems-1: valid by both validators, to eu-1 and home; one broken rule is told by JSON Pointer."""

from __future__ import annotations

import json
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import xmlschema
from lxml import etree

from adapters.xml.documents import XmlDocuments
from broker.errors import Problem, Refused
from broker.translation.codecs.rems.codec import RemsCodec
from broker.translation.translator import EnvelopeContext, Translator
from tests.support.documents import canonical
from tests.support.sides import SCHEMAS, Side, side

DATA = Path(__file__).parents[2] / "data" / "rems-1"
EXAMPLES = sorted(DATA.glob("*.json"))
EUROPEAN = sorted(DATA.parent.glob("eu-1/*.xml"))
NEAR_MISSES = tomllib.loads((DATA / "near-misses" / "index.toml").read_text(encoding="utf-8"))["near-miss"]
TOLD = EnvelopeContext(message_id="urn:example:message:1", created_at="2026-09-01T08:00:00Z")
#: What REMS itself states; everything else is a remark that says which message it is.
NATIVE = {"ApplicationOriginated", "ApplicationAck", "AdditionalInfoRequest", "DecisionIssued", "NationalStep"}


@pytest.fixture(scope="module")
def second_opinion() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(SCHEMAS / "rems/1/rems.xsd"))


@pytest.fixture
async def documents() -> AsyncIterator[XmlDocuments]:
    found = XmlDocuments(SCHEMAS, entries={"rems-1": "rems/1/rems.xsd"})
    yield found
    await found.close()


def parsed(path: Path) -> etree._Element:
    return etree.parse(str(path), etree.XMLParser(remove_blank_text=True)).getroot()


def test_every_message_has_an_example_and_three_near_misses(rems: Side) -> None:
    assert {path.stem for path in EXAMPLES} == set(rems.model.roots)
    counted = {name: sum(row["file"].startswith(f"{name}-") for row in NEAR_MISSES) for name in rems.model.roots}
    assert counted == dict.fromkeys(rems.model.roots, 3)
    assert {row["file"] for row in NEAR_MISSES} == {path.name for path in DATA.glob("near-misses/*.json")}


def test_rems_has_every_message_of_eu_1(rems: Side) -> None:
    assert set(rems.model.roots) == set(side("eu/1/eu.xsd").model.roots)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid_and_goes_to_eu_1_and_home(
    codec: RemsCodec, translator: Translator, rems: Side, second_opinion: xmlschema.XMLSchema, path: Path
) -> None:
    data = path.read_bytes()
    read = codec.decode(data)
    assert (etree.QName(read.root).localname, read.flags) == (path.stem, ())
    assert rems.gate.validate(read.root), rems.gate.error_log
    assert not list(second_opinion.iter_errors(read.root))
    back = translator.read("rems-1", read.root, envelope=TOLD)
    eu = side("eu/1/eu.xsd")
    assert eu.gate.validate(back.root), eu.gate.error_log
    assert not back.problems
    assert not back.sign_off
    back = translator.read("rems-1", read.root, envelope=EnvelopeContext())
    home = translator.write("rems-1", back.root, carry=back.carry)
    assert json.loads(codec.encode(home.root)) == json.loads(data)


@pytest.mark.parametrize("path", EUROPEAN, ids=lambda path: path.stem)
def test_a_european_example_comes_home_from_rems_through_its_json(
    codec: RemsCodec, translator: Translator, rems: Side, path: Path
) -> None:
    root = parsed(path)
    forth = translator.write("rems-1", root)
    assert not forth.problems
    assert not forth.sign_off
    read = codec.decode(codec.encode(forth.root)).root
    assert rems.gate.validate(read), rems.gate.error_log
    back = translator.read("rems-1", read, envelope=EnvelopeContext(), carry=forth.carry)
    assert canonical(back.root) == canonical(root)


def test_what_somebody_changes_in_rems_wins_over_what_was_kept(codec: RemsCodec, translator: Translator) -> None:
    forth = translator.write("rems-1", parsed(DATA.parent / "eu-1" / "ApplicationSubmitted.xml"))
    document = json.loads(codec.encode(forth.root))
    application = document["event/application"]
    fields = {one["field/id"]: one for one in application["application/forms"][0]["form/fields"]}
    fields["s2-projectName"]["field/value"] = "Another title"
    fields["s2-purposeForWhichDataWillBeUsed"]["field/value"] = "statistics"
    people = fields["s8-peopleWhoWillBeProcessingTheData"]["field/value"]
    people.insert(0, [{**cell, "value": f"new {cell['column']}"} for cell in people[0]])
    del application["application/resources"][0]
    read = codec.decode(json.dumps(document).encode())
    back = translator.read("rems-1", read.root, envelope=EnvelopeContext(), carry=forth.carry)
    form = "{*}content/{*}form"
    assert back.root.findtext(f"{form}/{{*}}section2/{{*}}projectName") == "Another title"
    keys = back.root.findall(f"{form}/{{*}}section2/{{*}}purposeForWhichDataWillBeUsed/{{*}}key")
    assert [key.text for key in keys] == ["c"]
    again = translator.write("rems-1", back.root, carry=back.carry)
    assert json.loads(codec.encode(again.root)) == document


@pytest.mark.parametrize("path", EUROPEAN, ids=lambda path: path.stem)
def test_nothing_of_a_european_example_is_left_behind(translator: Translator, path: Path) -> None:
    fates = {str(row["fate"]) for row in translator.write("rems-1", parsed(path)).report.fields()}
    assert fates <= {"copied", "recoded", "annex"}


@pytest.mark.parametrize("path", EUROPEAN, ids=lambda path: path.stem)
def test_a_message_for_rems_is_what_its_staff_can_read(codec: RemsCodec, translator: Translator, path: Path) -> None:
    document = json.loads(codec.encode(translator.write("rems-1", parsed(path)).root))
    beside = set(document.get("hdeu/unbound", {}))
    assert beside <= {"application.version"}, "the example binds every field; a version stands behind a number"
    if path.stem not in NATIVE and "event/application" not in document:
        assert f"[message] {path.stem}" in document["application/comment"].split("\n")


async def problems_of(codec: RemsCodec, documents: XmlDocuments, data: bytes) -> tuple[Problem, ...]:
    try:
        read = codec.decode(data)
    except Refused as refused:
        return refused.problems
    return codec.located(await documents.diagnose("rems-1", etree.tostring(read.root)), read)


async def test_a_near_miss_is_told_with_its_code_and_its_place_in_the_json(
    codec: RemsCodec, documents: XmlDocuments
) -> None:
    for row in NEAR_MISSES:
        found = await problems_of(codec, documents, (DATA / "near-misses" / row["file"]).read_bytes())
        assert [(problem.code, problem.path) for problem in found] == [(row["code"], row["path"])], row["file"]


def test_the_schema_has_no_wildcard() -> None:
    for path in (SCHEMAS / "rems/1").glob("*.xsd"):
        tags = {etree.QName(element).localname for element in etree.parse(str(path)).iter(etree.Element)}
        assert not tags & {"any", "anyAttribute", "choice", "all", "redefine", "import"}, path.name
