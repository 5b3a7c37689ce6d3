"""The ten operations of the WS plugin on the mock's store."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu import payloads, pmode
from adapters.mock_eu.answers import Reply, Writer, WsFault
from adapters.mock_eu.model import RECEIVING, SENDING, Chance, Header, Held, Part

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.mock_eu.settings import Nation, Settings
    from adapters.mock_eu.soap import Request
    from adapters.mock_eu.store import Store

_NOT_FOUND: Final = "WS_PLUGIN:0009"
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


class Plugin:
    """One nation's access point."""

    def __init__(self, settings: Settings, nation: Nation, store: Store, chance: Chance) -> None:
        self._settings, self._nation, self._store, self._chance = settings, nation, store, chance
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
        return Submission(header, parts, payloads.peek_type(parts))

    def keep(self, submission: Submission) -> Reply:
        """Accept a submit, within the caller's commit. Raises: WsFault (duplicate)."""
        id_, at = submission.header.message_id, self._chance.stamp()
        try:
            self._store.add_message(
                self._nation.code, SENDING, submission.type, submission.header, submission.parts, "SEND_ENQUEUED", at
            )
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
            if _is_wanted(request, at, header)
        )
        ids = [id_ for _, id_ in zip(range(self._settings.style.list_max), found, strict=False)]
        return self._writer.ids("listPendingMessagesResponse", ids)

    def _retrieve(self, request: Request, note: Note) -> Reply:
        marks = request.element.get("markAsDownloaded", "true").strip().lower() != "false"
        held = self.known(note.message_id, RECEIVING)
        if held is None or not held.parts or (marks and not held.pending):
            raise WsFault(_NOT_FOUND, f"Message not found, id [{note.message_id}]")
        note.type, note.parts = held.type, held.parts
        if marks:
            self._store.set_downloaded(held, keep=self._settings.style.keep_downloaded)
        return self._writer.retrieved(held.header, held.parts)

    def _mark(self, request: Request, note: Note) -> Reply:  # noqa: ARG002 -- all operations have one shape
        held = self.known(note.message_id, RECEIVING)
        if held is None or not held.pending:
            raise WsFault(_NOT_FOUND, f"No message with id [{note.message_id}] found")
        note.type = held.type
        self._store.set_downloaded(held, keep=self._settings.style.keep_downloaded)
        return self._writer.ids("markMessageAsDownloadedResponse", [note.message_id])

    def _status(self, request: Request, note: Note) -> Reply:
        held = self._in_role(request, note)
        return self._writer.plain("getStatusResponse", held.status if held else "NOT_FOUND")

    def _errors(self, request: Request, note: Note) -> Reply:
        if self._in_role(request, note) is None:
            raise WsFault(_NOT_FOUND, f"No message with id [{note.message_id}] found")
        return self._writer.plain("getMessageErrorsResponse")

    def _list_push_failed(self, request: Request, note: Note) -> Reply:  # noqa: ARG002 -- nothing is ever pushed
        return self._writer.ids("listPushFailedMessagesResponse", [])

    def _re_push(self, request: Request, note: Note) -> Reply:
        note.message_id = ", ".join(element.text or "" for element in request.element.iterfind("messageID"))
        raise WsFault(_NOT_FOUND, f"No push-failed message with id [{note.message_id}] found")

    def _in_role(self, request: Request, note: Note) -> Held | None:
        """By role where one is named; the old operations look at what was sent first."""
        role = request.child("accessPointRole")
        found = [self.known(note.message_id, one) for one in ([role] if role else [SENDING, RECEIVING])]
        held = next((one for one in found if one is not None), None)
        note.type = held.type if held else ""
        return held


def duplicate(message_id: str) -> WsFault:
    """The fault for an id that was used before."""
    text = f"Message with id [{message_id}] and role SENDING already exists. Message identifiers must be unique"
    return WsFault("EBMS:0004", text)


def twice(reply: Reply) -> Reply:
    """A list in which every id stands twice."""
    doubled = re.sub(rb"(<messageID>[^<]*</messageID>)", rb"\1\1", reply.body)
    return replace(reply, body=doubled)


def _is_wanted(request: Request, at: str, header: Header) -> bool:
    """Whether a pending message passes the filters; the original user is not restricted here."""
    facts = {
        "messageId": header.message_id,
        "conversationId": header.conversation_id,
        "refToMessageId": header.ref_to_message_id,
        "fromPartyId": header.from_party,
        "finalRecipient": header.value("finalRecipient"),
        "originalSender": header.value("originalSender"),
    }
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
