"""What a Domibus checks before it accepts a submit. Raises faults in Domibus's own codes and order."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from adapters.mock_eu.answers import WsFault
from adapters.mock_eu.model import Header, Part
from adapters.mock_eu.soap import EB, NotSoap, Payload, Request, header, token

if TYPE_CHECKING:
    from lxml import etree

    from adapters.mock_eu.settings import Nation, Settings

_PRINTABLE: Final = re.compile(r"[\x20-\x7E]*")
_LONGEST: Final = 255
_LONGEST_VALUE: Final = 1024  # of a property, message's or part's, counted as Java does
_MOST_PARTS: Final = 28
_PAYLOADS: Final = "WS_PLUGIN_0005"  # the enumeration's name: only payload faults come with an underscore
_DEFAULT_MEDIA_TYPE: Final = "text/xml"


def accept(request: Request, nation: Nation, settings: Settings, new_id: str) -> tuple[Header, tuple[Part, ...]]:
    """Header and parts of a submit that passes. Raises: WsFault."""
    messaging = request.header_element
    user_message = None if messaging is None else messaging.find(f"{EB}UserMessage")
    if user_message is None:
        raise WsFault("WS_PLUGIN:0007", "UserMessage header is required")
    head = header(user_message)
    _check_id(head.message_id)
    _check_required(head)
    _check_lengths(head, user_message)
    _check_process(head, nation, settings)
    _check_properties(head)
    parts = _parts(user_message, request)
    _check_profile(parts, settings.style.payload_profile)
    return (head if head.message_id else replace(head, message_id=new_id)), parts


def _check_id(message_id: str) -> None:
    if len(message_id) > _LONGEST:
        raise WsFault("EBMS:0003", "Value of MessageInfo/MessageId is too long (over 255 characters)")
    if not _PRINTABLE.fullmatch(message_id):
        raise WsFault("EBMS:0009", "Value of MessageInfo/MessageId does not conform to the required MessageIdPattern")


def _check_required(head: Header) -> None:
    required = {"PartyInfo/From": head.from_party, "Service": head.service, "Action": head.action}
    for name, value in required.items():
        if not value:
            raise WsFault("EBMS:0009", f"Mandatory field {name} is not provided")


def _check_lengths(head: Header, user_message: etree._Element) -> None:
    """Domibus's core looks at these before any PMode, whatever the plugin's schema validation."""
    for item in head.properties:
        if _length(item.value) > _LONGEST_VALUE:
            text = f"{item.name} property has a value which exceeds {_LONGEST_VALUE} characters size."
            raise WsFault("EBMS:0003", text)
    parts = user_message.iterfind(f"{EB}PayloadInfo/{EB}PartInfo/{EB}PartProperties/{EB}Property")
    if any(_length((item.text or "").strip()) > _LONGEST_VALUE for item in parts):
        raise WsFault("EBMS:0003", f"PartProperty is too long (over {_LONGEST_VALUE} characters).")


def _length(text: str) -> int:
    """In UTF-16 units, as Java counts."""
    return len(text.encode("utf-16-le")) // 2


def _check_process(head: Header, nation: Nation, settings: Settings) -> None:
    pmode = settings.pmode
    if head.from_party != nation.party_id:
        raise WsFault("EBMS:0010", f"Initiator party [{head.from_party}] is not this access point's")
    if head.from_role == head.to_role:
        raise WsFault("EBMS:0010", "The initiator and the responder have the same role")
    if head.to_party and head.to_party != settings.central_party_id:
        raise WsFault("EBMS:0003", f"No responder party [{head.to_party}] in the process")
    wanted = (pmode.service, pmode.service_type, pmode.action, pmode.initiator)
    if (head.service, head.service_type, head.action, head.from_role) != wanted:
        raise WsFault("EBMS:0010", "No matching process: service, action or role is unknown")


def _check_properties(head: Header) -> None:
    missing = [name for name in ("originalSender", "finalRecipient") if not head.value(name)]
    if missing:
        raise WsFault("EBMS:0010", f"Required properties are missing: {', '.join(missing)}")


def _check_profile(parts: tuple[Part, ...], listed: tuple[str, ...]) -> None:
    """As Domibus's PayloadProfileValidator: what a profile does not list is refused; without one everything passes."""
    refused = [part.href for part in parts if part.href.lower() not in {cid.lower() for cid in listed}]
    if listed and refused:
        raise WsFault(
            "EBMS:0010", f"Payload profiling for this exchange does not include a payload with CID: {refused[0]}"
        )


def _parts(user_message: etree._Element, request: Request) -> tuple[Part, ...]:
    try:
        payloads = request.payloads()
    except NotSoap as error:
        raise WsFault(_PAYLOADS, str(error)) from error
    if len(payloads) > _MOST_PARTS:
        raise WsFault(_PAYLOADS, f"More than {_MOST_PARTS} payloads")
    infos = {
        token(info.get("href")).lower(): _media_type(info)
        for info in user_message.iterfind(f"{EB}PayloadInfo/{EB}PartInfo")
    }
    parts = tuple(_part(payload, infos) for payload in payloads)
    left = set(infos) - {part.href.lower() for part in parts}
    if left:
        raise WsFault(_PAYLOADS, f"No payload for part {', '.join(sorted(left))}")
    return parts


def _part(payload: Payload, infos: dict[str, str]) -> Part:
    if payload.is_bodyload:
        if payload.payload_id:
            raise WsFault(_PAYLOADS, "payloadId is not allowed on bodyload")
        return Part("", infos.get("") or payload.content_type or _DEFAULT_MEDIA_TYPE, payload.data)
    if not payload.payload_id:
        raise WsFault(_PAYLOADS, "payloadId is required on payload")
    if payload.payload_id.lower() not in infos:
        raise WsFault(_PAYLOADS, f"No PartInfo for payload {payload.payload_id}")
    media_type = infos[payload.payload_id.lower()] or payload.content_type or _DEFAULT_MEDIA_TYPE
    return Part(payload.payload_id, media_type, payload.data)


def _media_type(info: etree._Element) -> str:
    """The MimeType of a PartInfo, "" if none. Raises: WsFault."""
    properties = info.find(f"{EB}PartProperties")
    if properties is None:
        return ""
    found = {item.get("name"): (item.text or "").strip() for item in properties.iterfind(f"{EB}Property")}
    if not found:
        raise WsFault(_PAYLOADS, "PartProperties is empty")
    if "CompressionType" in found:
        raise WsFault(_PAYLOADS, "CompressionType is not the producer's to set")
    return found.get("MimeType", "")
