"""Signed AS4 receipts (ebMS3 non-repudiation of receipt): read, and proven by a pinned certificate.

Narrow on purpose: eDelivery AS4 1.15 section 4 alone (exclusive canonicalisation, RSA with SHA-256, SHA-256 digests),
one signature in its place, each id once, and nothing is read but the element that the signature covers. Which
certificate counts is the operator's word; the one inside the receipt must be the same and is trusted for nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from broker.errors import Problem, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

_NS: Final = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "eb": "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "nr": "http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0",
    "wsse": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
    "ec": "http://www.w3.org/2001/10/xml-exc-c14n#",
}
_WSU_ID: Final = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}Id"
_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
_RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
_LARGEST: Final = 1_000_000  #: bytes; a receipt names digests and carries no payload
_SIGNATURES: Final = "s:Header/wsse:Security/ds:Signature"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A proven receipt: which message it acknowledges, and the digests of that message's parts by reference URI."""

    message_id: str
    ref_to_message_id: str
    timestamp: str
    digests: Mapping[str, str]

    def compared_with(self, message: bytes | None) -> bool:
        """Whether the digests could be held against the sent message's own; they agree then.

        Args:
            message: its SOAP envelope, None where the access point does not give it out.

        Raises:
            Refused: `receipt-other-content`, if they do not agree.
        """
        if message is None or not _is_signed(message):
            return False
        if not self.acknowledges(message):
            raise _refusal("receipt-other-content", "the receipt names other digests than the message that was sent")
        return True

    def acknowledges(self, message: bytes) -> bool:
        """Whether these digests are exactly those that the sent message's own signature names.

        Args:
            message: the SOAP envelope of the user message as it was sent.

        Raises:
            Refused: it is no envelope with one signature.
        """
        return bool(self.digests) and self.digests == _digests(_one(_parse(message), f"{_SIGNATURES}/ds:SignedInfo"))


def prove(envelope: bytes, certificate: bytes, message_id: str) -> Receipt:
    """The receipt in a signal envelope, if `certificate` (PEM) signed it and it answers `message_id`.

    Raises:
        Refused: `receipt-unreadable`, `receipt-signer`, `receipt-signature` or `receipt-other-message`.
    """
    signer = _certificate(certificate)
    root = _parse(envelope)
    signature = _one(root, _SIGNATURES)
    _check_signer(root, signature, signer)
    _check_signature(signature, signer)
    messaging = _covered(root, signature)
    signal = _one(messaging, "eb:SignalMessage")
    found = Receipt(
        _text(signal, "eb:MessageInfo/eb:MessageId"),
        _text(signal, "eb:MessageInfo/eb:RefToMessageId"),
        _text(signal, "eb:MessageInfo/eb:Timestamp"),
        _digests(_one(signal, "eb:Receipt/nr:NonRepudiationInformation")),
    )
    if found.ref_to_message_id != message_id:
        raise _refusal("receipt-other-message", "the receipt acknowledges another message")
    return found


def _is_signed(envelope: bytes) -> bool:
    """Whether an envelope carries one signature: what it says can be compared with nothing else."""
    try:
        _one(_parse(envelope), f"{_SIGNATURES}/ds:SignedInfo")
    except Refused:
        return False
    return True


def _check_signer(root: etree._Element, signature: etree._Element, signer: x509.Certificate) -> None:
    """A token in the receipt must be the pinned certificate; a receipt without one is judged by its signature."""
    named = signature.find("ds:KeyInfo//wsse:Reference", _NS)
    if named is None:
        return
    token = _by_id(root, named.get("URI") or "")
    if _base64(token) != signer.public_bytes(serialization.Encoding.DER):
        raise _refusal("receipt-signer", "the receipt names another certificate than the pinned one")


