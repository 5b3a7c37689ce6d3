"""The signed AS4 receipt of a message, as `/ext/messages/usermessages/{id}/signalEnvelope` gives it.

An ebMS3 signal message with non-repudiation information: the digests of the parts that arrived, signed over body and
header by WS-Security 1.1 with RSA-SHA256 and exclusive canonicalisation (eDelivery AS4 1.15). The signature is the
central access point's.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Final

from lxml import etree

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
_ID: Final = f"{{{_URIS['wsu']}}}Id"


def receipt(held: Held, signal_id: str, at: str, seal: Seal) -> bytes:
    """The envelope of the receipt for a message that arrived."""
    head = _new("eb3", "Messaging", _signal(held, signal_id, at), attributes={_ID: "messaging"})
    body = _new("S12", "Body", attributes={_ID: "body"})
    token = _new(
        "wsse",
        "BinarySecurityToken",
        text=base64.b64encode(seal.certificate).decode(),
        attributes={_ID: "certificate", "EncodingType": _BASE64, "ValueType": _X509},
    )
    security = _new("wsse", "Security", token)
    envelope = _new("S12", "Envelope", _new("S12", "Header", head, security), body)
    security.append(_signature((head, body), seal))
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def spoilt(data: bytes) -> bytes:
    """The same receipt with one digit of its signature changed."""
    mark = b"SignatureValue>"
    at = data.index(mark) + len(mark)
    return data[:at] + (b"B" if data[at : at + 1] == b"A" else b"A") + data[at + 1 :]


def _signal(held: Held, signal_id: str, at: str) -> etree._Element:
    facts = {"Timestamp": at, "MessageId": signal_id, "RefToMessageId": held.header.message_id}
    info = _new("eb3", "MessageInfo", *(_new("eb3", name, text=value) for name, value in facts.items()))
    parts = (
        _new("ebbp", "MessagePartNRInformation", _digest(part.href or "#body", part.data, _ATTACHMENT))
        for part in held.parts
    )
    evidence = _new("eb3", "Receipt", _new("ebbp", "NonRepudiationInformation", *parts))
    return _new("eb3", "SignalMessage", info, evidence)


def _digest(uri: str, data: bytes, *transforms: str) -> etree._Element:
    value = base64.b64encode(hashlib.sha256(data).digest()).decode()
    steps = [_algorithm("Transform", name) for name in transforms]
    chain = [_new("ds", "Transforms", *steps)] if steps else []
    digest = (_algorithm("DigestMethod", _SHA256), _new("ds", "DigestValue", text=value))
    return _new("ds", "Reference", *chain, *digest, attributes={"URI": uri})


def _signature(signed: tuple[etree._Element, ...], seal: Seal) -> etree._Element:
    references = (_digest(f"#{element.get(_ID)}", _canonical(element), _C14N) for element in signed)
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
