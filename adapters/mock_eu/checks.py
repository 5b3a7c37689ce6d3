"""What the Central Platform demands of a message before it says *validated* (D7.3 section 7.2, step 6)."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from adapters.mock_eu import countries, papers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adapters.mock_eu.payloads import Payload

#: D6.4 section 7.6 and v0.5 Table 1 (a), (b).
STATUSES: Final = frozenset(
    {
        "SUBMITTED",
        "PRE_SCREENING",
        "PROCESSING",
        "AWAITING_ADDITIONAL_INFORMATION",
        "DECISION_ISSUED",
        "WITHDRAWN",
        "POSITIVE_DECISION_ISSUED",
        "NEGATIVE_DECISION_ISSUED",
        "POSITIVE_DECISION_ACCEPTED",
        "NEGATIVE_DECISION_ACCEPTED",
        "POSITIVE_DECISION_REJECTED",
        "NEGATIVE_DECISION_APPEALED",
        "APPEAL_APPROVED",
        "APPEAL_REJECTED",
    }
)
#: D6.4 v0.5 section 9.3, Table 3.
PERMIT_STATUSES: Final = (
    "GRANTED",
    "RENEWAL_REQUESTED",
    "RENEWED",
    "RENEWAL_REJECTED",
    "EXPIRED",
    "AMENDMENT_REQUESTED",
    "AMENDED",
    "AMENDMENT_REJECTED",
    "REVOKED",
    "REVOKE_APPEALED",
    "APPEAL_APPROVED",
    "APPEAL_REJECTED",
)
#: Art. 63 and 64.
MEASURES: Final = ("REVOCATION", "STOP_PROCESSING", "EXCLUSION", "COMPLIANCE_ORDER", "PERIODIC_PENALTY", "FINE")
#: What a nation sends that belongs to no leg of an application.
WITHOUT_APPLICATION: Final = frozenset(
    {"PermitStatusChange", "EnforcementRecord", "ResultRecord", "BiennialReport", "DatasetCUD"}
)
_APPLICATION_TYPES: Final = frozenset({"DATA_ACCESS_APPLICATION", "DATA_REQUEST_APPLICATION"})
_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2}))?")
_FRACTION: Final = re.compile(r"\.\d+")


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and value.strip() else "must be a text that is not empty"


def _status(value: Any) -> str:
    return "" if isinstance(value, str) and value in STATUSES else "is no status of D6.4"


def _boolean(value: Any) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _filled(value: Any) -> str:
    return "" if isinstance(value, (list, dict)) and value else "must not be empty"


def _decision(value: Any) -> str:
    return "" if value in {"Positive", "Negative"} else "must be Positive or Negative"


def _one_of(*codes: str) -> Callable[[Any], str]:
    return lambda value: "" if isinstance(value, str) and value in codes else f"must be one of {', '.join(codes)}"


def _moment(value: Any) -> str:
    """ISO 8601: a day, or a moment with its zone and any fraction."""
    return "" if isinstance(value, str) and _ISO.fullmatch(value) and _exists(value) else "must be an ISO 8601 date"


def _day(value: Any) -> str:
    """D6.4's own form `DD:MM:YYYY`."""
    parts = str(value).split(":")
    ok = re.fullmatch(r"\d{2}:\d{2}:\d{4}", str(value)) and _exists("-".join(reversed(parts)))
    return "" if ok else "must be a day as DD:MM:YYYY"


def _any_day(value: Any) -> str:
    return _moment(value) and _day(value) and "must be a date"


def _exists(text: str) -> bool:
    try:
        moment = datetime.fromisoformat(_FRACTION.sub("", text)) if "T" in text else date.fromisoformat(text)
    except ValueError:
        return False
    return moment is not None


