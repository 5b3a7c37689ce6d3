"""The `as4` package as both access points of a real AS4 exchange: a signed user message, and its signed receipt.

JSON in: {"message_id"}; JSON out: certificates (PEM), the user message's SOAP envelope and the receipt (base64).
"""

from __future__ import annotations

import base64
import json
import sys
from datetime import UTC, datetime, timedelta
from email import message_from_bytes

from as4 import AS4LocalPrivateKey, AS4References, SecurityPolicy, pinned_certificates
from as4.peppol import (
    build_peppol_message,
    create_peppol_external_party,
    create_peppol_internal_party,
    parse_peppol_message,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

DOCUMENT = "busdox-docid-qns"
PROCESS = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"


def identity(name: str) -> tuple[AS4LocalPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1))
    return AS4LocalPrivateKey(private_key=key), builder.not_valid_after(now + timedelta(days=30)).sign(
        key, hashes.SHA256()
    )


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def main() -> None:
    order = json.load(sys.stdin)
    (our_key, ours), (their_key, theirs), (_, other) = identity("AP_FR"), identity("AP_CENTRAL"), identity("AP_OTHER")
    here = create_peppol_internal_party(party_id="AP_FR", certificate=ours, private_key=our_key)
    there = create_peppol_internal_party(party_id="AP_CENTRAL", certificate=theirs, private_key=their_key)
    message = build_peppol_message(
        payload=b"<Application/>",
        local_party=here,
        remote_party=create_peppol_external_party(party_id="AP_CENTRAL", certificate=theirs),
        sender="9932:1",
        recipient="9932:2",
        sender_country_id="FR",
        document_type_identifier_scheme=DOCUMENT,
        document_type_identifier_value="urn:example::Application##1::1",
        process_identifier=PROCESS,
        references=AS4References(message_id=order["message_id"]),
    )
    body, boundary = message.get_request_data()
    headers = message.get_http_headers(boundary)
    policy = SecurityPolicy(signer_resolver=pinned_certificates(ours), verify_participants=False)
    receiving = parse_peppol_message(
        request_headers=headers, request_body=body, local_party=there, security_policy=policy
    )
    if not receiving.successful:
        raise SystemExit(f"not received: {receiving.error}")
    _, receipt = receiving.build_signal()
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
    envelope = message_from_bytes(head + b"\r\n" + body).get_payload()[0].get_payload(decode=True)
    answer = {"signer": pem(theirs), "other": pem(other), "sender": pem(ours)}
    answer |= {"receipt": base64.b64encode(receipt).decode(), "message": base64.b64encode(envelope).decode()}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
