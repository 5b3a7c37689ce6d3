"""What a Domibus says to a back end: SOAP 1.2 in the namespace `eu.domibus`, every child unqualified."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from adapters.mock_eu.answers import Reply, include, messaging, related
from adapters.mock_eu.soap import S

if TYPE_CHECKING:
    from adapters.mock_eu.model import Held, Part

CONTENT_TYPE: Final = "application/soap+xml; charset=UTF-8"
#: Type of a rule → operation of the BackendService.
OPERATIONS: Final = {
    "RECEIVE_SUCCESS": "receiveSuccess",
    "RECEIVE_FAIL": "receiveFailure",
    "SEND_SUCCESS": "sendSuccess",
    "SEND_FAILURE": "sendFailure",
    "MESSAGE_STATUS_CHANGE": "messageStatusChange",
    "SUBMIT_MESSAGE": "submitRequest",
    "DELETED": "delete",
    "DELETED_BATCH": "deleteBatch",
}


def notification(type_: str, message_id: str, detail: str = "") -> bytes:
    """One that carries an id. `detail`: the status of a MESSAGE_STATUS_CHANGE, the ids of a DELETED_BATCH."""
    inner = f"<messageID>{escape(message_id)}</messageID>"
    if type_ == "DELETED_BATCH":
        inner = "".join(f"<messageIds>{escape(each)}</messageIds>" for each in detail.split())
    if type_ == "MESSAGE_STATUS_CHANGE":
        inner += f"<messageStatus>{escape(detail)}</messageStatus>"
    return _envelope("", OPERATIONS[type_], inner)


def whole(held: Held, *, mtom: bool, bare: bool = False) -> Reply:
    """SUBMIT_MESSAGE: the message itself, inline or with its payloads as MIME parts (`bare` as in `related`)."""
    head = messaging("", held.header, held.parts, root='n:Messaging xmlns:n="eu.domibus"')
    values = [include(place) if mtom else base64.b64encode(part.data).decode() for place, part in enumerate(held.parts)]
    inner = "".join(_payload(part, value) for part, value in zip(held.parts, values, strict=True))
    body = _envelope(head, OPERATIONS["SUBMIT_MESSAGE"], inner)
    return related(body, held.parts, number=1, bare=bare) if mtom else Reply(200, CONTENT_TYPE, body)


def refusal(status: int, body: bytes) -> str:
    """Why an answer counts as failure, "" where it is a success: every status but 2xx, and every SOAP fault."""
    if not 200 <= status < 300:  # noqa: PLR2004 -- HTTP's classes
        return f"HTTP {status}"
    if not body.strip():
        return ""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except etree.XMLSyntaxError:
        return "the answer is not XML"
    return "a SOAP fault" if root.find(f"{S}Body/{S}Fault") is not None else ""


def _envelope(head: str, name: str, inner: str) -> bytes:
    header = f"<soap:Header>{head}</soap:Header>" if head else ""
    body = f'<ns2:{name} xmlns:ns2="eu.domibus">{inner}</ns2:{name}>'
    soap = 'xmlns:soap="http://www.w3.org/2003/05/soap-envelope"'
    return f"<soap:Envelope {soap}>{header}<soap:Body>{body}</soap:Body></soap:Envelope>".encode()


def _payload(part: Part, value: str) -> str:
    kind = quoteattr(part.media_type)
    if not part.href:
        return f"<bodyload mimeType={kind}><value>{value}</value></bodyload>"
    return (
        f"<payload payloadId={quoteattr(part.href)} mimeType={kind} contentType={kind}><value>{value}</value></payload>"
    )
