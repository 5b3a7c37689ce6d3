"""A message and the words about it.

A *message* is one business message, immutable once kept. Message type names are those of the
catalogue (law-and-forms §9): one global element of `schemas/eu/1/eu.xsd` each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

#: The part of an AS4 user message that is its business document.
DOCUMENT_PART: Final = "cid:message"
#: A file beside it, with its SHA-256: names of files name people, and headers are read in clear.
FILE_PART: Final = "cid:file-"


class MessageType(StrEnum):
    """The message catalogue: IN-.., OUT-.. over the Central Platform, and our own national steps."""

    APPLICATION_SUBMITTED = "ApplicationSubmitted"  #: IN-01
    APPLICATION_AMENDED = "ApplicationAmended"  #: IN-02
    ADDITIONAL_INFORMATION = "AdditionalInformation"  #: IN-03
    APPLICATION_WITHDRAWN = "ApplicationWithdrawn"  #: IN-04
    DECISION_ACK = "DecisionAck"  #: IN-05
    APPLICANT_RESPONSE = "ApplicantResponse"  #: IN-06
    APPEAL_NOTIFIED = "AppealNotified"  #: IN-07
    PEER_STATUS = "PeerStatus"  #: IN-08
    PEER_PERMIT = "PeerPermit"  #: IN-09
    PEER_ENFORCEMENT = "PeerEnforcement"  #: IN-10
    REMINDER = "Reminder"  #: IN-11
    VALIDATION_RESULT = "ValidationResult"  #: IN-12, and our own answer in the other direction
    FEE_RESPONSE = "FeeResponse"  #: IN-13
    AMENDMENT_REQUEST = "AmendmentRequest"  #: IN-14
    EXTENSION_REQUEST = "ExtensionRequest"  #: IN-14
    PERSONS_UPDATE = "PersonsUpdate"  #: IN-14
    APPLICATION_ACK = "ApplicationAck"  #: OUT-01
    STATUS_UPDATE = "StatusUpdate"  #: OUT-02
    ADDITIONAL_INFO_REQUEST = "AdditionalInfoRequest"  #: OUT-03
    EXTENSION_NOTICE = "ExtensionNotice"  #: OUT-04
    ADDITIONAL_INFO_ACK = "AdditionalInfoAck"  #: OUT-05
    FEE_ESTIMATE = "FeeEstimate"  #: OUT-06
    DECISION_ISSUED = "DecisionIssued"  #: OUT-07
    PERMIT_ISSUED = "PermitIssued"  #: OUT-08
    DECISION_NOTICE_TO_PEERS = "DecisionNoticeToPeers"  #: OUT-09
    APPEAL_ACK = "AppealAck"  #: OUT-10
    PERMIT_STATUS_CHANGE = "PermitStatusChange"  #: OUT-11
    ENFORCEMENT_RECORD = "EnforcementRecord"  #: OUT-12
    RESULT_RECORD = "ResultRecord"  #: OUT-13
    BIENNIAL_REPORT = "BiennialReport"  #: OUT-14
    DATASET_CUD = "DatasetCUD"  #: OUT-15
    APPLICATION_ORIGINATED = "ApplicationOriginated"  #: OUT-16
    WITHDRAWAL_CONFIRMED = "WithdrawalConfirmed"  #: OUT-17
    ART_SIXTY_NINE_OFFER = "ArtSixtyNineOffer"  #: OUT-18
    NATIONAL_STEP = "NationalStep"  #: a step of a national chain; never leaves the state
    ERROR_NOTICE = "ErrorNotice"  #: to a back end: its message was refused (JSON, ours)
    OUTCOME_NOTICE = "OutcomeNotice"  #: to a back end: its message reached its end (JSON, ours)


class Door(StrEnum):
    """Where a message came in."""

    ACCESS_POINT = "access-point"
    AMQP = "amqp"
    HTTP = "http"
    CLI = "cli"
    REMS = "rems"
    RULE = "rule"  #: emitted by a leg's rule: written by the broker itself


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that belongs to a message; its bytes are kept by SHA-256. Size in bytes."""

    id: str
    name: str
    media_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class KeptPart:
    """One payload of an AS4 user message; its bytes are kept by SHA-256. Size in bytes."""

    cid: str  #: as the header names it (`cid:message`); "" for a body load
    media_type: str
    size: int
    sha256: str

    @property
    def is_file(self) -> bool:
        """Whether it is called what a file with these bytes is called."""
        return self.cid.strip().lower() == f"{FILE_PART}{self.sha256}"


def document_place(names: Sequence[str]) -> int:
    """Which of the parts, by their names, is the business document: the one called so, else the first. From 0."""
    lowered = [name.strip().lower() for name in names]
    return lowered.index(DOCUMENT_PART) if DOCUMENT_PART in lowered else 0


@dataclass(frozen=True, slots=True)
class Message:
    """One business message as it was kept: who brought it, its key, its bytes by hash."""

    id: str
    door: Door
    party: str  #: access point name, back end name or client: as authenticated, never as claimed
    key: str  #: inbox key within (door, party)
    sha256: str
    size: int
    content_type: str
    kept_at: datetime
    type: str = ""  #: MessageType, empty until read
    profile: str = ""  #: schema family and version of the original bytes
    case_key: str = ""
    version: int = 0  #: version of the application that it speaks of; 0 where it names none
    headers: dict[str, str] = field(default_factory=dict)  #: transport facts (ebMS ids, parties); no form data
    attachments: tuple[Attachment, ...] = ()
    causation_id: str = ""  #: the message that made a rule emit this one
    parts: tuple[KeptPart, ...] = ()  #: every payload as it came, the document among them; only from the access point

    @property
    def document_number(self) -> int:
        """Which of the parts is the business document, counted from 1."""
        return document_place([part.cid for part in self.parts]) + 1

    @property
    def fingerprint(self) -> str:
        """One SHA-256 over all that came: that of the document, where nothing came beside it."""
        if len(self.parts) < 2:  # noqa: PLR2004 -- the document and another
            return self.sha256
        named = sorted(f"{part.cid.lower()} {part.sha256}" for part in self.parts)
        return hashlib.sha256("\n".join(named).encode()).hexdigest()
