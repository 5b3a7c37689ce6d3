"""A law: what was read from the wire is written to it again, whatever the document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from broker.data_files import schemas_dir
from broker.translation.codecs.eu_r7 import JSON, EuR7Codec
from broker.translation.codecs.json_text import write_text
from broker.translation.codecs.json_tree import Kept, fill, put_back, value_of
from broker.translation.schema_model import load_schema
from tests.support.documents import canonical
from tests.support.wire_values import ANYTHING, NAMES, objects, says_something
from tests.unit.eu.conftest import DATA

CODEC = EuR7Codec.load(schemas_dir())
MODEL = load_schema(schemas_dir() / "eu/1/eu.xsd")
SECTION = next(child for child in MODEL.at("ApplicationSubmitted", "content/form").children if child.name == "section6")
HEAD = {"messageType": "StatusUpdate", "messageId": "m", "createdAt": "2026-01-01T00:00:00Z"}


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(objects(SECTION))
def test_a_section_of_known_fields_comes_back_and_is_all_known(section: Any) -> None:
    root, kept = etree.Element("{urn:hdeu:eu:1}section6"), Kept()
    fill(root, SECTION, section, "/content", kept)
    document = {"content": value_of(root, SECTION)}
    assert all(put_back(document, pointer, write_text(value)) for pointer, value in kept.fields)
    assert document["content"] == section
    texts = [value for _, value in kept.fields]
    assert all(isinstance(text, str) and not printable(text) for text in texts)


def printable(text: str) -> bool:
    return all(char in "\t\n\r" or " " <= char <= "\ufffd" or char >= "\U00010000" for char in text)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.one_of(NAMES, st.sampled_from(["status", "date", "reason", "applicationId", "unknown"])),
        ANYTHING,
        max_size=5,
    )
)
def test_a_message_of_anything_comes_back(content: Any) -> None:
    content = {name: value for name, value in content.items() if not is_number(name, value)}
    data = json.dumps({"envelope": HEAD, "content": content}).encode()
    encoded = CODEC.encode(CODEC.decode(data, JSON).root)
    assert json.loads(encoded.data)["content"] == says_something(json.loads(data)["content"])


def is_number(name: Any, value: Any) -> Any:
    """A number where a text is due comes back as that text; another test says so."""
    return name in {"reason", "applicationId"} and isinstance(value, (int, float)) and not isinstance(value, bool)


@pytest.mark.parametrize("path", sorted((DATA / "eu-1/variants").glob("*.xml")), ids=lambda path: path.stem)
def test_every_field_of_the_forms_travels_and_comes_back(path: Path) -> None:
    root = etree.parse(str(path), etree.XMLParser(remove_blank_text=True)).getroot()
    content = root.find("{*}content")
    for file in content.findall("{*}attachments"):
        content.remove(file)  # they tell of bytes that came along; here are none
    encoded = CODEC.encode(root)
    assert canonical(CODEC.decode(encoded.data, encoded.media_type).root) == canonical(root)
