"""What the platform remembers of one nation's leg: the shape that the applicant's side shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu import papers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.mock_eu.payloads import Payload

_DECIDED: Final = {"Positive": "POSITIVE_DECISION_ISSUED", "Negative": "NEGATIVE_DECISION_ISSUED"}
_KEPT_AS: Final = {
    "ApplicationAck": "ack",
    "FeeEstimate": "fee_estimate",
    "DecisionIssued": "decision",
    "PermitIssued": "permit",
    "ExtensionNotice": "extension",
    "DecisionNoticeToPeers": "notice_to_peers",
    "AdditionalInfoAck": "additional_info_ack",
    "AppealAck": "appeal_ack",
    "WithdrawalConfirmed": "withdrawal_confirmed",
    "ArtSixtyNineOffer": "offer",
}
_APPLICATION_TYPES: Final = frozenset({"ApplicationSubmitted", "ApplicationAmended", "AdditionalInformation"})


def new() -> dict[str, Any]:
    """A leg of which nothing is known."""
    return {
        "status": None,
        "history": [],
        "ack": None,
        "questions": [],
        "fee_estimate": None,
        "fee_response": None,
        "decision": None,
        "structured": False,
        "response": None,
        "appeal": None,
        "permit": None,
        "permit_decision": None,
        "extension": None,
        "withdrawal": None,
        "validation": None,
        "validations": [],
    }


def set_status(leg: dict[str, Any], status: str, at: str) -> None:
    """Add to the history what is new."""
    if leg["status"] != status:
        leg["status"] = status
        leg["history"].append({"status": status, "at": at})


def apply(leg: dict[str, Any], payload: Payload, message_id: str, at: str) -> None:
    """Note a validated message of the leg's nation."""
    content = payload.content
    of_permit = is_of_permit(leg, payload)
    if payload.type in _KEPT_AS:
        files = {"files": papers.described(payload.beside)} if payload.beside else {}
        leg["permit_decision" if of_permit else _KEPT_AS[payload.type]] = {
            **content,
            "at": at,
            "message_id": message_id,
            **files,
        }
    if payload.type == "ArtSixtyNineOffer":
        leg["offer_response"] = None  # another offer asks for another answer
    if payload.type == "StatusUpdate":
        set_status(leg, content["status"], at)
    if payload.type == "AdditionalInfoRequest":
        question = {"id": message_id, "at": at, "sections": _sections(content["form"]), "answered": False}
        leg["questions"].append(question)
        set_status(leg, content["statusId"], at)
    if payload.type == "DecisionIssued" and not of_permit:
        leg["structured"] = payload.structured is not None
        set_status(leg, _DECIDED[content["decision"]], at)


def is_of_permit(leg: dict[str, Any], payload: Payload) -> bool:
    """Whether it is a decision on a permit that was issued: the application is decided, and stays as it is."""
    return payload.type == "DecisionIssued" and bool(leg["permit"])


def note_validation(leg: dict[str, Any], payload: Payload, original_type: str, at: str) -> None:
    """Note what the nation said of a message of ours; `validation` is the last word on the application itself."""
    content = payload.content
    verdict = {
        "original_message_id": content.get("originalMessageId"),
        "original_type": original_type,
        "validated": content.get("validated"),
        "errors": content.get("errors") or content.get("error") or [],
        "at": at,
    }
    leg["validations"].append(verdict)
    if original_type in _APPLICATION_TYPES:
        leg["validation"] = verdict


def aggregate(all_legs: Iterable[dict[str, Any]]) -> str:
    """What the legs come to for the applicant: computed, never kept (the Regulation has no such thing)."""
    statuses = [leg["status"] or "" for leg in all_legs]
    going = [status for status in statuses if status != "WITHDRAWN"]
    decided = [status for status in going if "DECISION" in status or status.startswith("APPEAL")]
    if not going:
        return "WITHDRAWN"
    if len(decided) < len(going):
        return "PARTIALLY_DECIDED" if decided else "ALL_PENDING"
    if all(status.startswith("POSITIVE") for status in decided):
        return "ALL_GRANTED"
    return "ALL_REFUSED" if all(status.startswith("NEGATIVE") for status in decided) else "MIXED"


def open_questions(leg: dict[str, Any]) -> list[dict[str, Any]]:
    """Questions without an answer, oldest first."""
    return [question for question in leg["questions"] if not question["answered"]]


def _sections(form: Any) -> Any:
    """`sections` as D6.4 names it, or `section` repeated; else the form as it came."""
    if isinstance(form, dict):
        return form.get("sections") or form.get("section") or form
    return form
