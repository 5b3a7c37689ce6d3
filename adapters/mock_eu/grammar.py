"""Requests against the plugin's schemas, where the operator has switched that on (a new Domibus does not)."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from lxml import etree

from adapters.mock_eu.soap import XOP, NotSoap

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.mock_eu.soap import Request


class Grammar:
    """The two schemas, compiled."""

    def __init__(self, folder: Path) -> None:
        self._body = etree.XMLSchema(etree.parse(folder / "wsplugin-body.xsd"))
        self._header = etree.XMLSchema(etree.parse(folder / "ebms-header.xsd"))

    def check(self, call: Request) -> None:
        """Raises: NotSoap, with the first complaint, as Apache CXF words it."""
        _judge(self._body, call.element)
        if call.header_element is not None:
            _judge(self._header, call.header_element)


def _judge(schema: etree.XMLSchema, element: etree._Element) -> None:
    copy = deepcopy(element)
    for include in list(copy.iter(f"{XOP}Include")):  # a MIME part stands for the base64 that the schema wants
        parent = include.getparent()
        if parent is not None:
            parent.remove(include)
    try:
        schema.assertValid(copy)
    except etree.DocumentInvalid as error:
        raise NotSoap(f"Unmarshalling Error: {error}") from error
