"""An identifier is something that can be seen: one rule, in every schema, for both judges and for the engine."""

from __future__ import annotations

import re
from itertools import product

import pytest
import xmlschema
from lxml import etree

from broker.data_files import schemas_dir

TYPES = {
    "eu/1/types.xsd": "Id",
    "fr/1/types.xsd": "Identifiant",
    "fi/1/perustyypit.xsd": "Tunnus",
    "rems/1/types.xsd": "Id",
}
SIGNS = ("a", "!", "~", " ", "é", "\u00a0", "\U0001f600")
TEXTS = tuple("".join(signs) for count in range(5) for signs in product(SIGNS, repeat=count))
XS = "{http://www.w3.org/2001/XMLSchema}"


def can_be_seen(text: str) -> bool:
    """Printable ASCII somewhere in it, which a space is not."""
    return any("!" <= sign <= "~" for sign in text)


def wrapping(file: str, name: str) -> str:
    """A schema whose documents are one element with an attribute of the type."""
    space = etree.parse(str(schemas_dir() / file)).getroot().get("targetNamespace")
    return f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="{space}" targetNamespace="{space}">
      <xs:include schemaLocation="{(schemas_dir() / file).as_uri()}"/>
      <xs:element name="one"><xs:complexType><xs:attribute name="id" type="{name}"/></xs:complexType></xs:element>
    </xs:schema>"""


def with_id(schema: str, text: str) -> etree._Element:
    space = etree.fromstring(schema).get("targetNamespace")
    return etree.Element(f"{{{space}}}one", {"id": text})


@pytest.mark.parametrize("file", TYPES)
def test_the_gate_takes_what_can_be_seen_and_nothing_else(file: str) -> None:
    schema = wrapping(file, TYPES[file])
    gate = etree.XMLSchema(etree.fromstring(schema))
    assert [text for text in TEXTS if gate.validate(with_id(schema, text)) != can_be_seen(text)] == []


@pytest.mark.parametrize("file", TYPES)
def test_the_authority_judges_alike(file: str) -> None:
    schema = wrapping(file, TYPES[file])
    authority = xmlschema.XMLSchema(schema)
    few = [text for text in TEXTS if len(text) <= 2]
    assert [text for text in few if authority.is_valid(with_id(schema, text)) != can_be_seen(text)] == []


@pytest.mark.parametrize("file", TYPES)
def test_one_way_leads_through_its_pattern(file: str) -> None:
    """libxml2 tries every way: where the first sign that can be seen might be any, it takes half as long again."""
    (pattern,) = (
        facet.get("value") or ""
        for type_ in etree.parse(str(schemas_dir() / file)).iter(f"{XS}simpleType")
        if type_.get("name") == TYPES[file]
        for facet in type_.iter(f"{XS}pattern")
    )
    assert not re.match(r"\.\*", pattern)
    assert [text for text in TEXTS if bool(re.fullmatch(pattern, text)) != can_be_seen(text)] == []
