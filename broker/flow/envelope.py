"""Put the facts of one sending into the envelope of an eu-1 message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml import etree

from broker.translation.build import NAMESPACE, with_application_id

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The order of the envelope's leaves that a sending sets (schemas/eu/1/envelope.xsd).
_ORDER: Final = ("messageId", "inReplyTo", "conversationId")


def addressed(root: etree._Element, application_id: str, leaves: Mapping[str, str]) -> etree._Element:
    """A copy that names the application and these leaves; what is empty stays as it was."""
    copy = with_application_id(root, application_id) if application_id else etree.fromstring(etree.tostring(root))
    envelope = copy.find(f"{{{NAMESPACE}}}envelope")
    if envelope is None:
        raise ValueError("an eu-1 message has an envelope")
    for name, text in leaves.items():
        if text:
            _set(envelope, name, text)
    return copy


def _set(envelope: etree._Element, name: str, text: str) -> None:
    there = envelope.find(f"{{{NAMESPACE}}}{name}")
    if there is None:
        before = _ORDER[: _ORDER.index(name)]
        place = sum(1 for child in envelope if etree.QName(child).localname in before)
        there = etree.Element(f"{{{NAMESPACE}}}{name}")
        envelope.insert(place, there)
    there.text = text
