"""The Central Platform behind the access points: validates, answers, keeps status per nation, relays.

It works inside the caller's commit, so that a message is dealt with exactly once, whatever dies when.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu import checks, countries, legs, payloads
from adapters.mock_eu.model import RECEIVING, Chance, Header, Held, Part, Property

if TYPE_CHECKING:
    from adapters.mock_eu.menu import Kitchen
    from adapters.mock_eu.payloads import Payload
    from adapters.mock_eu.settings import Settings
    from adapters.mock_eu.states import States
    from adapters.mock_eu.store import Store

_RELAYED: Final = frozenset({"StatusUpdate", "DecisionIssued", "DecisionNoticeToPeers"})
_DECIDED: Final = {"Positive": "POSITIVE_DECISION_ISSUED", "Negative": "NEGATIVE_DECISION_ISSUED"}


@dataclass(frozen=True, slots=True)
class Letter:
    """What the platform sends to one nation. `of` is the nation's message that caused it, if one did."""

    type: str
    content: dict[str, Any]
    application_id: str = ""
    version: int = 0
    ref: str = ""
    files: dict[str, bytes] | None = None
    of: Held | None = None


class Platform:
    """The platform on the mock's store."""

    def __init__(self, settings: Settings, store: Store, states: States, kitchen: Kitchen, chance: Chance) -> None:
        self._settings, self._store, self._states = settings, store, states
        self._kitchen, self._chance = kitchen, chance

    def receive(self, held: Held) -> None:
        """Deal with one message from a nation, within the caller's commit."""
        try:
            payload = payloads.read(held.parts)
        except payloads.BadPayload as error:
            self.answer(held, "", [checks.error(error.code, str(error), error.path)])
            return
        errors = checks.problems(payload) or self._misfits(held, payload)
        if self._kitchen.fire("reject-validation", held.nation, "platform.receive", payload.type):
            errors = [checks.error("mock-rejected", "rejected by a fault of the mock")]
        if payload.type == "ValidationResult":
            self._record_validation(held, payload)
        elif payload.type == "ApplicationOriginated":
            self._originate(held, payload, errors)
        else:
            self.answer(held, payload.application_id, errors)
            if not errors:
                self._apply(held, payload)

    def send(self, nation: str, letter: Letter) -> str:
        """Put a message into a nation's access point. Returns its MessageId."""
        message_id = f"{self._settings.id_prefix}-{self._chance.hex(32)}@central.example"
        envelope = self._envelope(nation, letter, message_id)
        content = letter.content
        if self._kitchen.fire("not-schema-valid", nation, "platform.send", letter.type):
            envelope, content = {"messageType": letter.type, "createdAt": "yesterday"}, {"mock": "not schema valid"}
        if letter.files is None:
            parts = payloads.write(envelope, content)
        else:
            parts = payloads.write_application(envelope, content, letter.files)
        self._deliver(nation, letter, message_id, parts)
        return message_id

    def distribute(self, application_id: str, type_: str, nations: list[str], *, of: Held | None = None) -> None:
        """Send the current version of an application to these nations and open their legs."""
        for nation in nations:
            self.send(nation, self.application_letter(application_id, type_, of=of))
            leg = self._store.legs(application_id).get(nation) or legs.new()
            legs.set_status(leg, leg["status"] or "SUBMITTED", self._chance.stamp())
            self._store.put_leg(application_id, nation, leg)

    def application_letter(self, application_id: str, type_: str, *, ref: str = "", of: Held | None = None) -> Letter:
        """A letter that carries the whole application with its files."""
        kept = self._store.application(application_id)
        if kept is None:
            raise KeyError(application_id)
        files = self._store.files(application_id)
        return Letter(type_, kept["content"], application_id, kept["version"], ref, files, of)

    def new_application_id(self) -> str:
        """24 hexadecimal digits, as the platform's."""
        return self._chance.hex(24)

    def _deliver(self, nation: str, letter: Letter, message_id: str, parts: tuple[Part, ...]) -> None:
        pmode, at = self._settings.pmode, self._chance.stamp()
        header = Header(
            message_id=message_id,
            ref_to_message_id=letter.ref,
            conversation_id=letter.application_id or letter.ref or message_id,
            from_party=self._settings.central_party_id,
            from_type=pmode.party_type,
            from_role=pmode.initiator,
            to_party=self._settings.nations[nation].party_id,
            to_type=pmode.party_type,
            to_role=pmode.responder,
            service=pmode.service,
            service_type=pmode.service_type,
            action=pmode.action,
            timestamp=at,
            properties=(
                Property("originalSender", pmode.original_sender),
                Property("finalRecipient", pmode.final_recipient),
            ),
        )
        self._states.arrive(nation, letter.type, header, parts)

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
            "createdAt": self._chance.stamp(),
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

    def answer(self, held: Held, application_id: str, errors: list[dict[str, str]]) -> None:
        """Say validated, or not and why, with reference to the original MessageId."""
        content: dict[str, Any] = {"originalMessageId": held.header.message_id, "validated": not errors}
        if errors:
            content["error"] = errors  # one element per error in eu-1, so one name on the wire
        if application_id:
            content["applicationId"] = application_id
        ref = held.header.message_id
        self.send(held.nation, Letter("ValidationResult", content, application_id, ref=ref, of=held))

    def _misfits(self, held: Held, payload: Payload) -> list[dict[str, str]]:
        """What is wrong with a sound message in view of what the platform knows."""
        if payload.type in {"ApplicationOriginated", "ValidationResult"}:
            return []
        path = "/content/applicationId"
        if not payload.application_id:
            return [checks.error("missing-field", "applicationId is required", path)]
        if self._store.application(payload.application_id) is None:
            return [checks.error("unknown-application", "the platform knows no such application", path)]
        if held.nation not in self._store.legs(payload.application_id):
            return [checks.error("not-addressed", "this nation has no part in the application", path)]
        return []

    def _record_validation(self, held: Held, payload: Payload) -> None:
        """A nation's verdict on a message of ours; it is never answered."""
        original = self._store.message(held.nation, RECEIVING, str(payload.content.get("originalMessageId")))
        application_id = original.header.conversation_id if original else payload.application_id
        leg = self._store.legs(application_id).get(held.nation)
        if leg is not None:
            legs.note_validation(leg, payload, original.type if original else "", self._chance.stamp())
            self._store.put_leg(application_id, held.nation, leg)

    def _originate(self, held: Held, payload: Payload, errors: list[dict[str, str]]) -> None:
        """OUT-16: an application lodged in a state, forwarded under Art. 67(3)."""
        key = json.dumps(payload.envelope.get("nationalId") or held.header.message_id, sort_keys=True)
        known = self._store.application_of_origin(held.nation, key)
        if errors or known:
            self.answer(held, known or "", errors)
            return
        id_, at = self.new_application_id(), self._chance.stamp()
        content = {**payload.content, "application_id": id_, "version": 1}
        content.setdefault("application_type", "DATA_ACCESS_APPLICATION")
        content.setdefault("dateSubmitted", at)
        self._store.put_application(id_, 1, origin=(held.nation, key), at=at, content=content)
        self._store.put_files(id_, dict(payload.files))
        leg = legs.new()
        legs.set_status(leg, "SUBMITTED", at)
        self._store.put_leg(id_, held.nation, leg)
        self.answer(held, id_, [])
        others = [nation for nation in self.nations_of(content) if nation != held.nation]
        self.distribute(id_, "ApplicationSubmitted", others, of=held)

    def nations_of(self, content: dict[str, Any]) -> list[str]:
        """Connected nations with a dataset in the application."""
        return [country for country in countries.of_application(content) if country in self._settings.nations]

    def _apply(self, held: Held, payload: Payload) -> None:
        """Note it in the nation's leg and tell the others."""
        all_legs = self._store.legs(payload.application_id)
        leg = all_legs[held.nation]
        legs.apply(leg, payload, held.header.message_id, self._chance.stamp())
        self._store.put_leg(payload.application_id, held.nation, leg)
        if payload.type == "DecisionIssued":
            content = {"applicationId": payload.application_id}
            ack = Letter("DecisionAck", content, payload.application_id, ref=held.header.message_id)
            self.send(held.nation, ack)
        if payload.type in _RELAYED:
            self._relay(held, payload, [nation for nation in all_legs if nation != held.nation])

    def _relay(self, held: Held, payload: Payload, nations: list[str]) -> None:
        """Row 5 of D7.3 Table 3: news of one leg for the other nations (Art. 68(5))."""
        content = payload.content
        status = content.get("status") or _DECIDED.get(str(content.get("decision")))
        news = {
            "applicationId": payload.application_id,
            "status": status,
            "nationId": held.nation.upper(),
            "decisionKind": content.get("decisionKind"),
            "permitRef": content.get("permitRef"),
            "date": self._chance.stamp(),
        }
        told = {name: value for name, value in news.items() if value}
        for nation in nations:
            self.send(nation, Letter("PeerStatus", told, payload.application_id, of=held))
