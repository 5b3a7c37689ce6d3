"""Requests of the WS plugin as bytes. Only the operation's element is qualified, its children are not."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapters.access_point.domibus_ws.elements import element
from adapters.access_point.domibus_ws.names import EB, SENDING, SOAP, WS, XOP
from adapters.access_point.domibus_ws.outgoing import Encoded, Outgoing

if TYPE_CHECKING:
    from adapters.access_point.domibus_ws.settings import Header
    from broker.payloads import Payload
    from broker.ports import Part, UserMessage

SOAP_TYPE: Final = "application/soap+xml"
_HEAD: Final = (
    f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{SOAP}" xmlns:w="{WS}" xmlns:eb="{EB}"><s:Header>'
)
_GAP: Final = "<value/>"  # no text or attribute can hold it once escaped


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to. Empty fields do not filter; times are ISO 8601."""

    message_id: str = ""
    conversation_id: str = ""
    ref_to_message_id: str = ""
    from_party: str = ""
    final_recipient: str = ""
    original_sender: str = ""
    received_from: str = ""
    received_to: str = ""


EVERYTHING: Final = Wanted()


def submit(message: UserMessage, header: Header, *, mtom: bool = False) -> Outgoing:
    """`submitMessage`, inline or as MTOM; payloads are spliced in so that lxml never holds one."""
    payloads = [_payload(part, number if mtom else None) for number, part in enumerate(message.parts)]
    envelope = _envelope(element("w:submitRequest", *payloads), _messaging(message, header))
    return _as_mtom(envelope, message.parts) if mtom else _inline(envelope, message.parts)


def _inline(envelope: bytes, parts: tuple[Part, ...]) -> Outgoing:
    pieces: list[bytes | Payload | Encoded] = []
    for text, part in zip(envelope.split(_GAP.encode()), (*parts, None), strict=True):
        pieces.append(text)
        if part is not None:
            pieces += [b"<value>", Encoded(part.payload), b"</value>"]
    return Outgoing.of(*pieces)


def _as_mtom(envelope: bytes, parts: tuple[Part, ...]) -> Outgoing:
    boundary = f"hdeu-{secrets.token_hex(16)}"
    root = f'Content-Type: application/xop+xml; charset=UTF-8; type="{SOAP_TYPE}"\r\nContent-ID: <root@hdeu>'
    pieces: list[bytes | Payload] = [_section(boundary, root), envelope]
    for number, part in enumerate(parts):
        head = f"Content-Type: {_media_type(part)}\r\nContent-ID: <{number}@hdeu>"
        pieces += [_section(boundary, head), part.payload]
    pieces.append(f"\r\n--{boundary}--\r\n".encode())
    content_type = (
        f'multipart/related; type="application/xop+xml"; start="<root@hdeu>"; start-info="{SOAP_TYPE}";'
        f' boundary="{boundary}"'
    )
    return Outgoing.of(*pieces, content_type=content_type)


def _section(boundary: str, headers: str) -> bytes:
    return f"\r\n--{boundary}\r\n{headers}\r\nContent-Transfer-Encoding: binary\r\n\r\n".encode()


def _media_type(part: Part) -> str:
    """A media type that can end no line."""
    return " ".join(part.media_type.split()) or "application/octet-stream"


def list_pending(wanted: Wanted = EVERYTHING) -> bytes:
    """`listPendingMessages`; we ask without a filter, as two different final recipients occur in practice."""
    return _envelope(element("w:listPendingMessagesRequest", *_filters(wanted)))


def list_push_failed(wanted: Wanted = EVERYTHING) -> bytes:
    """`listPushFailedMessages`: notifications whose retry budget is used up. It knows five of the filters."""
    only = Wanted(
        message_id=wanted.message_id,
        final_recipient=wanted.final_recipient,
        original_sender=wanted.original_sender,
        received_from=wanted.received_from,
        received_to=wanted.received_to,
    )
    return _envelope(element("w:listPushFailedMessagesRequest", *_filters(only)))


def push_again(message_ids: tuple[str, ...]) -> bytes:
    """`rePushFailedMessages`: at most 100 ids, and only such as are in the list of failed ones."""
    return _envelope(element("w:rePushFailedMessagesRequest", *(_id(message_id) for message_id in message_ids)))


