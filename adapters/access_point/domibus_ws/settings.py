"""What the adapter must be told. Defaults of the header are the values that the HealthData@EU pilot used.

The values of Release 3 and later are not published, so every one of them is configuration.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from adapters.access_point.patience import Patience

_PARTY_TYPE = "urn:oasis:names:tc:ebcore:partyid-type:unregistered"
_ROLES = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704"


@dataclass(frozen=True, slots=True)
class Header:
    """The ebMS3 header of what we send; a `UserMessage` overrules it where it names a value of its own."""

    from_party: str
    to_party: str
    party_type: str = _PARTY_TYPE
    from_role: str = f"{_ROLES}/initiator"
    to_role: str = f"{_ROLES}/responder"
    service: str = "bdx:noprocess"
    service_type: str = "tc1"
    action: str = "TC1Leg1"
    original_sender: str = f"{_PARTY_TYPE}:C1"
    final_recipient: str = f"{_PARTY_TYPE}:C4"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes.

    `answer` bounds what is read from the access point (base64 included), `payload` the decoded payloads of one
    message, `document` the XML left after they were cut out.
    """

    answer: int = 92 * 1024 * 1024
    payload: int = 64 * 1024 * 1024
    document: int = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DomibusSettings:
    """One access point. Passwords never show in a repr.

    Without a user no Basic authentication is sent: a client certificate may do.
    """

    name: str
    url: str
    user: str
    password: str = field(repr=False)
    header: Header
    patience: Patience = field(default_factory=Patience)
    limits: Limits = field(default_factory=Limits)
    mtom: bool = False  #: submit payloads as MIME parts; answers are read in either form
    roles: bool = True  #: the access point knows the operations with a role (Domibus 5.1 and later)
    mock: bool = True  #: what answers may be the mock EU node
    folder: str | None = None  #: takes what is large while it is read; None is the system's own for such files
    ext_url: str = ""  #: `…/domibus/ext`, where it may be used: restoring, signed receipts
    ext_user: str = ""  #: "" is the plugin user itself
    ext_password: str = field(default="", repr=False)
