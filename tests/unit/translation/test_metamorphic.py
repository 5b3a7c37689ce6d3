"""What XML leaves open changes nothing: order of attributes, prefixes, indentation, comments, encoding, white space."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.xml.parser import parse
from broker.data_files import schemas_dir
from broker.translation.codecs.eu_r7 import JSON, EuR7Codec
from tests.fidelity.laws import elements, plain
from tests.support.documents import canonical
from tests.support.examples import WAYS, way_of
from tests.unit.eu.conftest import DATA

if TYPE_CHECKING:
    from broker.translation.translator import Translation
    from tests.support.sides import Side

CODEC = EuR7Codec.load(schemas_dir())
WIRED = [path for path in sorted((DATA / "eu-r7").glob("*.json")) if "." not in path.stem]
few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


def text_of(root: etree._Element) -> str:
    return etree.tostring(root, encoding="unicode")


def prefixed(root: etree._Element) -> bytes:
    text = re.sub(r"<(/?)([A-Za-z])", r"<\1p:\2", text_of(root))
    return text.replace(" xmlns=", " xmlns:p=", 1).encode()


def indented(root: etree._Element) -> bytes:
    copy = etree.fromstring(text_of(root))
    etree.indent(copy, space="\t \r\n")
    return etree.tostring(copy)


def attributes_turned(root: etree._Element) -> bytes:
    copy = etree.fromstring(text_of(root))
    for element in copy.iter():
        kept = list(element.attrib.items())
        element.attrib.clear()
        element.attrib.update(reversed(kept))
    return etree.tostring(copy)


def commented(root: etree._Element) -> bytes:
    copy = etree.fromstring(text_of(root))
    for element in list(copy.iter()):
        element.append(etree.Comment("a note"))
        element.insert(0, etree.ProcessingInstruction("look", "here"))
    for element in copy.iter(etree.Element):
        if element.text:  # a processing instruction stands before the text: put the text behind it
            element[0].tail, element.text = element.text, None
    return etree.tostring(copy)


def in_utf_16(root: etree._Element) -> bytes:
    return etree.tostring(root, encoding="utf-16")


def in_sections(root: etree._Element) -> bytes:
    copy = etree.fromstring(text_of(root))
    for element in copy.iter():
        if element.text and not len(element):
            element.text = etree.CDATA(element.text)
    return etree.tostring(copy, encoding="utf-8")


SAME: Final = (prefixed, indented, attributes_turned, commented, in_utf_16, in_sections)


def outcome(there: Translation) -> tuple[bytes, bytes, bytes]:
    return canonical(there.root), there.report.to_bytes(), there.carry


@pytest.mark.parametrize("name", WAYS)
@given(seed=st.integers(0, 2**32))
@few
def test_another_spelling_of_a_document_is_the_same_document(name: str, seed: int) -> None:
    random, way = Random(seed), way_of(name)
    document = way.drawn(random.randrange(1_000_000), random)
    expected = outcome(way.there(document))
    for spelling in SAME:
        assert outcome(way.there(parse(spelling(document)))) == expected, spelling.__name__


@pytest.mark.parametrize("name", WAYS)
@given(seed=st.integers(0, 2**32))
@few
def test_white_space_around_a_value_changes_no_other_value(name: str, seed: int) -> None:
    random, way = Random(seed), way_of(name)
    document = way.drawn(random.randrange(1_000_000), random)
    expected = collapsed(way.there(document).root)
    for _, leaf in tokens(document, way.source):
        leaf.text = f"\n\t {leaf.text or ''}  "
    assert way.source.gate.validate(document)
    assert collapsed(way.there(document).root) == expected


def tokens(root: etree._Element, side: Side) -> list[tuple[str, etree._Element]]:
    """The leaves whose white space the schema takes away."""
    name, found = etree.QName(root).localname, []
    for path, leaf in elements(root):
        declared = side.model.at(name, plain(path))
        if declared is not None and declared.text is not None and not declared.text.keeps_white_space:
            found.append((path, leaf))
    return found


def collapsed(root: etree._Element) -> bytes:
    """A copied value keeps its white space, which the other side may see as part of a text: compared without."""
    for _, leaf in elements(root):
        leaf.text = " ".join((leaf.text or "").split()) or None
    return canonical(root)


@pytest.mark.parametrize("path", WIRED, ids=lambda path: path.stem)
def test_another_spelling_of_a_message_of_the_wire_is_the_same_message(path: Path) -> None:
    said = json.loads(path.read_bytes())
    expected = canonical(CODEC.decode(json.dumps(said).encode(), JSON).root)
    for spelling in (
        json.dumps(said, indent=3, ensure_ascii=False),
        json.dumps(said, separators=(" ,\r\n", "\t:  ")),
        json.dumps(turned(said)),
        "\ufeff" + json.dumps(said, sort_keys=True),
    ):
        assert canonical(CODEC.decode(spelling.encode(), JSON).root) == expected


def turned(value: Any) -> Any:
    """The same JSON value with the members of every object in the opposite order."""
    if isinstance(value, dict):
        return {name: turned(value[name]) for name in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value
