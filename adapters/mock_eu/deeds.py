"""What an applicant does at the platform, whether by REST or on its pages; and the platform's own reminders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu import countries, legs, papers
from adapters.mock_eu.letters import Letter
from adapters.mock_eu.model import SENDING
from adapters.mock_eu.problem import Problem

if TYPE_CHECKING:
    from adapters.mock_eu.model import Chance, Part
    from adapters.mock_eu.platform import Platform
    from adapters.mock_eu.store import Store

_PLATFORM_OWNED: Final = ("application_id", "version", "dateSubmitted", "in_reply_to")
#: What is answered → (message type, where the leg keeps the answer, what may be said).
ANSWERS: Final = {
    "fee_estimate": ("FeeResponse", "fee_response", ("ACCEPT", "REDUCE", "REJECT")),
    "decision": ("ApplicantResponse", "response", ("ACCEPT", "REJECT")),
    "offer": ("ApplicantResponse", "offer_response", ("ACCEPT", "REJECT")),
}
#: What a user asks of a permit → (message type, member with the moment).
REQUESTS: Final = {
    "amendment": ("AmendmentRequest", "requestedAt"),
    "extension": ("ExtensionRequest", "requestedAt"),
    "persons": ("PersonsUpdate", "notifiedAt"),
}


class Deeds:
    """Each deed in one commit. Raises: Problem, where it cannot be done."""

    def __init__(self, store: Store, platform: Platform, chance: Chance) -> None:
        self._store, self._platform, self._chance = store, platform, chance

    def file(self, metadata: dict[str, Any], files: dict[str, bytes]) -> dict[str, Any]:
        """A new application: sent to every connected nation with a dataset in it."""
        content = _checked(metadata)
        id_ = self._platform.new_application_id()
        nations = self._platform.nations_of(content)
        if not nations:
            raise Problem(422, "no-nation", "no dataset belongs to a connected nation")
        with self._store.commit():
            self._keep(id_, 1, content, files)
            self._platform.distribute(id_, "ApplicationSubmitted", nations)
        return {"application_id": id_, "version": 1, "nations": nations}

    def amend(self, id_: str, metadata: dict[str, Any], files: dict[str, bytes], in_reply_to: str) -> dict[str, Any]:
        """A new version: an answer to the nation that asked, an amendment to the others."""
        kept = self.kept(id_)
        content = _checked({**kept["content"], **metadata})
        if not _open(self._store.legs(id_)):
            raise Problem(409, "withdrawn", "no leg of the application is open")
        asked, version = _asked(self._store.legs(id_), in_reply_to), kept["version"] + 1
        with self._store.commit():
            self._keep(id_, version, content, files)
            nations = self._send_version(id_, content, asked)
        return {"application_id": id_, "version": version, "nations": nations}

    def answer(self, id_: str, about: str, nation: str, response: str) -> str:
        """Fees (Art. 62(5)), a decision (D6.3 section 6.6), or the offer of a statistical answer (Art. 68(3)).

        The MessageId.
        """
        type_, place, allowed = ANSWERS[about]
        leg = self._leg(id_, nation)
        if response not in allowed:
            raise Problem(422, "bad-response", f"response must be one of {', '.join(allowed)}")
        given = self._given(leg, about)
        at = self._chance.stamp()
        content = {"applicationId": id_, "response": response, "date": at}
        with self._store.commit():
            message_id = self._send(id_, nation, type_, content, ref=given["message_id"])
            leg[place] = {"response": response, "at": at, "message_id": message_id}
            self._store.put_leg(id_, nation, leg)
        return message_id

    def respond(self, id_: str, nation: str, response: str) -> str:
        """To the decision, or before there is one to the offer of a statistical answer. The MessageId."""
        leg = self._leg(id_, nation)
        about = "offer" if leg.get("offer") and not leg["decision"] else "decision"
        return self.answer(id_, about, nation, response)

    def appeal(self, id_: str, nation: str, text: str) -> str:
        """Against a decision (D6.4 section 10). The MessageId."""
        leg, kept = self._leg(id_, nation), self.kept(id_)
        if not text.strip():
            raise Problem(422, "text-missing", "an appeal says why")
        decision = self._given(leg, "decision")
        at = self._chance.stamp()
        content = {
            "applicationId": id_,
            "user": str(kept["content"].get("user") or "Mock applicant (example)"),
            "text": text,
            "dateReceived": self._chance.now().strftime("%d:%m:%Y"),
            "applicationType": kept["content"].get("application_type", "DATA_ACCESS_APPLICATION"),
        }
        with self._store.commit():
            message_id = self._send(id_, nation, "AppealNotified", content, ref=decision["message_id"])
            leg["appeal"] = {"text": text, "at": at, "message_id": message_id}
            self._store.put_leg(id_, nation, leg)
        return message_id

    def ask(self, id_: str, nation: str, kind: str, wishes: dict[str, Any]) -> str:
        """An amendment, an extension, or other persons, under a permit (Art. 67(2)(a), 68(12), 68(13))."""
        if kind not in REQUESTS:
            raise Problem(422, "bad-kind", f"kind must be one of {', '.join(REQUESTS)}")
        leg = self._leg(id_, nation)
        permit, (type_, moment) = self._given(leg, "permit"), REQUESTS[kind]
        if not str(wishes.get("justification", "")).strip():
            raise Problem(422, "justification-missing", "a request says why")
        content = {"applicationId": id_, "permitId": permit["permitId"], moment: self._chance.stamp(), **wishes}
        with self._store.commit():
            message_id = self._send(id_, nation, type_, content)
            made = {"kind": kind, "at": self._chance.stamp(), "message_id": message_id}
            leg["permit_requests"] = [*leg.get("permit_requests", []), made]
            self._store.put_leg(id_, nation, leg)
        return message_id

    def remind(self, id_: str, nation: str, due_date: str) -> str:
        """The platform reminds a nation of a due date (D6.4 section 8)."""
        self._leg(id_, nation)
        if not due_date:
            raise Problem(422, "date-missing", "due_date is required")
        return self._send(id_, nation, "Reminder", {"applicationId": id_, "dueDate": due_date})

    def withdraw(self, id_: str) -> list[str]:
        """From every nation that still works on it."""
        kept = self.kept(id_)
        open_legs = _open(self._store.legs(id_))
        if not open_legs:
            raise Problem(409, "nothing-to-withdraw", "no leg of the application is open")
        at = self._chance.stamp()
        with self._store.commit():
            for nation, leg in open_legs.items():
                letter = Letter("ApplicationWithdrawn", {"applicationId": id_}, id_, kept["version"])
                leg["withdrawal"] = {"at": at, "message_id": self._platform.send(nation, letter)}
                legs.set_status(leg, "WITHDRAWN", at)
                self._store.put_leg(id_, nation, leg)
        return list(open_legs)

    def view(self, kept: dict[str, Any]) -> dict[str, Any]:
        """What the applicant sees."""
        content, all_legs = kept["content"], self._store.legs(kept["id"])
        return {
            "application_id": kept["id"],
            "title": content.get("title"),
            "version": kept["version"],
            "origin": kept["origin"] or "platform",
            "submitted_at": content.get("dateSubmitted"),
            "attachments": list(self._store.files(kept["id"])),
            "aggregate": legs.aggregate(all_legs.values()),
            "nations": all_legs,
        }

    def paper(self, id_: str, sha256: str) -> Part:
        """A file that a nation sent with what it said of the application."""
        self.kept(id_)
        for nation, leg in self._store.legs(id_).items():
            for said in leg.values():
                message_id = said.get("message_id", "") if isinstance(said, dict) else ""
                held = self._store.message(nation, SENDING, message_id)
                if found := [part for part in papers.beside(held.parts if held else ()) if part.sha256 == sha256]:
                    return found[0]
        raise Problem(404, "unknown-file", "no nation sent such a file with its message")

    def views(self) -> list[dict[str, Any]]:
        """All applications, newest first."""
        return [self.view(kept) for kept in self._store.applications()]

    def kept(self, id_: str) -> dict[str, Any]:
        """The application as kept."""
        found = self._store.application(id_)
        if found is None:
            raise Problem(404, "unknown-application", "the platform knows no such application")
        return found

    def _leg(self, id_: str, nation: str) -> dict[str, Any]:
        self.kept(id_)
        leg = self._store.legs(id_).get(nation)
        if leg is None:
            raise Problem(422, "unknown-nation", "the application has no leg in this nation")
        return leg

    def _given(self, leg: dict[str, Any], what: str) -> dict[str, Any]:
        if not leg.get(what):
            raise Problem(409, "nothing-to-answer", f"the nation has sent no {what.replace('_', ' ')}")
        return dict(leg[what])

    def _send(self, id_: str, nation: str, type_: str, content: dict[str, Any], *, ref: str = "") -> str:
        return self._platform.send(nation, Letter(type_, content, id_, self.kept(id_)["version"], ref=ref))

    def _keep(self, id_: str, version: int, content: dict[str, Any], files: dict[str, bytes]) -> None:
        at = self._chance.stamp()
        # Release 7 writes nanoseconds; readers must survive them.
        submitted = self._chance.now().strftime("%Y-%m-%dT%H:%M:%S.%f") + f"{int(self._chance.hex(4), 16) % 1000:03}Z"
        owned = {"application_id": id_, "version": version, "dateSubmitted": submitted}
        self._store.put_application(id_, version, origin=("", ""), at=at, content={**content, **owned})
        self._store.put_files(id_, files)

    def _send_version(self, id_: str, content: dict[str, Any], asked: dict[str, str]) -> list[str]:
        """Every open leg gets the version in its own way; nations that are new to it get the application."""
        all_legs = self._store.legs(id_)
        nations = list(_open(all_legs))
        for nation in nations:
            type_ = "AdditionalInformation" if nation in asked else "ApplicationAmended"
            self._platform.send(nation, self._platform.application_letter(id_, type_, ref=asked.get(nation, "")))
            for question in all_legs[nation]["questions"]:
                question["answered"] = question["answered"] or nation in asked
            self._store.put_leg(id_, nation, all_legs[nation])
        added = [nation for nation in self._platform.nations_of(content) if nation not in all_legs]
        self._platform.distribute(id_, "ApplicationSubmitted", added)
        return nations + added


def _open(all_legs: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {nation: leg for nation, leg in all_legs.items() if leg["status"] != "WITHDRAWN"}


def _asked(all_legs: dict[str, dict[str, Any]], in_reply_to: str) -> dict[str, str]:
    """Nation → question that the version answers: the named one, or else each nation's latest open one."""
    if not in_reply_to:
        return {nation: found[-1]["id"] for nation, leg in all_legs.items() if (found := legs.open_questions(leg))}
    for nation, leg in all_legs.items():
        if any(question["id"] == in_reply_to for question in leg["questions"]):
            return {nation: in_reply_to}
    raise Problem(422, "unknown-question", "nobody asked a question with this id")


def _checked(metadata: dict[str, Any]) -> dict[str, Any]:
    """The applicant's part of an application."""
    content = {name: value for name, value in metadata.items() if name not in _PLATFORM_OWNED}
    if not isinstance(content.get("title"), str) or not content["title"].strip():
        raise Problem(422, "title-missing", "title must be a text that is not empty")
    datasets = content.get("datasets")
    if not isinstance(datasets, list) or not datasets:
        raise Problem(422, "datasets-missing", "datasets must name at least one dataset")
    if not isinstance(content.get("form"), dict):
        raise Problem(422, "form-missing", "form must be an object of sections")
    for number, dataset in enumerate(datasets):
        if not countries.of_dataset(dataset):
            raise Problem(422, "unknown-country", f"datasets[{number}].country is unknown")
    content.setdefault("application_type", "DATA_ACCESS_APPLICATION")
    return content
