"""The ten operations of the WS plugin on the mock's store."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu import pmode, wire
from adapters.mock_eu.answers import Reply, Writer, WsFault
from adapters.mock_eu.model import RECEIVING, SENDING, Chance, Header, Held, Part

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.mock_eu.notifications import Notifications
    from adapters.mock_eu.settings import Nation, Settings
    from adapters.mock_eu.soap import Request
    from adapters.mock_eu.states import States
    from adapters.mock_eu.store import Store

_NOT_FOUND: Final = "WS_PLUGIN:0009"
_MOST_AGAIN: Final = 100
_FRACTION: Final = re.compile(r"\.(\d+)")


@dataclass(slots=True)
class Note:
    """What the log is told about one operation."""

    nation: str
    operation: str
    message_id: str = ""
    type: str = ""
    parts: tuple[Part, ...] = ()

    def entry(self, at: str, outcome: str) -> dict[str, Any]:
        """As kept and shown under /log."""
        shown = [
            {"href": part.href, "media_type": part.media_type, "sha256": part.sha256, "size": len(part.data)}
            for part in self.parts
        ]
        facts = {"nation": self.nation, "operation": self.operation, "message_id": self.message_id, "type": self.type}
        return {"at": at, **facts, "payloads": shown, "outcome": outcome}


@dataclass(frozen=True, slots=True)
class Submission:
    """A submit that passed every check and is not yet kept."""

    header: Header
    parts: tuple[Part, ...]
    type: str


@dataclass(frozen=True, slots=True)
class Shared:
    """What all access points have in common."""

    states: States
    notifications: Notifications
    chance: Chance


class Plugin:
    """One nation's access point."""

    def __init__(self, settings: Settings, nation: Nation, store: Store, shared: Shared) -> None:
        self._settings, self._nation, self._store = settings, nation, store
        self._states, self._notifications, self._chance = shared.states, shared.notifications, shared.chance
        self._writer = Writer(settings.style.answers, settings.style.mtom)
        self._answers: Final[dict[str, Callable[[Request, Note], Reply]]] = {
            "listPendingMessages": self._list_pending,
            "retrieveMessage": self._retrieve,
            "markMessageAsDownloaded": self._mark,
            "getStatus": self._status,
            "getStatusWithAccessPointRole": self._status,
            "getMessageErrors": self._errors,
            "getMessageErrorsWithAccessPointRole": self._errors,
            "listPushFailedMessages": self._list_push_failed,
            "rePushFailedMessages": self._re_push,
        }

    @property
    def writer(self) -> Writer:
        """Of this access point's answers."""
        return self._writer

    def check(self, request: Request) -> Submission:
        """Everything a submit is refused for but a taken id. Raises: WsFault."""
        new_id = f"{self._chance.hex(32)}@{self._settings.style.message_id_suffix}"
        header, parts = pmode.accept(request, self._nation, self._settings, new_id)
        header = replace(header, timestamp=self._chance.stamp())
        return Submission(header, parts, wire.type_of(self._nation.wire, parts, header))

    def keep(self, submission: Submission) -> Reply:
        """Accept a submit, within the caller's commit. Raises: WsFault (duplicate)."""
        id_ = submission.header.message_id
        try:
            self._states.enqueue(self._nation.code, submission.type, submission.header, submission.parts)
        except sqlite3.IntegrityError as error:
            raise duplicate(id_) from error
        return self._writer.submitted(id_, int(self._chance.hex(15), 16))

    def answer(self, request: Request, note: Note) -> Reply:
        """Every operation but submit, within the caller's commit. Raises: WsFault."""
        note.message_id = request.child("messageID")
        return self._answers[request.operation](request, note)

    def known(self, message_id: str, role: str) -> Held | None:
        """A message of this access point."""
        return self._store.message(self._nation.code, role, message_id)

    def _list_pending(self, request: Request, note: Note) -> Reply:
        note.message_id = request.child("messageId")
        found = (
            header.message_id
            for at, _, header in self._store.pending(self._nation.code)
            if self._may_see(header) and _is_wanted(request, at, header, overridden=bool(self._original_user))
        )
        ids = [id_ for _, id_ in zip(range(self._settings.style.list_max), found, strict=False)]
        return self._writer.ids("listPendingMessagesResponse", ids)

    def _retrieve(self, request: Request, note: Note) -> Reply:
        marks = request.element.get("markAsDownloaded", "true").strip().lower() != "false"
        held = self.known(note.message_id, RECEIVING)
        if held is not None and not self._may_see(held.header):
            raise WsFault("WS_PLUGIN:0002", f"You are not allowed to handle this message [{note.message_id}]")
        if held is None or not held.parts or (marks and not held.pending):
            raise not_found(note.message_id)
        note.type, note.parts = held.type, held.parts
        if marks:
            self._states.download(held)
        return self._writer.retrieved(held.header, held.parts)

    def _mark(self, request: Request, note: Note) -> Reply:  # noqa: ARG002 -- all operations have one shape
        held = self.known(note.message_id, RECEIVING)
        if held is None or not held.pending:
            raise not_found(note.message_id)
        note.type = held.type
        self._states.download(held)
        return self._writer.ids("markMessageAsDownloadedResponse", [note.message_id])

    def _status(self, request: Request, note: Note) -> Reply:
        held = self._in_role(request, note)
        return self._writer.plain("getStatusResponse", held.status if held else "NOT_FOUND")

    def _errors(self, request: Request, note: Note) -> Reply:
        held = self._in_role(request, note)
        if held is None:
            raise WsFault(_NOT_FOUND, f"No message with id [{note.message_id}] found")
        return self._writer.errors(note.message_id, self._states.errors(held))

    def _list_push_failed(self, request: Request, note: Note) -> Reply:
        note.message_id = request.child("messageId")
        found = (
            notification.message_id
            for notification in self._notifications.given_up(self._nation.code)
            if (held := self._either(notification.message_id)) and _is_wanted(request, notification.first, held.header)
        )
        return self._writer.ids("listPushFailedMessagesResponse", dict.fromkeys(found))

    def _re_push(self, request: Request, note: Note) -> Reply:
        """Only ids of that list, and all or none."""
        ids = [(element.text or "").strip() for element in request.element.iterfind("messageID")]
        note.message_id = ", ".join(ids)
        if not ids or len(ids) > _MOST_AGAIN:
            raise WsFault("WS_PLUGIN:0007", f"Between 1 and {_MOST_AGAIN} message ids are required")
        failed = {notification.message_id for notification in self._notifications.given_up(self._nation.code)}
        if unknown := [id_ for id_ in ids if id_ not in failed]:
            raise WsFault(_NOT_FOUND, f"No push-failed message with id [{', '.join(unknown)}] found")
        self._notifications.push_again(self._nation.code, ids)
        return self._writer.plain("")

    @property
    def _original_user(self) -> str:
        """Of a plugin user who is no administrator, where users are told apart at all."""
        return self._nation.original_user if self._settings.style.auth else ""

    def _may_see(self, header: Header) -> bool:
        return self._original_user in {"", header.value("finalRecipient")}

    def _either(self, message_id: str) -> Held | None:
        return self.known(message_id, RECEIVING) or self.known(message_id, SENDING)

    def _in_role(self, request: Request, note: Note) -> Held | None:
        """By role where one is named; the old operations look at what was sent first."""
        role = request.child("accessPointRole")
        found = [self.known(note.message_id, one) for one in ([role] if role else [SENDING, RECEIVING])]
        held = next((one for one in found if one is not None), None)
        note.type = held.type if held else ""
        return held


