"""Requests of the WS plugin as bytes. Only the operation's element is qualified, its children are not."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

from lxml import etree

from adapters.access_point.domibus_ws.names import EB, SOAP, WS

if TYPE_CHECKING:
    from adapters.access_point.domibus_ws.settings import Header
    from broker.ports import Part, UserMessage

_PREFIXES = {"s": SOAP, "w": WS, "eb": EB}
_GAP = b"<value/>"  # no text or attribute can hold it once serialised


def submit(message: UserMessage, header: Header) -> bytes:
    """`submitMessage` with inline base64, spliced in so that lxml never holds a payload."""
    request = _node(WS, "submitRequest", *(_payload(part) for part in message.parts))
    pieces = _envelope(request, _messaging(message, header)).split(_GAP)
    encoded = [b"<value>%b</value>" % binascii.b2a_base64(part.data, newline=False) for part in message.parts]
    return b"".join(piece for pair in zip(pieces, [*encoded, b""], strict=True) for piece in pair)


def list_pending() -> bytes:
    """`listPendingMessages` without a filter: two different final recipients occur in practice."""
    return _envelope(_node(WS, "listPendingMessagesRequest"))


def retrieve(message_id: str) -> bytes:
    """`retrieveMessage`, first phase: leaves the message pending."""
    request = _node(WS, "retrieveMessageRequest", _node("", "messageID", text=message_id))
    request.set("markAsDownloaded", "false")
    return _envelope(request)


def mark(message_id: str) -> bytes:
    """`markMessageAsDownloaded`, second phase, after our own commit."""
    return _envelope(_node(WS, "markMessageAsDownloadedRequest", _node("", "messageID", text=message_id)))


def status(message_id: str) -> bytes:
    """`getStatusWithAccessPointRole` of what we sent: in loopback one id exists in both roles."""
    role = _node("", "accessPointRole", text="SENDING")
    return _envelope(_node(WS, "statusRequestWithAccessPointRole", _node("", "messageID", text=message_id), role))


def _node(
    namespace: str, name: str, /, *children: etree._Element, text: str | None = None, **attributes: str
) -> etree._Element:
    """An element with its children; attributes without a value are left out."""
    tag = f"{{{namespace}}}{name}" if namespace else name
    node = etree.Element(tag, {key: value for key, value in attributes.items() if value}, nsmap=_PREFIXES)
    node.text = text
    node.extend(children)
    return node


def _eb(name: str, /, *children: etree._Element, text: str | None = None, **attributes: str) -> etree._Element:
    return _node(EB, name, *children, text=text, **attributes)


def _envelope(body: etree._Element, *headers: etree._Element) -> bytes:
    envelope = _node(SOAP, "Envelope", _node(SOAP, "Header", *headers), _node(SOAP, "Body", body))
    return etree.tostring(envelope, encoding="utf-8", xml_declaration=True)


def _payload(part: Part) -> etree._Element:
    return _node("", "payload", _node("", "value"), payloadId=part.href, contentType=part.media_type)


def _messaging(message: UserMessage, header: Header) -> etree._Element:
    properties = (_eb("Property", text=value, name=name) for name, value in _properties(message, header).items())
    user_message = _eb(
        "UserMessage",
        _info(message),
        _eb(
            "PartyInfo",
            _party("From", message.from_party or header.from_party, header.party_type, header.from_role),
            _party("To", message.to_party or header.to_party, header.party_type, header.to_role),
        ),
        _collaboration(message, header),
        _eb("MessageProperties", *properties),
        _eb("PayloadInfo", *(_part_info(part) for part in message.parts)),
    )
    return _eb("Messaging", user_message)


def _info(message: UserMessage) -> etree._Element:
    info = _eb("MessageInfo", _eb("MessageId", text=message.message_id))
    if message.ref_to_message_id:
        info.append(_eb("RefToMessageId", text=message.ref_to_message_id))
    return info


def _party(side: str, party_id: str, party_type: str, role: str) -> etree._Element:
    return _eb(side, _eb("PartyId", text=party_id, type=party_type), _eb("Role", text=role))


def _collaboration(message: UserMessage, header: Header) -> etree._Element:
    service_type = message.service_type if message.service else header.service_type
    service = _eb("Service", text=message.service or header.service, type=service_type)
    info = _eb("CollaborationInfo", service, _eb("Action", text=message.action or header.action))
    if message.conversation_id:
        info.append(_eb("ConversationId", text=message.conversation_id))
    return info


def _properties(message: UserMessage, header: Header) -> dict[str, str]:
    usual = {"originalSender": header.original_sender, "finalRecipient": header.final_recipient}
    return {name: value for name, value in {**usual, **message.properties}.items() if value}


def _part_info(part: Part) -> etree._Element:
    media_type = _eb("Property", text=part.media_type, name="MimeType")
    return _eb("PartInfo", _eb("PartProperties", media_type), href=part.href)
