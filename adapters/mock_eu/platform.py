"""The Central Platform behind the access points: validates, answers, keeps status per nation, relays.

It works inside the caller's commit, so that a message is dealt with exactly once, whatever dies when.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu import checks, countries, legs, papers, wire
from adapters.mock_eu.letters import Letter
from adapters.mock_eu.model import RECEIVING, SENDING, Chance, Held
from adapters.mock_eu.payloads import BadPayload, Payload

if TYPE_CHECKING:
    from adapters.mock_eu.mail import Mail
    from adapters.mock_eu.menu import Kitchen
    from adapters.mock_eu.registry import Registry
    from adapters.mock_eu.settings import Settings
    from adapters.mock_eu.store import Store

_RELAYED: Final = frozenset({"StatusUpdate", "DecisionIssued", "DecisionNoticeToPeers"})
#: What of a permit another nation is told.
_SHARED: Final = ("applicationId", "basePermitId", "version", "dateOfAuthorisation", "duration", "document")
_DECIDED: Final = {"Positive": "POSITIVE_DECISION_ISSUED", "Negative": "NEGATIVE_DECISION_ISSUED"}


class Platform:
    """The platform on the mock's store."""

    def __init__(
        self, settings: Settings, store: Store, mail: Mail, registry: Registry, kitchen: Kitchen, chance: Chance
    ) -> None:
        self._settings, self._store, self._mail, self._registry = settings, store, mail, registry
        self._kitchen, self._chance = kitchen, chance

    def receive(self, held: Held) -> None:
        """Deal with one message from a nation, within the caller's commit."""
        try:
            found = wire.read(self._settings.nations[held.nation].wire, held.parts, held.header)
        except BadPayload as error:
            self.answer(held, "", [checks.error(error.code, str(error), error.path)])
            return
        for payload in found:
            self._deal_with(held, payload)

    def _deal_with(self, held: Held, payload: Payload) -> None:
        errors = checks.problems(payload) or self._misfits(held, payload)
        if payload.type == "ValidationResult":
            self._record_validation(held, payload)
            return
        if self._kitchen.fire("reject-validation", held.nation, "platform.receive", payload.type):
            errors = [checks.error("mock-rejected", "rejected by a fault of the mock")]
        if payload.type == "ApplicationOriginated":
            self._originate(held, payload, errors)
        else:
            self.answer(held, payload.application_id, errors)
            if not errors:
                self._apply(held, payload)

    def send(self, nation: str, letter: Letter) -> str:
        """Put a message into a nation's access point. Returns its MessageId."""
        return self._mail.send(nation, letter)

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
        return self._registry.misfits(held, payload) or self._strangers(held, payload)

    def _strangers(self, held: Held, payload: Payload) -> list[dict[str, str]]:
        """Whether the application is one that the platform knows and the nation has a part in."""
        path = "/content/applicationId"
        if _stands_alone(payload):
            return []
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
        """Note it in register and leg, and tell the others."""
        self._registry.note(held, payload, self._chance.stamp())
        if payload.type == "EnforcementRecord":
            self._warn(held, payload)
        if _stands_alone(payload):
            return
        all_legs = self._store.legs(payload.application_id)
        leg = all_legs[held.nation]
        legs.apply(leg, payload, held.header.message_id, self._chance.stamp())
        self._store.put_leg(payload.application_id, held.nation, leg)
        if payload.type == "DecisionIssued":
            content = {"applicationId": payload.application_id}
            ack = Letter("DecisionAck", content, payload.application_id, ref=held.header.message_id)
            self.send(held.nation, ack)
        if payload.type in _RELAYED and not legs.is_of_permit(leg, payload):
            self._relay(held, payload, [nation for nation in all_legs if nation != held.nation])

    def _warn(self, held: Held, payload: Payload) -> None:
        """Art. 63(6): every other nation learns of a measure."""
        content = {**payload.content, "nationId": held.nation.upper()}
        for nation in self._settings.nations:
            if nation != held.nation:
                self.send(nation, Letter("PeerEnforcement", content, payload.application_id, of=held))

    def share(self, permit: dict[str, Any], nation: str) -> str:
        """Another nation's permit, for one that asks for it (Art. 68(5), mutual recognition). The MessageId."""
        latest = permit["versions"][-1]
        told = {name: latest[name] for name in _SHARED if latest.get(name)}
        content = {**told, "nationId": permit["nation"].upper(), "permitId": permit["key"], "status": permit["status"]}
        of = self._store.message(permit["nation"], SENDING, latest["message_id"])
        signed = str((latest.get("document") or {}).get("sha256"))
        beside = tuple(part for part in (of.parts if of else ()) if part.href == f"{papers.FILE}{signed}")
        letter = Letter("PeerPermit", content, str(latest.get("applicationId", "")), of=of, beside=beside)
        return self.send(nation, letter)

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


def _stands_alone(payload: Payload) -> bool:
    """Whether it belongs to no leg: by its kind, or as a permit for an application that stayed in its state."""
    return payload.type in checks.WITHOUT_APPLICATION or (payload.type == "PermitIssued" and not payload.application_id)