def not_found(message_id: str) -> WsFault:
    """The fault for an id that cannot be fetched."""
    detail = f"No message with id [{message_id}] found"
    return WsFault(_NOT_FOUND, f"Message not found, id [{message_id}]", detail=detail)


def duplicate(message_id: str) -> WsFault:
    """The fault for an id that was used before."""
    text = f"Message with id [{message_id}] and role SENDING already exists. Message identifiers must be unique"
    return WsFault("EBMS:0004", text)


def _is_wanted(request: Request, at: str, header: Header, *, overridden: bool = False) -> bool:
    """Whether a message passes the filters; the user's own overrides the one for the final recipient."""
    facts = {
        "messageId": header.message_id,
        "conversationId": header.conversation_id,
        "refToMessageId": header.ref_to_message_id,
        "fromPartyId": header.from_party,
        "finalRecipient": header.value("finalRecipient"),
        "originalSender": header.value("originalSender"),
    }
    if overridden:
        del facts["finalRecipient"]
    if any(request.child(name) not in {"", fact} for name, fact in facts.items()):
        return False
    start, end = request.child("receivedFrom"), request.child("receivedTo")
    moment = _moment(at)
    return not (start and moment < _moment(start)) and not (end and moment > _moment(end))


def _moment(text: str) -> datetime:
    """An xsd:dateTime; without a zone it is UTC. Raises: WsFault."""
    try:
        moment = datetime.fromisoformat(_FRACTION.sub(lambda found: f".{found.group(1)[:6]:0<6}", text))
    except ValueError as error:
        raise WsFault("WS_PLUGIN:0001", f"not a dateTime: {text}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
