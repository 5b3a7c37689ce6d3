"""The broker and the mock EU node read each other: neither's code made the files of the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import etree

from adapters.mock_eu import checks, examples, payloads, pilot
from adapters.mock_eu.letters import Draft, Letter
from adapters.mock_eu.model import Header, Part
from broker.data_files import schemas_dir
from broker.translation.codecs.codec import Transport
from broker.translation.codecs.eu_pilot import EuPilotCodec
from broker.translation.codecs.eu_r7 import EuR7Codec

DATA = Path(__file__).parents[1] / "data"
GOLDEN = sorted((DATA / "eu-r7-golden").glob("from-platform-*.json"))
EXAMPLES = sorted(path for path in (DATA / "eu-r7").glob("*.json") if path.stem in checks.REQUIRED)


@pytest.fixture(scope="module")
def codec() -> EuR7Codec:
    return EuR7Codec.load(schemas_dir())


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(schemas_dir() / "eu/1/eu.xsd")))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_message_written_by_hand_becomes_a_valid_document_of_the_broker(
    path: Path, codec: EuR7Codec, schema: etree.XMLSchema
) -> None:
    root = codec.decode(path.read_bytes(), "application/json").root
    schema.assertValid(root)
    assert root.find(".//{*}unknown") is None, "every member has its place"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_of_an_example_of_the_broker_the_platform_misses_the_files_alone_that_it_names(path: Path) -> None:
    payload = payloads.read((Part("cid:message", "application/json", path.read_bytes()),))
    assert payload.type == path.stem
    named = set(re.findall(r'"sha256":\s*"([0-9a-f]{64})"', path.read_text("utf-8")))
    missed = [(problem["code"], problem["path"]) for problem in checks.problems(payload)]
    assert sorted(missed) == sorted(("file-missing", f"cid:file-{digest}") for digest in named)


def test_the_platform_knows_every_message_that_a_nation_sends() -> None:
    assert len(EXAMPLES) >= 17


# the pilot's form


@pytest.fixture(scope="module")
def pilot_codec() -> EuPilotCodec:
    return EuPilotCodec.load(schemas_dir())


def test_an_application_that_the_platform_sends_in_the_pilots_form_is_read_by_the_broker(
    pilot_codec: EuPilotCodec,
) -> None:
    content = examples.form("access")
    letter = Letter("ApplicationSubmitted", content, "6a70b4d104db074a00fd905d", 1, files={})
    (part,) = pilot.write(Draft(letter, {}, content, {}, "2026-11-02T09:15:00.250Z"))
    transport = Transport(message_id="pilot-1", created_at="2026-11-02T09:15:00.250Z")
    root = pilot_codec.decode(part.data, part.media_type, transport).root
    assert etree.QName(root).localname == "ApplicationSubmitted"
    assert root.findtext(".//{*}application_id") == "6a70b4d104db074a00fd905d"
    assert root.findtext(".//{*}section2/{*}projectName") == content["form"]["section2"]["projectName"]


def test_a_dataset_that_the_broker_sends_in_the_pilots_form_is_read_by_the_platform(pilot_codec: EuPilotCodec) -> None:
    example = etree.parse(DATA / "eu-1" / "DatasetCUD.xml").getroot()
    encoded = pilot_codec.encode(example)
    header = Header(message_id="pilot-2", timestamp="2026-11-02T09:15:00.250Z")
    (payload,) = pilot.read((Part("cid:message", encoded.media_type, encoded.data),), header)
    assert (payload.type, payload.content["operation"]) == ("DatasetCUD", example.findtext(".//{*}operation"))
    assert checks.problems(payload) == []
