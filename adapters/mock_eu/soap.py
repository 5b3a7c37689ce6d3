"""Requests as a Domibus reads them: SOAP 1.2, inline base64 or MTOM, with the deviations that peers send."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from lxml import etree

from adapters.mock_eu.model import Header, Property

if TYPE_CHECKING:
    from collections.abc import Mapping

S: Final = "{http://www.w3.org/2003/05/soap-envelope}"
W: Final = "{http://eu.domibus.wsplugin/}"
EB: Final = "{http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/}"
XOP: Final = "{http://www.w3.org/2004/08/xop/include}"

#: Request element → operation. All ten operations of the plugin.
OPERATIONS: Final = {
    "submitRequest": "submitMessage",
    "listPendingMessagesRequest": "listPendingMessages",
    "retrieveMessageRequest": "retrieveMessage",
    "markMessageAsDownloadedRequest": "markMessageAsDownloaded",
    "statusRequest": "getStatus",
    "statusRequestWithAccessPointRole": "getStatusWithAccessPointRole",
    "getErrorsRequest": "getMessageErrors",
    "getErrorsRequestWithAccessPointRole": "getMessageErrorsWithAccessPointRole",
    "listPushFailedMessagesRequest": "listPushFailedMessages",
    "rePushFailedMessagesRequest": "rePushFailedMessages",
}


class NotSoap(ValueError):
    """The request cannot be read as SOAP 1.2 of this plugin."""


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload of a submit as it came; `bodyload` payloads have no part of their own in the header."""

    payload_id: str
    content_type: str
    data: bytes
    is_bodyload: bool


@dataclass(frozen=True, slots=True)
class Request:
    """One operation. `header_element` is the eb:Messaging, if there is one."""

    operation: str
    element: etree._Element
    header_element: etree._Element | None
    mime: Mapping[str, bytes]

    def child(self, name: str) -> str:
        """An unqualified child's text, "" if absent."""
        return (self.element.findtext(name) or "").strip()

    def payloads(self) -> list[Payload]:
        """Payloads of a submit. Raises: NotSoap."""
        return [self._payload(item) for item in self.element if item.tag in {"bodyload", "payload"}]

    def _payload(self, item: etree._Element) -> Payload:
        value = item.find("value")
        if value is None:
            raise NotSoap("a payload without a value")
        is_bodyload = item.tag == "bodyload"
        return Payload(token(item.get("payloadId")), item.get("contentType") or "", self._bytes(value), is_bodyload)

    def _bytes(self, value: etree._Element) -> bytes:
        include = value.find(f"{XOP}Include")
        if include is None:
            try:
                return base64.b64decode("".join((value.text or "").split()), validate=True)
            except binascii.Error as error:
                raise NotSoap("a payload's value is not base64") from error
        name = unquote((include.get("href") or "").removeprefix("cid:")).strip("<>")
        if name not in self.mime:
            raise NotSoap("an xop:Include points to no MIME part")
        return self.mime[name]


def token(text: str | None) -> str:
    """xsd:token: white space collapsed."""
    return " ".join((text or "").split())


def read(content_type: str, body: bytes) -> Request:
    """Read one HTTP body. Raises: NotSoap."""
    mime: Mapping[str, bytes] = {}
    if content_type.lower().startswith("multipart/related"):
        body, mime = _take_apart(content_type, body)
    envelope = _parse(body)
    if envelope.tag != f"{S}Envelope":
        raise NotSoap("not a SOAP 1.2 envelope")
    children = envelope.find(f"{S}Body")
    found = [] if children is None else list(children.iterchildren("*"))
    if len(found) != 1 or not str(found[0].tag).startswith(W) or _name(found[0]) not in OPERATIONS:
        raise NotSoap("the body names no operation of this plugin")
    return Request(OPERATIONS[_name(found[0])], found[0], envelope.find(f"{S}Header/{EB}Messaging"), mime)


def header(user_message: etree._Element) -> Header:
    """The header of a submit, flat; what is absent is ""."""

    def text(*path: str) -> str:
        return token(user_message.findtext("/".join(f"{EB}{name}" for name in path)))

    def attribute(name: str, *path: str) -> str:
        found = user_message.find("/".join(f"{EB}{step}" for step in path))
        return "" if found is None else found.get(name) or ""

    sender, receiver = ("PartyInfo", "From"), ("PartyInfo", "To")
    return Header(
        message_id=text("MessageInfo", "MessageId"),
        ref_to_message_id=text("MessageInfo", "RefToMessageId"),
        conversation_id=text("CollaborationInfo", "ConversationId"),
        from_party=text(*sender, "PartyId"),
        from_type=attribute("type", *sender, "PartyId"),
        from_role=text(*sender, "Role"),
        to_party=text(*receiver, "PartyId"),
        to_type=attribute("type", *receiver, "PartyId"),
        to_role=text(*receiver, "Role"),
        service=text("CollaborationInfo", "Service"),
        service_type=attribute("type", "CollaborationInfo", "Service"),
        action=text("CollaborationInfo", "Action"),
        properties=tuple(
            Property(item.get("name") or "", (item.text or "").strip(), item.get("type") or "")
            for item in user_message.iterfind(f"{EB}MessageProperties/{EB}Property")
        ),
    )


def _parse(body: bytes) -> etree._Element:
    if b"<!DOCTYPE" in body:
        raise NotSoap("a document type declaration is not accepted")
    # Inline payloads reach 90 MB in one text node, so libxml2's limits must go; without a DTD nothing can multiply.
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise NotSoap(f"not well-formed: {error.msg}") from error


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _take_apart(content_type: str, body: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Root part and the rest by Content-ID. `start` may lack its brackets, or be missing altogether."""
    boundary = _parameter(content_type, "boundary")
    sections = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if not boundary or len(sections) < 3 or not sections[-1].startswith(b"--"):  # noqa: PLR2004 -- preamble, a part, the end
        raise NotSoap("multipart/related without its parts")
    parts: dict[str, bytes] = {}
    for number, section in enumerate(sections[1:-1]):
        head, _, data = section.partition(b"\r\n\r\n")
        found = re.search(rb"(?im)^content-id:\s*<?([^>\r\n]+)>?\s*$", head)
        parts[found.group(1).decode("latin-1") if found else f"part-{number}"] = data
    root = parts.get(_parameter(content_type, "start").strip("<>"))
    return next(iter(parts.values())) if root is None else root, parts


def _parameter(content_type: str, name: str) -> str:
    found = re.search(rf'(?i);\s*{name}\s*=\s*(?:"([^"]*)"|([^;\s]+))', content_type)
    return (found.group(1) or found.group(2) or "") if found else ""
