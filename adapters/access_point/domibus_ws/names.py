"""Wire names of the Domibus WS plugin and of SOAP, MTOM and ebMS3. Bound by URI; prefixes mean nothing."""

from typing import Final

SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"
WS: Final = "http://eu.domibus.wsplugin/"
EB: Final = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"
BACKEND: Final = "eu.domibus"  # of what Domibus pushes: a name, not a URL
XOP: Final = "http://www.w3.org/2004/08/xop/include"
XML: Final = "http://www.w3.org/XML/1998/namespace"

#: Elements of every envelope.
HEADER: Final = f"{{{SOAP}}}Header"
BODY: Final = f"{{{SOAP}}}Body"

SENDING: Final = "SENDING"
RECEIVING: Final = "RECEIVING"

#: What `getStatus…` may answer.
STATUSES: Final = frozenset(
    {
        "READY_TO_SEND",
        "READY_TO_PULL",
        "BEING_PULLED",
        "SEND_ENQUEUED",
        "SEND_IN_PROGRESS",
        "WAITING_FOR_RECEIPT",
        "ACKNOWLEDGED",
        "ACKNOWLEDGED_WITH_WARNING",
        "SEND_ATTEMPT_FAILED",
        "SEND_FAILURE",
        "NOT_FOUND",
        "WAITING_FOR_RETRY",
        "RECEIVED",
        "RECEIVED_WITH_WARNINGS",
        "DELETED",
        "DOWNLOADED",
    }
)
