"""The small eu-1 messages that the broker itself writes, as trees that the schema accepts.

Moments are written in UTC. Optional facts that are not given do not appear.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from lxml import etree

from broker.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NAMESPACE: Final = "urn:hdeu:eu:1"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What stands in the envelope of a message that the broker writes. `participant` and `nation` are the sender's."""

    message_id: str
    created_at: datetime
    application_id: str = ""
    version: int = 0
    participant: str = ""
    nation: str = ""  #: ISO 3166-1 alpha-2
    in_reply_to: str = ""
    conversation_id: str = ""
    national_ids: tuple[tuple[str, str], ...] = ()  #: (scheme, value)
    leg_id: str = ""
    language: str = ""


def validation_result(
    head: Envelope, *, original_message_id: str, validated: bool, errors: Sequence[Problem] = ()
) -> etree._Element:
    """The answer *validated* or *not validated* (D7.3 section 7.2, step 8)."""
    root, content = _message("ValidationResult", head)
    _leaf(content, "originalMessageId", original_message_id)
    _leaf(content, "validated", "true" if validated else "false")
    for error in errors:
        one = etree.SubElement(content, _name("error"))
        _leaves(one, (("code", error.code), ("message", error.detail), ("path", error.path)))
    _leaf(content, "applicationId", head.application_id)
    return root


def status_update(head: Envelope, *, status: str, date: datetime | None = None, reason: str = "") -> etree._Element:
    """The status of a leg (D6.4 section 7.6)."""
    root, content = _message("StatusUpdate", head)
    said = moment(date) if date is not None else ""
    _leaves(content, (("applicationId", head.application_id), ("status", status), ("date", said), ("reason", reason)))
    return root


def additional_info_ack(head: Envelope, *, date_received: datetime) -> etree._Element:
    """Additional information was received (D6.4 section 7.5.1)."""
    root, content = _message("AdditionalInfoAck", head)
    _leaves(content, (("applicationId", head.application_id), ("dateReceived", moment(date_received))))
    return root


def withdrawal_confirmed(head: Envelope, *, date: datetime) -> etree._Element:
    """A withdrawal was taken in (D6.4 v0.5 R9.2.9)."""
    root, content = _message("WithdrawalConfirmed", head)
    _leaves(content, (("applicationId", head.application_id), ("dateConfirmed", moment(date))))
    return root


def decision_notice_to_peers(
    head: Envelope, decision: etree._Element, *, nation: str = "", hdab: str = ""
) -> etree._Element:
    """What the other bodies are told of a decision (Art. 68(5)), taken from an eu-1 DecisionIssued.

    Raises: ValueError, if the decision names no kind or no moment: neither is made up.
    """
    kind, issued = (decision.findtext(f"{{*}}content/{{*}}{name}") for name in ("kind", "issuedAt"))
    if not kind or not issued:
        raise ValueError("a decision without kind or moment cannot be told to others")
    root, content = _message("DecisionNoticeToPeers", head)
    _leaves(content, (("applicationId", head.application_id), ("nationId", nation), ("hdab", hdab)))
    _leaf(content, "decisionId", decision.findtext("{*}content/{*}decisionId") or "")
    _leaves(content, (("decisionKind", kind), ("date", issued)))
    _leaf(content, "permitRef", decision.findtext("{*}content/{*}permitRef") or "")
    _copy(content, decision.iterfind("{*}content/{*}partial/{*}refusedDatasets"))
    _copy(content, decision.iterfind("{*}content/{*}conditions"))
    return root


