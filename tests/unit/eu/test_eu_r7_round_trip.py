"""A law: what was read from the wire is written to it again, whatever the document."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from broker.data_files import schemas_dir
from broker.translation.codecs.eu_r7 import JSON, EuR7Codec
from broker.translation.codecs.json_text import write_text
from broker.translation.codecs.json_tree import Kept, fill, put_back, value_of
from broker.translation.schema_model import load_schema

CODEC = EuR7Codec.load(schemas_dir())
MODEL = load_schema(schemas_dir() / "eu/1/eu.xsd")
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
NAMES = st.text(
    st.characters(min_codepoint=33, max_codepoint=0xD7FF, exclude_characters="\x7f"), min_size=1, max_size=8
)
SCALARS = st.one_of(st.booleans(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False), TEXT)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, min_size=1, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)


def fitting(declared: Any) -> Any:
    """Wire values that have the shape that the schema asks for."""
    if declared.is_leaf:
        return TEXT if declared.text.base == "string" else st.just(sample(declared.text))
    names = [child.name for child in declared.children]
    if names == ["text"] and declared.children[0].attributes:
        return st.dictionaries(st.sampled_from(["fr", "fi", "en"]), TEXT, min_size=1)
    if names == ["text", "attachment"]:
        return st.one_of(TEXT, st.lists(fitting(declared.children[1]), min_size=1, max_size=2))
    if names == ["key", "value"]:
        return st.one_of(TEXT, st.fixed_dictionaries({"key": st.sampled_from("abc"), "value": TEXT}))
    return objects(declared)


def sample(type_: Any) -> Any:
    samples = [True, 7, "2026-01-01", "2026-01-01T00:00:00Z", "EUR", "FR", "fr", "a", "f" * 64]
    by_base = {"boolean": bool, "nonNegativeInteger": int, "decimal": int}
    wanted = by_base.get(type_.base, str)
    fits = [one for one in samples if type(one) is wanted and (wanted is bool or type_.fits(str(one)))]
    return fits[0] if fits else type_.enumeration[0]


def objects(declared: Any) -> Any:
    chosen = [child for child in declared.children if child.name not in {"unknown", "attachments", "translation"}]
    fields = {
        child.name: st.lists(fitting(child), min_size=1, max_size=2) if child.repeats else fitting(child)
        for child in chosen
        if child.name != "form_translations"
    }
    return st.fixed_dictionaries({}, optional=fields)


SECTION = next(child for child in MODEL.at("ApplicationSubmitted", "content/form").children if child.name == "section6")
HEAD = {"messageType": "StatusUpdate", "messageId": "m", "createdAt": "2026-01-01T00:00:00Z"}


def says_something(value: Any) -> Any:
    """The document without null and empty lists, which are absence."""
    if isinstance(value, dict):
        return {name: says_something(inner) for name, inner in value.items() if inner is not None and inner != []}
    return value


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
