"""Deliveries for tests of back-end adapters."""

from __future__ import annotations

import hashlib

from broker.ports import Delivery


def a_delivery(document: bytes = b"<Dossier/>", **changes: str) -> Delivery:
    given = {
        "id": "d-1",
        "type": "ApplicationSubmitted",
        "profile": "fr-hdh-1",
        "content_type": "application/xml",
        "sha256": hashlib.sha256(document).hexdigest(),
        "case_key": "case-1",
    }
    return Delivery(document=document, **{**given, **changes})