def _check_signature(signature: etree._Element, signer: x509.Certificate) -> None:
    info = _one(signature, "ds:SignedInfo")
    method = _one(info, "ds:CanonicalizationMethod")
    if method.get("Algorithm") != _C14N or _one(info, "ds:SignatureMethod").get("Algorithm") != _RSA_SHA256:
        raise _refusal("receipt-signature", "the receipt is signed by an algorithm outside eDelivery AS4 1.15")
    key = signer.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise _refusal("receipt-signer", "the pinned certificate has no RSA key")
    value = _base64(_one(signature, "ds:SignatureValue"))
    try:
        key.verify(value, _canonical(info, method), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as error:
        raise _refusal("receipt-signature", "the signature is not the pinned certificate's") from error


def _covered(root: etree._Element, signature: etree._Element) -> etree._Element:
    """The Messaging header, after every reference of the signature was found to hold."""
    messaging = _one(root, "s:Header/eb:Messaging")
    allowed = (messaging, _one(root, "s:Body"))
    signed = []
    for reference in signature.findall("ds:SignedInfo/ds:Reference", _NS):
        target = _by_id(root, reference.get("URI") or "")
        if not any(target is one for one in allowed):
            raise _refusal("receipt-signature", "the signature covers something else than header and body")
        _check_digest(reference, target)
        signed.append(target)
    if not any(target is messaging for target in signed):
        raise _refusal("receipt-signature", "the signature does not cover the header")
    return messaging


def _check_digest(reference: etree._Element, target: etree._Element) -> None:
    transform = _one(reference, "ds:Transforms/ds:Transform")
    if transform.get("Algorithm") != _C14N or _one(reference, "ds:DigestMethod").get("Algorithm") != _SHA256:
        raise _refusal("receipt-signature", "a digest is made by an algorithm outside eDelivery AS4 1.15")
    if hashlib.sha256(_canonical(target, transform)).digest() != _base64(_one(reference, "ds:DigestValue")):
        raise _refusal("receipt-signature", "the receipt was changed after it was signed")


def _canonical(element: etree._Element, method: etree._Element) -> bytes:
    """Exclusive canonical form, with the namespaces in scope at the element for `PrefixList`."""
    listed = method.find("ec:InclusiveNamespaces", _NS)
    prefixes = [] if listed is None else (listed.get("PrefixList") or "").split()
    in_scope: Any = element.nsmap
    alone = etree.Element(element.tag, {str(name): str(value) for name, value in element.items()}, nsmap=in_scope)
    alone.text = element.text
    alone.extend(deepcopy(child) for child in element)
    try:
        return etree.tostring(alone, method="c14n", exclusive=True, inclusive_ns_prefixes=prefixes, with_comments=False)
    except etree.C14NError as error:
        raise _refusal("receipt-unreadable", "a part of the envelope has no canonical form") from error


def _digests(parent: etree._Element) -> dict[str, str]:
    references = parent.iter(f"{{{_NS['ds']}}}Reference")
    return {reference.get("URI") or "": _text(reference, "ds:DigestValue") for reference in references}


def _by_id(root: etree._Element, uri: str) -> etree._Element:
    """The one element of an id: two of them would let the signature cover one and the reader see the other."""
    name = uri.removeprefix("#")
    found = [one for one in root.iter("*") if name in {one.get(_WSU_ID), one.get("Id"), one.get("ID"), one.get("id")}]
    if not uri.startswith("#") or len(found) != 1:
        raise _refusal("receipt-signature", "the signature names an element that is not there once")
    return found[0]


def _parse(envelope: bytes) -> etree._Element:
    if len(envelope) > _LARGEST or b"<!DOCTYPE" in envelope:
        raise _refusal("receipt-unreadable", "the envelope is too large or declares a document type")
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return etree.fromstring(envelope, parser)
    except etree.XMLSyntaxError as error:
        raise _refusal("receipt-unreadable", "the envelope is not well-formed XML") from error


def _certificate(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise _refusal("receipt-signer", "the pinned certificate cannot be read") from error


def _one(parent: etree._Element, path: str) -> etree._Element:
    found = parent.findall(path, _NS)
    if len(found) != 1:
        raise _refusal("receipt-unreadable", f"the envelope has not exactly one {path}")
    return found[0]


def _text(parent: etree._Element, path: str) -> str:
    return (_one(parent, path).text or "").strip()


def _base64(element: etree._Element) -> bytes:
    try:
        return base64.b64decode("".join((element.text or "").split()), validate=True)
    except binascii.Error as error:
        raise _refusal("receipt-unreadable", "a value is not base64") from error


def _refusal(code: str, detail: str) -> Refused:
    return Refused((Problem(code, detail, hint="Keep the receipt as it is and ask the other access point."),))
