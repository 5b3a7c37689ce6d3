"""Answers of the WS plugin, read by namespace URI and local name; what is not known is passed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapters.access_point.bodies import Unreadable
from adapters.access_point.domibus_ws.hardened import Document
from adapters.access_point.domibus_ws.intake import too_much, whole
from adapters.access_point.domibus_ws.names import BODY, EB, HEADER, SOAP, WS, XOP
from broker.ports import Part, UserMessage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lxml import etree

    from adapters.access_point.domibus_ws.settings import Limits
    from broker.payloads import Payload

_FAULT: Final = f"{{{SOAP}}}Fault"
_IN_BODY: Final = "Envelope/Body"
_INCLUDE: Final = f"{{{XOP}}}Include"
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
        found = below(self.document.root, BODY, _FAULT)
        return None if found is None else _fault(found)

    def operation(self, name: str) -> etree._Element:
        """The body's element. Raises: Unreadable, if it is another."""
        found = self.only_operation()
        if found.tag != f"{{{WS}}}{name}":
            raise Unreadable("soap-other-operation", f"the body holds no {name}", _IN_BODY)
        return found

    def only_operation(self) -> etree._Element:
        """The one element of the body. Raises: Unreadable, if there is none or a second."""
        body = below(self.document.root, BODY)
        found = [] if body is None else list(body.iterchildren("*"))
        if not found:
            raise Unreadable("soap-no-operation", "the body holds no operation", _IN_BODY)
        if len(found) > 1:
            raise Unreadable("soap-two-operations", "the body holds more than one operation", _IN_BODY)
        return found[0]

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
        header = below(self.document.root, HEADER, f"{{{namespace}}}Messaging", "{*}UserMessage")
        if header is None:
            raise Unreadable(
                "soap-header-missing", "there is no UserMessage in the header", "Envelope/Header/Messaging"
            )
        return _user_message(header, self._parts(header, operation))

    def _parts(self, header: etree._Element, operation: etree._Element) -> tuple[Part, ...]:
        media_types = _media_types(header)
        found = [*operation.iterchildren("{*}bodyload"), *operation.iterchildren("{*}payload")]
        parts = tuple(self._part(element, media_types) for element in found)
        if sum(part.payload.size for part in parts) > self.limits.payload:
            raise too_much(self.limits)
        _check_complete(media_types, parts)
        return parts

    def _part(self, payload: etree._Element, media_types: dict[str, str]) -> Part:
        value = below(payload, "{*}value")
        if value is None:
            raise Unreadable("soap-value-missing", "a payload has no value", f"{_IN_BODY}/payload")
        href = (payload.get("payloadId") or "").strip()
        given = payload.get("contentType") or payload.get("mimeType")
        media_type = media_types.get(href.lower()) or given or _DEFAULT_MEDIA_TYPE
        return Part(href=href, media_type=media_type, payload=self._bytes(value))

    def _bytes(self, value: etree._Element) -> Payload:
        include = below(value, _INCLUDE)
        return self.document.base64(value) if include is None else self.document.part(include.get("href") or "")


def read(content_type: str, body: bytes, limits: Limits) -> Answer:
    """Read one HTTP body as a SOAP 1.2 envelope, inline or MTOM. Raises: Unreadable."""
    return answer_of(whole(content_type, body, limits), limits)


def answer_of(document: Document, limits: Limits) -> Answer:
    """What a document says. Raises: Unreadable, if it is no SOAP 1.2 envelope."""
    if document.root.tag != f"{{{SOAP}}}Envelope":
        raise _no_envelope(document.root)
    return Answer(document=document, limits=limits)


def _no_envelope(root: etree._Element) -> Unreadable:
    if _local(root) == "Envelope":
        return Unreadable("soap-version", "the envelope is of another version than SOAP 1.2", "Envelope")
    return Unreadable("soap-other-root", "this is XML, and no SOAP envelope", "line 1")


def _check_complete(announced: Mapping[str, str], parts: tuple[Part, ...]) -> None:
    """Hold the header's list of parts against those that came. Raises: Unreadable.

    A `bodyload` has no name in the body, and may have one in the header.
    """
    came = [part.href.lower() for part in parts]
    missing = [place for place, href in enumerate(announced, start=1) if href and href not in came]
    if len(missing) > came.count(""):
        detail = f"the header announces {len(announced)} parts, and {len(missing)} of them did not come"
        raise Unreadable("payload-missing", detail, f"Envelope/Header//PartInfo[{missing[-1]}]")


def below(element: etree._Element, *tags: str) -> etree._Element | None:
    """The first child with the first tag, of it the first with the second, and so on."""
    found: etree._Element | None = element
    for tag in tags:
        found = None if found is None else next(found.iterchildren(tag), None)
    return found


def _fault(element: etree._Element) -> Fault:
    reason = text_of(below(element, f"{{{SOAP}}}Reason", f"{{{SOAP}}}Text"))
    detail = below(element, f"{{{SOAP}}}Detail", f"{{{WS}}}FaultDetail")
    if detail is None:
        return Fault(code="", text=reason)
    return Fault(normalised(text_of(below(detail, "code"))), text_of(below(detail, "message")) or reason)


def normalised(code: str) -> str:
    """One spelling: Domibus writes EBMS:0004 in details, EBMS_0004 in lists, WS_PLUGIN_0005 for payload faults."""
    head, _, number = code.replace("_", ":").rpartition(":")
    return f"{head.replace(':', '_')}:{number}" if head else number


def _user_message(header: etree._Element, parts: tuple[Part, ...]) -> UserMessage:
    facts = _facts(header)

    def text(path: str, *tags: str) -> str:
        return text_of(below(facts[path], *tags)) if path in facts else ""

    service = facts.get("CollaborationInfo/Service")
    return UserMessage(
        message_id=text("MessageInfo/MessageId"),
        parts=parts,
        conversation_id=text("CollaborationInfo/ConversationId"),
        ref_to_message_id=text("MessageInfo/RefToMessageId"),
        from_party=text("PartyInfo/From", "{*}PartyId"),
        from_role=text("PartyInfo/From", "{*}Role"),
        to_party=text("PartyInfo/To", "{*}PartyId"),
        to_role=text("PartyInfo/To", "{*}Role"),
        service=text("CollaborationInfo/Service"),
        service_type="" if service is None else service.get("type") or "",
        action=text("CollaborationInfo/Action"),
        agreement=text("CollaborationInfo/AgreementRef"),
        properties=_properties(below(header, "{*}MessageProperties")),
        timestamp=text("MessageInfo/Timestamp"),
    )


def _facts(header: etree._Element) -> dict[str, etree._Element]:
    """Grandchildren by their path of local names, of several the first: one look instead of one for each fact."""
    found: dict[str, etree._Element] = {}
    for group in header.iterchildren("*"):
        for fact in group.iterchildren("*"):
            found.setdefault(f"{_local(group)}/{_local(fact)}", fact)
    return found


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _properties(element: etree._Element | None) -> dict[str, str]:
    found = () if element is None else element.iterchildren("{*}Property")
    return {one.get("name") or "": text_of(one) for one in found}


def _media_types(header: etree._Element) -> dict[str, str]:
    """MimeType by href in lower case: Domibus matches parts without regard to case."""
    info = below(header, "{*}PayloadInfo")
    return {
        (part.get("href") or "").strip().lower(): _properties(below(part, "{*}PartProperties")).get("MimeType", "")
        for part in (() if info is None else info.iterchildren("{*}PartInfo"))
    }


def text_of(element: etree._Element | None) -> str:
    """The element's text without white space around it; "" if there is none."""
    return "" if element is None else (element.text or "").strip()
