"""The signed envelopes of one AS4 exchange, as `envelope` and `signalEnvelope` under `/ext/messages/usermessages/{id}`.

The user message as it went out, and the receipt: an ebMS3 signal message with non-repudiation information, which
repeats every digest that the user message's signature names. WS-Security 1.1 with RSA-SHA256 and exclusive
canonicalisation (eDelivery AS4 1.15). Both signatures are the mock's own.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Final

from lxml import etree

from adapters.mock_eu.answers import messaging

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.mock_eu.keys import Seal
    from adapters.mock_eu.model import Held

_URIS: Final = {
    "S12": "http://www.w3.org/2003/05/soap-envelope",
    "eb3": "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/",
    "ebbp": "http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "wsse": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
    "wsu": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
}
_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
_SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
_RSA: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_ATTACHMENT: Final = "http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Content-Signature-Transform"
_X509: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
_BASE64: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
_MESSAGING: Final = f'eb:Messaging xmlns:eb="{_URIS["eb3"]}"'
_ID: Final = f"{{{_URIS['wsu']}}}Id"


def sent(held: Held, seal: Seal) -> bytes:
    """The envelope in which a message went out; its parts travelled beside it."""
    head, body = _sent(held)
    return _sealed(head, body, _references(held, head, body), seal)


def receipt(held: Held, signal_id: str, at: str, seal: Seal) -> bytes:
    """The envelope of the receipt for a message that arrived."""
    head = _new("eb3", "Messaging", _signal(held, signal_id, at), attributes={_ID: "messaging"})
    body = _new("S12", "Body", attributes={_ID: "body"})
    return _sealed(head, body, _whole(head, body), seal)


def _sealed(head: etree._Element, body: etree._Element, references: list[etree._Element], seal: Seal) -> bytes:
    token = _new(
        "wsse",
        "BinarySecurityToken",
        text=base64.b64encode(seal.certificate).decode(),
        attributes={_ID: "certificate", "EncodingType": _BASE64, "ValueType": _X509},
    )
    security = _new("wsse", "Security", token)
    envelope = _new("S12", "Envelope", _new("S12", "Header", head, security), body)
    security.append(_signature(references, seal))
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def spoilt(data: bytes) -> bytes:
    """The same receipt with one digit of its signature changed."""
    mark = b"SignatureValue>"
    at = data.index(mark) + len(mark)
    return data[:at] + (b"B" if data[at : at + 1] == b"A" else b"A") + data[at + 1 :]


def _signal(held: Held, signal_id: str, at: str) -> etree._Element:
    facts = {"Timestamp": at, "MessageId": signal_id, "RefToMessageId": held.header.message_id}
    info = _new("eb3", "MessageInfo", *(_new("eb3", name, text=value) for name, value in facts.items()))
    parts = (_new("ebbp", "MessagePartNRInformation", one) for one in _references(held, *_sent(held)))
    evidence = _new("eb3", "Receipt", _new("ebbp", "NonRepudiationInformation", *parts))
    return _new("eb3", "SignalMessage", info, evidence)


def _sent(held: Held) -> tuple[etree._Element, etree._Element]:
    """Header and body of the user message."""
    head = etree.fromstring(messaging("eb", held.header, held.parts, root=_MESSAGING))
    head.set(_ID, "sent-messaging")
    return head, _new("S12", "Body", attributes={_ID: "sent-body"})


def _references(held: Held, head: etree._Element, body: etree._Element) -> list[etree._Element]:
    """What a user message's signature covers: header, body, and every part."""
    return [*_whole(head, body), *(_digest(part.href or "#load", part.data, _ATTACHMENT) for part in held.parts)]


def _whole(*elements: etree._Element) -> list[etree._Element]:
    return [_digest(f"#{element.get(_ID)}", _canonical(element), _C14N) for element in elements]


def _digest(uri: str, data: bytes, *transforms: str) -> etree._Element:
    value = base64.b64encode(hashlib.sha256(data).digest()).decode()
    steps = [_algorithm("Transform", name) for name in transforms]
    chain = [_new("ds", "Transforms", *steps)] if steps else []
    digest = (_algorithm("DigestMethod", _SHA256), _new("ds", "DigestValue", text=value))
    return _new("ds", "Reference", *chain, *digest, attributes={"URI": uri})


def _signature(references: list[etree._Element], seal: Seal) -> etree._Element:
    methods = (_algorithm("CanonicalizationMethod", _C14N), _algorithm("SignatureMethod", _RSA))
    info = _new("ds", "SignedInfo", *methods, *references)
    value = base64.b64encode(seal.sign(_canonical(info))).decode()
    key = _new("wsse", "Reference", attributes={"URI": "#certificate", "ValueType": _X509})
    place = _new("ds", "KeyInfo", _new("wsse", "SecurityTokenReference", key))
    return _new("ds", "Signature", info, _new("ds", "SignatureValue", text=value), place)


def _new(
    prefix: str, name: str, *children: etree._Element, text: str = "", attributes: Mapping[str, str] | None = None
) -> etree._Element:
    element = etree.Element(f"{{{_URIS[prefix]}}}{name}", dict(attributes or {}), nsmap=_URIS)
    element.text = text or None
    element.extend(children)
    return element


def _algorithm(name: str, uri: str) -> etree._Element:
    return _new("ds", name, attributes={"Algorithm": uri})


def _canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True)
