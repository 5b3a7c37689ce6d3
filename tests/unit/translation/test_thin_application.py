"""A thin application that another project published, with a legal basis of a superseded draft of the Regulation.

It is data like any other: taken as it stands, told where no list knows it, and nothing is filled in.
`tests/data/open-daams` (MIT licence beside it).
"""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from lxml import etree

from broker.data_files import schemas_dir
from broker.errors import Refused
from broker.translation.answers import shipped_questions, unknown_answers
from broker.translation.codecs.eu_r7 import JSON, ZIP, EuR7Codec
from broker.translation.codecs.zip_parts import ZipLimits, read_zip, write_zip
from broker.translation.completeness import missing, shipped_rules
from broker.translation.facts import facts_of
from broker.translation.translator import EnvelopeContext
from tests.fidelity.laws import plain
from tests.fidelity.ways import profile_names, ways
from tests.support.documents import canonical, leaves
from tests.support.sides import side
from tests.unit.eu.conftest import DATA

CODEC = EuR7Codec.load(schemas_dir())
RAW: Final = (DATA / "open-daams/hdeu-payload-sample.json").read_bytes()
SAMPLE: Final[dict[str, Any]] = json.loads(RAW)
LAW: Final = SAMPLE["legalBasis"]
#: The names of Release 7 for what the sample says. What has no such name stands in the content under its own.
FORM: Final = {
    "section2": {
        "projectName": SAMPLE["title"],
        "summaryOfTheProject": SAMPLE["projectDescription"],
        "purposeForWhichDataWillBeUsed": [{"key": SAMPLE["purposeCategory"]}],
    },
    "section3": {"legalPersonName": SAMPLE["applicantOrganisation"]},
    "section5": {"legalBasis": LAW},
    "section8": {"legalBasisForProcessingApplicationData": [{"key": LAW}]},
}
CONTENT: Final = {
    "application_id": SAMPLE["hdeuApplicationId"],
    "application_type": SAMPLE["applicationType"],
    "title": SAMPLE["title"],
    "datasets": [{"dataset_id": name} for name in SAMPLE["requestedDatasets"]],
    "form": FORM,
    **{name: value for name, value in SAMPLE.items() if name not in ("hdeuApplicationId", "title")},
}
ENVELOPE: Final = json.loads((DATA / "eu-r7/ApplicationSubmitted.envelope.json").read_bytes())
PAYLOAD: Final = write_zip(
    [("envelope.json", json.dumps(ENVELOPE).encode()), ("application_metadata.json", json.dumps(CONTENT).encode())]
)
PATHS: Final = {"content/form/section5/legalBasis", "content/form/section8/legalBasisForProcessingApplicationData/key"}


@pytest.fixture(scope="module")
def pivot() -> etree._Element:
    return CODEC.decode(PAYLOAD, ZIP).root


def said() -> set[str]:
    """Every text of the sample."""
    return {text for value in SAMPLE.values() for text in (value if isinstance(value, list) else [value])}


def test_the_sample_as_it_was_published_is_refused_by_name() -> None:
    with pytest.raises(Refused) as caught:
        CODEC.decode(RAW, JSON)
    assert caught.value.problems[0].code == "missing-part"


def test_a_thin_application_is_valid_and_holds_nothing_but_what_was_said(pivot: etree._Element) -> None:
    gate = side("eu/1/eu.xsd").gate
    assert gate.validate(pivot), gate.error_log
    content = {path: text for path, text in leaves(pivot).items() if path.startswith("content")}
    named = {text for path, text in content.items() if "/unknown[" not in path}
    assert named <= said()
    kept = {path.partition("/@")[0] for path in content if "/unknown[" in path}
    assert {json.loads(content[path]) for path in kept if isinstance(json.loads(content[path]), str)} <= said()


def test_the_wrong_legal_basis_is_taken_as_data(pivot: etree._Element) -> None:
    assert {plain(path) for path, text in leaves(pivot).items() if text == LAW} == PATHS
    encoded = CODEC.encode(pivot)
    again = json.loads(read_zip(encoded.data, ZipLimits())["application_metadata.json"])
    assert again == CONTENT


def test_what_no_list_knows_and_what_is_missing_is_told(pivot: etree._Element) -> None:
    told = {problem.path: problem.value for problem in unknown_answers(pivot, shipped_questions())}
    assert told["content/form/section2/purposeForWhichDataWillBeUsed/key"] == SAMPLE["purposeCategory"]
    assert LAW.startswith(told["content/form/section8/legalBasisForProcessingApplicationData/key"])
    assert "/content/legalBasis" in facts_of(pivot).unknown_fields
    assert len(missing(pivot, shipped_rules())) > 10


@pytest.mark.parametrize("profile", profile_names())
def test_nothing_is_filled_in_on_the_way_to_a_back_end(pivot: etree._Element, profile: str) -> None:
    translator = ways()[0].translator
    there = translator.write(profile, pivot)
    report = there.report
    texts, sources = leaves(there.root), set(leaves(pivot).values())
    constants = {path: texts.get(path) for path in map(numbered, report.constants())}
    annex = {path for path in texts if "/@" in path}
    written = {text for path, text in texts.items() if path not in constants and path not in annex}
    recoded = {texts[numbered(row["target"][0])] for row in report.fields() if row["fate"] == "recoded"}
    assert written <= sources | recoded
    assert LAW in written
    home = translator.read(profile, there.root, envelope=EnvelopeContext(), carry=there.carry)
    assert canonical(home.root) == canonical(pivot)


def numbered(path: str) -> str:
    return "/".join(step if step.endswith("]") or step.startswith("@") else f"{step}[1]" for step in path.split("/"))
