"""The platform's post: envelope, wire form, header, and the faults of the way to a nation's access point."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu import letters, wire
from adapters.mock_eu.letters import Draft, Letter
from adapters.mock_eu.model import Header, Part, Property
from adapters.mock_eu.operations import Note
from adapters.mock_eu.payloads import STRUCTURED

if TYPE_CHECKING:
    from adapters.mock_eu.menu import Fault, Kitchen
    from adapters.mock_eu.model import Chance
    from adapters.mock_eu.settings import Settings
    from adapters.mock_eu.states import States
    from adapters.mock_eu.store import Store

_OTHER: Final = "hdeu-mock-nobody@nation.example"


class Mail:
    """Writes letters and puts them into access points, within the caller's commit."""

    def __init__(self, settings: Settings, store: Store, states: States, kitchen: Kitchen, chance: Chance) -> None:
        self._settings, self._store, self._states = settings, store, states
        self._kitchen, self._chance = kitchen, chance

    def send(self, nation: str, letter: Letter) -> str:
        """Put a message into a nation's access point; its MessageId, "" where the nation's form has no such message."""
        if self._fire("response-without-request", nation, letter):
            self._post(nation, self._uncalled_for())
        message_id = self._post(nation, letter)
        if message_id and letter.files is not None and self._fire("second-version", nation, letter):
            self._post(nation, self._next_version(letter))
        if message_id and self._fire("two-answers", nation, letter):
            self._post(nation, _contradiction(letter))
        return message_id

    def release(self) -> None:
        """Deliver what faults held back and is due now."""
        self._let_go("due <= ?", (self._chance.stamp(),))

    def seconds_to_next(self) -> float | None:
        """Until something is due; None if nothing is held back."""
        row = self._store.execute("SELECT MIN(due) FROM held_back").fetchone()
        return None if row[0] is None else self._chance.until(row[0])

    def _post(self, nation: str, letter: Letter) -> str:
        form = self._settings.nations[nation].wire
        message_id = self._new_id()
        draft = Draft(letter, self._envelope(nation, letter, message_id), letter.content, letter.files, self._stamp())
        if not (parts := wire.write(form, draft)):
            self._note(nation, letter, "", f"no such message in {form}")
            return ""
        if (changed := self._changed(nation, draft)) is not draft:
            draft, parts = changed, wire.write(form, changed)
        if letter.files is not None and self._fire("corrupt-zip", nation, letter):
            parts = tuple(replace(part, data=part.data[: len(part.data) // 2]) for part in parts)
        if self._fire("corrupt-payload", nation, letter):
            parts = tuple(replace(part, data=b"%\xff" + part.data[2:]) for part in parts)
        if self._fire("second-part", nation, letter):
            parts = (*parts, self._structured())
        self._dispatch(nation, letter, self._header(nation, letter, draft, message_id), parts)
        return message_id

    def _changed(self, nation: str, draft: Draft) -> Draft:
        """As the faults have it; the very draft where none strikes."""
        for name, change in letters.CHANGES.items():
            if name in letters.FITS and not letters.FITS[name](draft):
                continue
            if fault := self._fire(name, nation, draft.letter):
                draft = change(draft, fault, self._chance)
        return draft

    def _dispatch(self, nation: str, letter: Letter, head: Header, parts: tuple[Part, ...]) -> None:
        """On its way: lost, late, overtaken, twice, or simply there."""
        if self._fire("drop", nation, letter):
            self._note(nation, letter, head.message_id, "dropped")
        elif self._fire("filter-steals", nation, letter):
            self._states.steal(nation, letter.type, head, parts)
        elif self._fire("receive-failure", nation, letter):
            self._states.refuse(nation, head)
            self._note(nation, letter, head.message_id, "not received")
        elif fault := self._fire("delay", nation, letter):
            self._hold_back(nation, letter, head, parts, fault.seconds)
        elif fault := self._fire("reorder", nation, letter):
            self._hold_back(nation, letter, head, parts, fault.seconds, behind=True)
        else:
            self._states.arrive(nation, letter.type, head, parts)
            if self._fire("duplicate", nation, letter):
                self._states.arrive(nation, letter.type, replace(head, message_id=self._new_id()), parts)
            self._let_go("behind AND nation = ?", (nation,))

    def _header(self, nation: str, letter: Letter, draft: Draft, message_id: str) -> Header:
        pmode = self._settings.pmode
        stranger = self._fire("wrong-sender", nation, letter)
        service = self._fire("unknown-service", nation, letter)
        return Header(
            message_id=message_id,
            ref_to_message_id=letter.ref,
            conversation_id=letter.application_id or letter.ref or message_id,
            from_party="hdeu:mock:ap:stranger" if stranger else self._settings.central_party_id,
            from_type=pmode.party_type,
            from_role=pmode.initiator,
            to_party=self._settings.nations[nation].party_id,
            to_type=pmode.party_type,
            to_role=pmode.responder,
            service="urn:hdeu:mock:unknown" if service else pmode.service,
            service_type=pmode.service_type,
            action="Unknown" if service else pmode.action,
            timestamp=draft.timestamp,
            properties=(
                Property("originalSender", pmode.original_sender),
                Property("finalRecipient", pmode.final_recipient),
            ),
        )

    def _envelope(self, nation: str, letter: Letter, message_id: str) -> dict[str, Any]:
        envelope: dict[str, Any] = {
            "messageId": message_id,
            "messageType": letter.type,
            "inReplyTo": letter.ref,
            "conversationId": letter.application_id or letter.ref or message_id,
            "applicationId": letter.application_id,
            "version": letter.version,
            "schemaFamily": "eu-r7",
            "schemaVersion": "7",
            "sender": self._sender(letter),
            "receiver": self._party(nation),
            "createdAt": self._stamp(),
            "originalMessageId": letter.of.header.message_id if letter.of else "",
            "testFlag": True,
        }
        return {name: value for name, value in envelope.items() if value}

    def _sender(self, letter: Letter) -> dict[str, str]:
        """The nation whose news this is, as its access point proves it; else the platform itself."""
        if letter.of is not None and letter.type != "ValidationResult":
            return self._party(letter.of.nation)
        central = self._settings.central_party_id
        return {"participantId": central, "role": "CENTRAL_PLATFORM", "accessPointId": central}

    def _party(self, nation: str) -> dict[str, str]:
        party_id = self._settings.nations[nation].party_id
        return {"participantId": party_id, "role": "NCP", "nationId": nation.upper(), "accessPointId": party_id}

    def _structured(self) -> Part:
        """A part that no message to a nation is known to have; its bytes are drawn."""
        text = f'<structured xmlns="urn:hdeu:mock">{self._chance.hex(32)}</structured>'
        return Part(STRUCTURED, "application/xml", text.encode())

    def _uncalled_for(self) -> Letter:
        """An answer to nothing."""
        return Letter("ValidationResult", {"originalMessageId": _OTHER, "validated": True}, ref=_OTHER)

    def _next_version(self, letter: Letter) -> Letter:
        """The application once more, one version on; the platform keeps it so."""
        version = letter.version + 1
        kept = self._store.application(letter.application_id)
        content = {**letter.content, "version": version}
        if kept is not None and kept["version"] < version:
            self._store.put_application(letter.application_id, version, origin=("", ""), at=kept["at"], content=content)
        return replace(letter, type="ApplicationAmended", content=content, version=version)

    def _hold_back(
        self,
        nation: str,
        letter: Letter,
        head: Header,
        parts: tuple[Part, ...],
        seconds: float,
        *,
        behind: bool = False,
    ) -> None:
        doc = {"header": head.as_dict(), "parts": [_text(part) for part in parts]}
        due = self._chance.stamp(timedelta(seconds=seconds))
        row = (nation, letter.type, behind, due, json.dumps(doc))
        self._store.execute("INSERT INTO held_back (nation, type, behind, due, doc) VALUES (?, ?, ?, ?, ?)", row)
        self._note(nation, letter, head.message_id, "held back")

    def _let_go(self, where: str, values: tuple[str, ...]) -> None:
        with self._store.commit():
            rows = self._store.execute(
                f"DELETE FROM held_back WHERE {where} RETURNING seq, nation, type, doc",  # noqa: S608 -- constants of this module
                values,
            ).fetchall()
            for _, nation, type_, text in sorted(rows):
                doc = json.loads(text)
                parts = tuple(Part(href, kind, base64.b64decode(data)) for href, kind, data in doc["parts"])
                self._states.arrive(nation, type_, Header.of(doc["header"]), parts)

    def _note(self, nation: str, letter: Letter, message_id: str, outcome: str) -> None:
        note = Note(nation, "platform.send", message_id, letter.type)
        self._store.add_log(note.entry(self._stamp(), outcome))

    def _fire(self, name: str, nation: str, letter: Letter) -> Fault | None:
        return self._kitchen.fire(name, nation, "platform.send", letter.type)

    def _new_id(self) -> str:
        return f"{self._settings.id_prefix}-{self._chance.hex(32)}@central.example"

    def _stamp(self) -> str:
        return self._chance.stamp()


def _contradiction(letter: Letter) -> Letter:
    """A second answer to the same request, which says the opposite where there is one."""
    content = dict(letter.content)
    if isinstance(content.get("validated"), bool):
        content["validated"] = not content["validated"]
        content.pop("error", None)
        if not content["validated"]:
            content["error"] = [{"code": "mock-second-answer", "message": "a second answer by a fault of the mock"}]
    return replace(letter, content=content)


def _text(part: Part) -> list[str]:
    return [part.href, part.media_type, base64.b64encode(part.data).decode()]