def permit_status_change(
    head: Envelope, decision: etree._Element, *, status: str, permit_id: str, supersedes: str = ""
) -> etree._Element:
    """What became of a permit, taken from an eu-1 DecisionIssued on a change of it (Art. 68(12), 68(13), 63(3)).

    Raises: ValueError, if the decision names no kind or no moment: neither is made up.
    """
    kind, issued = (decision.findtext(f"{{*}}content/{{*}}{name}") for name in ("kind", "issuedAt"))
    if not kind or not issued:
        raise ValueError("a decision without kind or moment cannot be told to others")
    root, content = _message("PermitStatusChange", head)
    _leaves(content, (("applicationId", head.application_id), ("permitId", permit_id), ("supersedes", supersedes)))
    _leaves(content, (("status", status), ("decisionKind", kind)))
    _leaf(content, "decisionId", decision.findtext("{*}content/{*}decisionId") or "")
    _leaf(content, "date", issued)
    for name in ("reasons", "legalBasis", "document"):
        _copy(content, decision.iterfind(f"{{*}}content/{{*}}{name}"))
    return root


def with_envelope(
    root: etree._Element,
    *,
    message_id: str,
    application_id: str = "",
    conversation_id: str = "",
    sender_participant: str = "",
    sender_nation: str = "",
) -> etree._Element:
    """A copy of a message as it goes out: under its id on the network, from us, about the platform's application.

    What is not given stays as it was. Raises: ValueError, for a tree without envelope or content.
    """
    copy = etree.fromstring(etree.tostring(root))
    envelope, content = copy.find(_name("envelope")), copy.find(_name("content"))
    if envelope is None or content is None:
        raise ValueError("the message has no envelope or no content")
    known = {"messageId": message_id, "conversationId": conversation_id, "applicationId": application_id}
    for name, text in known.items():
        _set(envelope, name, text)
    if sender_participant or sender_nation:
        sender = _placed(envelope, "sender")
        _set(sender, "participantId", sender_participant, order=_PARTY)
        _set(sender, "nationId", sender_nation, order=_PARTY)
    _name_in_content(copy, content, application_id)
    return copy


def list_files(root: etree._Element, references: Iterable[etree._Element]) -> None:
    """List what a form names beside it: content/attachments has every file that travels, and so has the archive."""
    content = root.find(_name("content"))
    unknown = None if content is None else content.find(_name("unknown"))
    for reference in references:
        listed = etree.Element(_name("attachments"))
        listed.extend(deepcopy(child) for child in reference)
        if unknown is not None:
            unknown.addprevious(listed)
        elif content is not None:
            content.append(listed)


def said_anew(before: etree._Element, after: etree._Element) -> tuple[str, ...]:
    """Which leaves `with_envelope`, `list_files` or a reply wrote anew into a copy, by their paths."""
    old, new = dict(_addressed(before)), _addressed(after)
    return tuple(path for path, text in new if old.get(path) != text)


def _addressed(root: etree._Element) -> list[tuple[str, str | None]]:
    """What a message says of itself, where it names its application, and the files that it lists."""
    single = [f"envelope/{name}" for name in _ENVELOPE if name not in {"nationalId", "sender", "receiver"}]
    ids = [f"content/{name}" for name in ("application_id", "applicationId")]
    paths = (*single, *(f"envelope/sender/{name}" for name in _PARTY), *ids)
    found = [(path, root.find("/".join(map(_name, path.split("/"))))) for path in paths]
    files = enumerate(root.iterfind(f"{_name('content')}/{_name('attachments')}"), 1)
    listed = [
        (f"content/attachments[{number}]/{etree.QName(leaf).localname}", leaf.text)
        for number, one in files
        for leaf in one
    ]
    return [(path, one.text) for path, one in found if one is not None] + listed


def attachment_missing(attachment: Named) -> Problem:
    """A file is named without the hash of its bytes."""
    return Problem(
        "missing-attachment",
        "An attachment is named without the hash of its bytes.",
        path="content/attachments",
        value=attachment.id,
        hint="Upload the file, then name it by its SHA-256.",
    )


def too_many_attachments(number: int, most: int) -> Problem:
    """More files are named than travel with one message."""
    return Problem(
        "too-many-attachments",
        f"The message names {number} files; {most} travel with one message.",
        path="content",
        value=str(number),
        hint="Put several into one file.",
    )


