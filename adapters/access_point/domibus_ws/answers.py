"""Answers of the WS plugin, read by namespace URI and local name; what is not known is passed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapters.access_point.domibus_ws.hardened import Document, Unreadable
from adapters.access_point.domibus_ws.intake import intake
from adapters.access_point.domibus_ws.names import EB, SOAP, WS, XOP
from broker.ports import Part, UserMessage

if TYPE_CHECKING:
    from lxml import etree

    from adapters.access_point.domibus_ws.settings import Limits

_NS: Final = {"s": SOAP, "w": WS, "xop": XOP}
_DEFAULT_MEDIA_TYPE: Final = "text/xml"  # Domibus's own, where neither header nor part names one


@dataclass(frozen=True, slots=True)
class Fault:
    """A SOAP fault. `code` is normalised to `EBMS:0004`, `WS_PLUGIN:0009`; empty where no detail came."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One envelope: either a fault or a body."""

    document: Document
    limits: Limits

    @property
    def fault(self) -> Fault | None:
        """The fault that it carries."""
        found = self.document.root.find("s:Body/s:Fault", _NS)
        return None if found is None else _fault(found)

    def operation(self, name: str) -> etree._Element:
        """The body's element. Raises: Unreadable, if it is another."""
        found = self.document.root.find(f"s:Body/w:{name}", _NS)
        if found is None:
            raise Unreadable(f"no {name} in the answer")
        return found

    def message_ids(self, name: str) -> tuple[str, ...]:
        """Every `messageID` of the body, once each, in order."""
        found = (text_of(element) for element in self.operation(name).iterfind("messageID"))
        return tuple(dict.fromkeys(message_id for message_id in found if message_id))

    def errors(self) -> tuple[str, ...]:
        """Codes of what went wrong, normalised, oldest first as they came."""
        items = self.operation("getMessageErrorsResponse").iterfind("item/domibusErrorCode")
        return tuple(code for code in (normalised(text_of(item)) for item in items) if code)

    def user_message(self) -> UserMessage:
        """The retrieved message. Raises: Unreadable."""
        return self.message_of(self.operation("retrieveMessageResponse"), namespace=EB)

    def message_of(self, operation: etree._Element, *, namespace: str) -> UserMessage:
        """The message whose payloads stand in `operation`, its header in a namespace. Raises: Unreadable."""
        header = self.document.root.find(f"s:Header/{{{namespace}}}Messaging/{{*}}UserMessage", _NS)
        if header is None:
            raise Unreadable("no UserMessage in the header")
        return _user_message(header, self._parts(header, operation))

    def _parts(self, header: etree._Element, operation: etree._Element) -> tuple[Part, ...]:
        media_types = _media_types(header)
        found = [*operation.iterfind("{*}bodyload"), *operation.iterfind("{*}payload")]
        parts = tuple(self._part(element, media_types) for element in found)
        if sum(len(part.data) for part in parts) > self.limits.payload:
            raise Unreadable(f"payloads of more than {self.limits.payload} bytes")
        return parts

    def _part(self, payload: etree._Element, media_types: dict[str, str]) -> Part:
        value = payload.find("{*}value")
        if value is None:
            raise Unreadable("a payload without a value")
        href = (payload.get("payloadId") or "").strip()
        given = payload.get("contentType") or payload.get("mimeType")
        media_type = media_types.get(href.lower()) or given or _DEFAULT_MEDIA_TYPE
        return Part(href=href, media_type=media_type, data=self._bytes(value))

    def _bytes(self, value: etree._Element) -> bytes:
        include = value.find("xop:Include", _NS)
        return self.document.base64(value) if include is None else self.document.part(include.get("href") or "")


def read(content_type: str, body: bytes, limits: Limits) -> Answer:
    """Read one HTTP body as a SOAP 1.2 envelope, inline or MTOM. Raises: Unreadable."""
    taken = intake(content_type, limits)
    taken.feed(body)
    return answer_of(taken.end(), limits)


def answer_of(document: Document, limits: Limits) -> Answer:
    """What a document says. Raises: Unreadable, if it is no SOAP 1.2 envelope."""
    if document.root.tag != f"{{{SOAP}}}Envelope":
        raise Unreadable("not a SOAP 1.2 envelope")
    return Answer(document=document, limits=limits)


def _fault(element: etree._Element) -> Fault:
    reason = text_of(element.find("s:Reason/s:Text", _NS))
    detail = element.find("s:Detail/w:FaultDetail", _NS)
    if detail is None:
        return Fault(code="", text=reason)
    return Fault(normalised(text_of(detail.find("code"))), text_of(detail.find("message")) or reason)


def normalised(code: str) -> str:
    """One spelling: Domibus writes EBMS:0004 in details, EBMS_0004 in lists, WS_PLUGIN_0005 for payload faults."""
    head, _, number = code.replace("_", ":").rpartition(":")
    return f"{head.replace(':', '_')}:{number}" if head else number


def _user_message(header: etree._Element, parts: tuple[Part, ...]) -> UserMessage:
    def text(path: str) -> str:
        return text_of(header.find(path))

    service = header.find("{*}CollaborationInfo/{*}Service", _NS)
    return UserMessage(
        message_id=text("{*}MessageInfo/{*}MessageId"),
        parts=parts,
        conversation_id=text("{*}CollaborationInfo/{*}ConversationId"),
        ref_to_message_id=text("{*}MessageInfo/{*}RefToMessageId"),
        from_party=text("{*}PartyInfo/{*}From/{*}PartyId"),
        to_party=text("{*}PartyInfo/{*}To/{*}PartyId"),
        service=text_of(service),
        service_type="" if service is None else service.get("type") or "",
        action=text("{*}CollaborationInfo/{*}Action"),
        properties=_properties(header, "{*}MessageProperties/{*}Property"),
        timestamp=text("{*}MessageInfo/{*}Timestamp"),
    )


def _properties(element: etree._Element, path: str) -> dict[str, str]:
    return {found.get("name") or "": text_of(found) for found in element.iterfind(path, _NS)}


def _media_types(header: etree._Element) -> dict[str, str]:
    """MimeType by href in lower case: Domibus matches parts without regard to case."""
    return {
        (info.get("href") or "").strip().lower(): _properties(info, "{*}PartProperties/{*}Property").get("MimeType", "")
        for info in header.iterfind("{*}PayloadInfo/{*}PartInfo", _NS)
    }


def text_of(element: etree._Element | None) -> str:
    """The element's text without white space around it; "" if there is none."""
    return "" if element is None else (element.text or "").strip()
