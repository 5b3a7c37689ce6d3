"""The broker and the mock EU node read each other: neither's code made the files of the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from adapters.mock_eu import checks, payloads
from adapters.mock_eu.model import Part
from broker.data_files import schemas_dir
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
def test_an_example_of_the_broker_has_nothing_that_the_platform_complains_of(path: Path) -> None:
    payload = payloads.read((Part("cid:message", "application/json", path.read_bytes()),))
    assert payload.type == path.stem
    assert checks.problems(payload) == []


def test_the_platform_knows_every_message_that_a_nation_sends() -> None:
    assert len(EXAMPLES) >= 17