class Named(Protocol):
    """Anything that has the id of an attachment."""

    @property
    def id(self) -> str: ...  # noqa: D102 # its name says it


def moment(value: datetime) -> str:
    """A moment in UTC with milliseconds (D6.4 section 14.1)."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _set(parent: etree._Element, name: str, text: str, *, order: tuple[str, ...] = ()) -> None:
    if text:
        _placed(parent, name, order=order).text = text


def _placed(parent: etree._Element, name: str, *, order: tuple[str, ...] = ()) -> etree._Element:
    there = parent.find(_name(name))
    if there is not None:
        return there
    order = order or _ENVELOPE
    before = set(order[: order.index(name)])
    element = etree.Element(_name(name))
    parent.insert(sum(1 for child in parent if etree.QName(child).localname in before), element)
    return element


def _name_in_content(root: etree._Element, content: etree._Element, application_id: str) -> None:
    kind = etree.QName(root).localname
    if kind in {"NationalStep", "ValidationResult", "DatasetCUD", "BiennialReport"}:
        return  # its content names it elsewhere, and only where the sender said so
    if not application_id:
        return
    name = "application_id" if kind in _APPLICATIONS else "applicationId"
    there = content.find(f"{{{NAMESPACE}}}{name}")
    if there is None:
        content.insert(0, _new(name, application_id))
    else:
        there.text = application_id


_PARTY: Final = ("participantId", "role", "nationId", "accessPointId")
_ENVELOPE: Final = (
    "messageId",
    "inReplyTo",
    "conversationId",
    "applicationId",
    "nationalId",
    "version",
    "schemaFamily",
    "schemaVersion",
    "sender",
    "receiver",
    "legId",
    "createdAt",
    "language",
    "originalMessageId",
    "testFlag",
)
_APPLICATIONS: Final = {"ApplicationSubmitted", "ApplicationAmended", "AdditionalInformation", "ApplicationOriginated"}


def _name(local: str) -> str:
    return f"{{{NAMESPACE}}}{local}"


def _new(local: str, text: str) -> etree._Element:
    element = etree.Element(_name(local))
    element.text = text
    return element


def _message(kind: str, head: Envelope) -> tuple[etree._Element, etree._Element]:
    nsmap: dict[str | None, str] = {None: NAMESPACE}
    root = etree.Element(_name(kind), nsmap=nsmap)  # type: ignore[arg-type] # the stubs do not know the default prefix
    _envelope(etree.SubElement(root, _name("envelope")), head)
    return root, etree.SubElement(root, _name("content"))


def _envelope(envelope: etree._Element, head: Envelope) -> None:
    _leaf(envelope, "messageId", head.message_id)
    _leaf(envelope, "inReplyTo", head.in_reply_to)
    _leaf(envelope, "conversationId", head.conversation_id)
    _leaf(envelope, "applicationId", head.application_id)
    for scheme, value in head.national_ids:
        etree.SubElement(envelope, _name("nationalId"), {"scheme": scheme}).text = value
    _leaf(envelope, "version", str(head.version) if head.version else "")
    if head.participant or head.nation:
        sender = etree.SubElement(envelope, _name("sender"))
        _leaves(sender, (("participantId", head.participant), ("nationId", head.nation)))
    _leaf(envelope, "legId", head.leg_id)
    _leaf(envelope, "createdAt", moment(head.created_at))
    _leaf(envelope, "language", head.language)


def _leaves(parent: etree._Element, facts: Iterable[tuple[str, str]]) -> None:
    for name, text in facts:
        _leaf(parent, name, text)


def _leaf(parent: etree._Element, name: str, text: str) -> None:
    if text:
        etree.SubElement(parent, _name(name)).text = text


def _copy(content: etree._Element, elements: Iterable[etree._Element]) -> None:
    for element in list(elements):
        content.append(etree.fromstring(etree.tostring(element, with_tail=False)))