def retrieve(message_id: str) -> bytes:
    """`retrieveMessage`, first phase: leaves the message pending."""
    return _envelope(element("w:retrieveMessageRequest", _id(message_id), markAsDownloaded="false"))


def mark(message_id: str) -> bytes:
    """`markMessageAsDownloaded`, second phase, after our own commit."""
    return _envelope(element("w:markMessageAsDownloadedRequest", _id(message_id)))


def status(message_id: str, role: str = SENDING) -> bytes:
    """The status in a role: in loopback one id exists in both. "" asks without a role (5.0)."""
    return _about(message_id, role, "statusRequest")


def errors(message_id: str, role: str = SENDING) -> bytes:
    """What went wrong with a message. "" asks without a role (5.0)."""
    return _about(message_id, role, "getErrorsRequest")


def _about(message_id: str, role: str, name: str) -> bytes:
    if not role:
        return _envelope(element(f"w:{name}", _id(message_id)))
    asked = _id(message_id), element("accessPointRole", text=role)
    return _envelope(element(f"w:{name}WithAccessPointRole", *asked))


def _id(message_id: str) -> str:
    return element("messageID", text=message_id)


def _filters(wanted: Wanted) -> list[str]:
    """In the order of the schema; the first is spelled `messageId`, unlike everywhere else."""
    named = {
        "messageId": wanted.message_id,
        "conversationId": wanted.conversation_id,
        "refToMessageId": wanted.ref_to_message_id,
        "fromPartyId": wanted.from_party,
        "finalRecipient": wanted.final_recipient,
        "originalSender": wanted.original_sender,
        "receivedFrom": wanted.received_from,
        "receivedTo": wanted.received_to,
    }
    return [element(name, text=value) for name, value in named.items() if value]


def _envelope(body: str, header: str = "") -> bytes:
    return f"{_HEAD}{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>".encode()


def _payload(part: Part, number: int | None) -> str:
    """With a gap for its base64, or with a reference to its MIME part."""
    value = _GAP if number is None else f'<value><xop:Include xmlns:xop="{XOP}" href="cid:{number}@hdeu"/></value>'
    return element("payload", value, payloadId=part.href, contentType=part.media_type)


def _messaging(message: UserMessage, header: Header) -> str:
    properties = (element("eb:Property", text=value, name=name) for name, value in _properties(message, header).items())
    user_message = element(
        "eb:UserMessage",
        _info(message),
        element(
            "eb:PartyInfo",
            _party("From", message.from_party or header.from_party, header.party_type, header.from_role),
            _party("To", message.to_party or header.to_party, header.party_type, header.to_role),
        ),
        _collaboration(message, header),
        element("eb:MessageProperties", *properties),
        element("eb:PayloadInfo", *(_part_info(part) for part in message.parts)),
    )
    return element("eb:Messaging", user_message)


def _info(message: UserMessage) -> str:
    ref = message.ref_to_message_id
    refers = (element("eb:RefToMessageId", text=ref),) if ref else ()
    return element("eb:MessageInfo", element("eb:MessageId", text=message.message_id), *refers)


def _party(side: str, party_id: str, party_type: str, role: str) -> str:
    return element(f"eb:{side}", element("eb:PartyId", text=party_id, type=party_type), element("eb:Role", text=role))


def _collaboration(message: UserMessage, header: Header) -> str:
    service_type = message.service_type if message.service else header.service_type
    conversation = message.conversation_id
    return element(
        "eb:CollaborationInfo",
        element("eb:Service", text=message.service or header.service, type=service_type),
        element("eb:Action", text=message.action or header.action),
        *((element("eb:ConversationId", text=conversation),) if conversation else ()),
    )


def _properties(message: UserMessage, header: Header) -> dict[str, str]:
    usual = {"originalSender": header.original_sender, "finalRecipient": header.final_recipient}
    return {name: value for name, value in {**usual, **message.properties}.items() if value}


def _part_info(part: Part) -> str:
    media_type = element("eb:Property", text=part.media_type, name="MimeType")
    return element("eb:PartInfo", element("eb:PartProperties", media_type), href=part.href)
