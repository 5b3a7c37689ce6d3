"""The `as4` package as the judge of a receipt: JSON in {"receipt" (base64), "certificate" (PEM)}, JSON out.

Out: {"message_id", "digests": {uri: digest}} of what it proves, or {"error"}.
"""

from __future__ import annotations

import base64
import json
import sys

from as4 import ReceiptVerificationError
from as4.core.receipt import AS4Receipt
from cryptography import x509


def judged(receipt: bytes, certificate: bytes) -> dict[str, object]:
    try:
        found = AS4Receipt.parse(receipt, x509.load_pem_x509_certificate(certificate))
    except ReceiptVerificationError as error:
        return {"error": str(error)}
    digests = {one.uri: one.digest_value for one in found.non_repudiated_references}
    return {"message_id": found.original_message_id, "digests": digests}


if __name__ == "__main__":
    order = json.load(sys.stdin)
    json.dump(judged(base64.b64decode(order["receipt"]), order["certificate"].encode()), sys.stdout)
