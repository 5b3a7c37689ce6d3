"""The end state of the story, counted at the receivers: the offices' files and the platform's log."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from adapters.demo.stage import LANDS, Land, Stage

if TYPE_CHECKING:
    from tests.support.production import Production


#: What each office has on file when the story is told through all three doors.
RECEIVED: Final[dict[str, Counter[str]]] = {
    "hdh": Counter(
        ApplicationSubmitted=1,
        AdditionalInformation=1,
        FeeResponse=1,
        ApplicantResponse=1,
        PeerStatus=8,
        OutcomeNotice=10,
    ),
    "findata": Counter(
        ApplicationSubmitted=4,
        AdditionalInformation=1,
        FeeResponse=1,
        ApplicantResponse=1,
        PeerStatus=5,
        OutcomeNotice=16,
    ),
}
#: What the platform took in, by nation.
TAKEN: Final[dict[str, Counter[str]]] = {
    "fr": Counter(
        ValidationResult=12,
        ApplicationAck=1,
        StatusUpdate=3,
        AdditionalInfoRequest=1,
        AdditionalInfoAck=1,
        FeeEstimate=1,
        DecisionIssued=1,
        DecisionNoticeToPeers=1,
        PermitIssued=1,
        ApplicationOriginated=3,
    ),
    "fi": Counter(
        ValidationResult=12,
        StatusUpdate=6,
        ApplicationAck=4,
        AdditionalInfoRequest=4,
        AdditionalInfoAck=1,
        FeeEstimate=1,
        DecisionIssued=1,
        DecisionNoticeToPeers=1,
        PermitIssued=1,
    ),
}


def received(stage: Stage, land: Land) -> Counter[str]:
    """How many deliveries of each type an office filed."""
    return Counter(path.name.split("-")[1] for path in _files(stage, land))


def doubled(stage: Stage, land: Land) -> list[str]:
    """Files of an office whose content came twice."""
    seen: dict[str, str] = {}
    doubles = []
    for path in _files(stage, land):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest in seen:
            doubles.append(f"{seen[digest]} = {path.name}")
        seen[digest] = path.name
    return doubles


def _files(stage: Stage, land: Land) -> list[Any]:
    return sorted((stage.folder / land.backend / "received").iterdir())


def accepted(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the platform's access points took in, in order."""
    kept = [one for one in log if one["operation"] == "submitMessage" and one["outcome"].startswith("ok")]
    return sorted(kept, key=lambda one: one["seq"])


def taken(log: list[dict[str, Any]], nation: str) -> Counter[str]:
    """How many messages of each type the platform took from a nation."""
    return Counter(one["type"] for one in accepted(log) if one["nation"] == nation)


def unaccounted(stage: Stage, production: Production, log: list[dict[str, Any]]) -> list[str]:
    """Documents that an office sent and of which the platform does not have exactly what they became."""
    wire = {one["message_id"]: {part["href"]: part["sha256"] for part in one["payloads"]} for one in accepted(log)}
    lost = []
    for land in LANDS:
        for path in sorted((stage.folder / land.backend / "sent").glob("*.xml")):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            ways = production.rows(
                land,
                "SELECT e.wire_message_id, e.document_sha256, e.outcome, m.id FROM messages m"
                " JOIN exchanges e ON e.message_id = m.id WHERE m.sha256 = %s",
                digest,
            )
            arrived = [
                outcome == "recorded" or wire.get(wire_id, {}).get("cid:message") == document
                for wire_id, document, outcome, _ in ways
            ]
            if not ways or not all(arrived) or len({message for *_, message in ways}) != 1:
                lost.append(f"{land.backend}: {path.name}: {ways}")
    return lost
