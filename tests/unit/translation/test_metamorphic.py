"""What XML leaves open changes nothing: order of attributes, prefixes, indentation, comments, encoding, white space."""

from __future__ import annotations

import re
from random import Random
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.xml.parser import parse
from tests.fidelity.laws import elements, plain
from tests.support.documents import canonical
from tests.support.examples import WAYS, way_of

if TYPE_CHECKING:
    from broker.translation.translator import Translation
    from tests.support.sides import Side

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
    return etree.tostring(copy).replace(b'="', b"\n = \t" + b'"')


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


SAME: Final = (prefixed, indented, commented, in_utf_16, in_sections)


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
