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
_GROUPS: Final = frozenset({"MessageInfo", "PartyInfo", "CollaborationInfo"})  #: of a header's facts
_INCLUDE: Final = f"{{{XOP}}}Include"
_DEFAULT_MEDIA_TYPE: Final = "text/xml"  # Domibus's own, where neither header nor part names one
_Named = dict[str, "etree._Element"]  # noqa: SLF001 -- the name that the stubs give it


@dataclass(frozen=True, slots=True)
class Fault:
    """A SOAP fault. `code` is normalised to `EBMS:0004`, `WS_PLUGIN:0009`; empty where no detail came."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One envelope: either a fault or a body. `head` is its header, `inside` are the elements of its body."""

    document: Document
    limits: Limits
    head: etree._Element | None
    inside: tuple[etree._Element, ...]

    @property
    def fault(self) -> Fault | None:
        """The fault that it carries."""
        return next((_fault(one) for one in self.inside if one.tag == _FAULT), None)

    def operation(self, name: str) -> etree._Element:
        """The body's element. Raises: Unreadable, if it is another."""
        found = self.only_operation()
        if found.tag != f"{{{WS}}}{name}":
            raise Unreadable("soap-other-operation", f"the body holds no {name}", _IN_BODY)
        return found

    def only_operation(self) -> etree._Element:
        """The one element of the body. Raises: Unreadable, if there is none or a second."""
        if not self.inside:
            raise Unreadable("soap-no-operation", "the body holds no operation", _IN_BODY)
        if len(self.inside) > 1:
            raise Unreadable("soap-two-operations", "the body holds more than one operation", _IN_BODY)
        return self.inside[0]

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
        header = below(self.head, f"{{{namespace}}}Messaging", "{*}UserMessage")
        if header is None:
            raise Unreadable(
                "soap-header-missing", "there is no UserMessage in the header", "Envelope/Header/Messaging"
            )
        groups, facts = _taken_apart(header)
        return _user_message(groups, facts, self._parts(groups.get("PayloadInfo"), operation))

    def _parts(self, info: etree._Element | None, operation: etree._Element) -> tuple[Part, ...]:
        media_types = _media_types(info)
        named = [(_local(element), element) for element in operation.iterchildren("*")]
        found = [element for wanted in ("bodyload", "payload") for name, element in named if name == wanted]
        parts = tuple([self._part(element, media_types) for element in found])
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
        include = below(value, _INCLUDE) if len(value) else None
        return self.document.base64(value) if include is None else self.document.part(include.get("href") or "")


def read(content_type: str, body: bytes, limits: Limits) -> Answer:
    """Read one HTTP body as a SOAP 1.2 envelope, inline or MTOM. Raises: Unreadable."""
    return answer_of(whole(content_type, body, limits), limits)


def answer_of(document: Document, limits: Limits) -> Answer:
    """What a document says. Raises: Unreadable, if it is no SOAP 1.2 envelope."""
    if document.root.tag != f"{{{SOAP}}}Envelope":
        raise _no_envelope(document.root)
    first: _Named = {}
    for child in document.root.iterchildren(HEADER, BODY):
        first.setdefault(child.tag, child)
    body = first.get(BODY)
    return Answer(document, limits, first.get(HEADER), () if body is None else tuple(body.iterchildren("*")))


def _no_envelope(root: etree._Element) -> Unreadable:
    if _local(root) == "Envelope":
        return Unreadable("soap-version", "the envelope is of another version than SOAP 1.2", "Envelope")
    return Unreadable("soap-other-root", "this is XML, and no SOAP envelope", "line 1")


def _check_complete(announced: Mapping[str, str], parts: tuple[Part, ...]) -> None:
    """Hold the header's list of parts against those that came. Raises: Unreadable.

    A `bodyload` has no name in the body, and may have one in the header.
    """
    if not announced:
        return
    came = [part.href.lower() for part in parts]
    missing = [place for place, href in enumerate(announced, start=1) if href and href not in came]
    if len(missing) > came.count(""):
        detail = f"the header announces {len(announced)} parts, and {len(missing)} of them did not come"
        raise Unreadable("payload-missing", detail, f"Envelope/Header//PartInfo[{missing[-1]}]")


def below(element: etree._Element | None, *tags: str) -> etree._Element | None:
    """The first child with the first tag, of it the first with the second, and so on."""
    for tag in tags:
        if element is None:
            return None
        element = next(element.iterchildren(tag), None)
    return element


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


def _user_message(groups: _Named, facts: _Named, parts: tuple[Part, ...]) -> UserMessage:
    fact = facts.get
    service, sender, receiver = fact("CollaborationInfo/Service"), fact("PartyInfo/From"), fact("PartyInfo/To")
    return UserMessage(
        message_id=text_of(fact("MessageInfo/MessageId")),
        parts=parts,
        conversation_id=text_of(fact("CollaborationInfo/ConversationId")),
        ref_to_message_id=text_of(fact("MessageInfo/RefToMessageId")),
        from_party=text_of(below(sender, "{*}PartyId")),
        from_role=text_of(below(sender, "{*}Role")),
        to_party=text_of(below(receiver, "{*}PartyId")),
        to_role=text_of(below(receiver, "{*}Role")),
        service=text_of(service),
        service_type="" if service is None else service.get("type") or "",
        action=text_of(fact("CollaborationInfo/Action")),
        agreement=text_of(fact("CollaborationInfo/AgreementRef")),
        properties=_properties(groups.get("MessageProperties")),
        timestamp=text_of(fact("MessageInfo/Timestamp")),
    )


def _taken_apart(header: etree._Element) -> tuple[_Named, _Named]:
    """Groups by local name, and facts in them by path, of several the first: one look instead of one for each."""
    groups: _Named = {}
    facts: _Named = {}
    for group in header.iterchildren("*"):
        name = _local(group)
        groups.setdefault(name, group)
        if name in _GROUPS:
            for fact in group.iterchildren("*"):
                facts.setdefault(f"{name}/{_local(fact)}", fact)
    return groups, facts


def _local(element: etree._Element) -> str:
    tag: str = element.tag  # of an element always a text
    return tag[tag.find("}") + 1 :]


def _properties(element: etree._Element | None) -> dict[str, str]:
    found = () if element is None else element.iterchildren("{*}Property")
    return {one.get("name") or "": text_of(one) for one in found}


def _media_types(info: etree._Element | None) -> dict[str, str]:
    """MimeType by href in lower case: Domibus matches parts without regard to case."""
    return {
        (part.get("href") or "").strip().lower(): _properties(below(part, "{*}PartProperties")).get("MimeType", "")
        for part in (() if info is None else info.iterchildren("{*}PartInfo"))
    }


def text_of(element: etree._Element | None) -> str:
    """The element's text without white space around it; "" if there is none."""
    return "" if element is None else (element.text or "").strip()