#: Per type of message from a nation: required fields of the content and what each must be.
REQUIRED: Final[dict[str, dict[str, Callable[[Any], str]]]] = {
    "ApplicationAck": {"statusId": _status, "dateAcknowledged": _any_day},
    "StatusUpdate": {"status": _status},
    "AdditionalInfoRequest": {"statusId": _status, "date": _any_day, "form": _filled},
    "ExtensionNotice": {"reasons": _text},
    "AdditionalInfoAck": {"dateReceived": _any_day},
    "FeeEstimate": {},
    "DecisionIssued": {"decision": _decision, "timestamp": _day, "user": _filled},
    "PermitIssued": {},
    "DecisionNoticeToPeers": {"decisionKind": _text},
    "AppealAck": {"dateAcknowledged": _any_day},
    "WithdrawalConfirmed": {},
    "PermitStatusChange": {"permitId": _text, "status": _one_of(*PERMIT_STATUSES)},
    "EnforcementRecord": {
        "recordId": _text,
        "subjectKind": _one_of("USER", "HOLDER"),
        "subjectId": _text,
        "measure": _one_of(*MEASURES),
    },
    "ResultRecord": {"projectTitle": _text},
    "BiennialReport": {"reportId": _text, "periodStart": _moment, "periodEnd": _moment},
    "DatasetCUD": {"operation": _one_of("createDataset", "updateDataset", "deleteDataset")},
    "ArtSixtyNineOffer": {"offer": _text},
    "ApplicationOriginated": {"title": _text, "datasets": _filled, "form": _filled},
    "ValidationResult": {"originalMessageId": _text, "validated": _boolean},
}


def error(code: str, message: str, path: str = "") -> dict[str, str]:
    """One entry of a validation answer."""
    return {"code": code, "message": message, **({"path": path} if path else {})}


def problems(payload: Payload) -> list[dict[str, str]]:
    """Everything wrong with a message by itself; whether it fits the platform's state is asked elsewhere."""
    if payload.type not in REQUIRED:
        return [error("unknown-message-type", "the platform takes no such message", "/envelope/messageType")]
    found = [*_envelope(payload.envelope), *_fields(payload), *_structured(payload), *_papers(payload)]
    if payload.type == "DatasetCUD":
        found += _record(payload)
    return found + list(_application(payload)) if payload.type == "ApplicationOriginated" else found


def _envelope(envelope: dict[str, Any]) -> Iterator[dict[str, str]]:
    for name, check in {"messageId": _text, "createdAt": _moment}.items():
        if complaint := check(envelope.get(name)):
            yield error("missing-field" if name not in envelope else "bad-value", complaint, f"/envelope/{name}")


def _fields(payload: Payload) -> Iterator[dict[str, str]]:
    for name, check in REQUIRED[payload.type].items():
        if name not in payload.content:
            yield error("missing-field", f"{name} is required", f"/content/{name}")
        elif complaint := check(payload.content[name]):
            yield error("bad-value", f"{name} {complaint}", f"/content/{name}")


def _structured(payload: Payload) -> Iterator[dict[str, str]]:
    if payload.structured is None:
        return
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        etree.fromstring(payload.structured, parser)
    except etree.XMLSyntaxError:
        yield error("structured-not-xml", "the structured part is not well-formed XML", "cid:structured")


def _papers(payload: Payload) -> Iterator[dict[str, str]]:
    for href in papers.changed(payload):
        yield error("file-changed", "the bytes have another SHA-256 than the part's name says", href)
    for sha256 in papers.missing(payload):
        yield error("file-missing", "a file is named and did not come along", f"{papers.FILE}{sha256}")


def _record(payload: Payload) -> Iterator[dict[str, str]]:
    """A record that is created or changed comes as RDF/XML."""
    if payload.content.get("operation") == "deleteDataset":
        return
    record = payload.content.get("payload")
    if not isinstance(record, str) or not record.strip():
        yield error("missing-field", "payload is required", "/content/payload")
    elif str(payload.content.get("mediaType", "application/rdf+xml")).endswith("xml"):
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        try:
            etree.fromstring(record.encode(), parser)
        except etree.XMLSyntaxError:
            yield error("record-not-xml", "the record is not well-formed XML", "/content/payload")


def _application(payload: Payload) -> Iterator[dict[str, str]]:
    if not payload.is_zip:
        yield error("wrong-shape", "an application travels as ZIP", "/")
    if payload.content.get("application_type", "DATA_ACCESS_APPLICATION") not in _APPLICATION_TYPES:
        yield error("bad-value", "application_type is unknown", "/content/application_type")
    datasets = payload.content.get("datasets")
    for number, dataset in enumerate(datasets if isinstance(datasets, list) else []):
        if not countries.of_dataset(dataset):
            yield error("unknown-country", "the dataset's country is unknown", f"/content/datasets/{number}/country")
