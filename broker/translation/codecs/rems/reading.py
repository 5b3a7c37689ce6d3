"""One document of REMS on its way in: what the schema has a name for is taken out, the rest is kept at its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from broker.errors import Problem
from broker.translation.codecs import json_text
from broker.translation.codecs.json_text import refuse
from broker.translation.codecs.rems import comment, form, members
from broker.translation.codecs.rems.document import (
    ANNEX,
    APPLICATION,
    COMMENT,
    ENVELOPE,
    FIELDS,
    KIND,
    MESSAGE,
    QUESTIONS,
    REFERENCE,
    UNBOUND,
    Document,
    Installation,
    pointer_to,
)
from broker.translation.codecs.rems.facts import grow, is_xml, leaf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lxml import etree

    from broker.translation.codecs.rems.binding import Field

_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Read:
    """A tree, where each of its facts stood, and what was kept without being understood."""

    root: etree._Element
    pointers: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[Problem, ...] = ()


class Reading(Document):
    """The way in."""

    def __init__(self, by: Installation, document: dict[str, Any]) -> None:
        super().__init__(by, document)
        self.pointers: dict[str, str] = {}
        self.flags: list[Problem] = []
        self._is_thin = document.get(APPLICATION) == {}
        self._is_ours = False

    def run(self) -> Read:
        """Raises: Refused, `unknown-message-type` or `bad-character`."""
        if not self.event or not isinstance(self.document["event/type"], str):
            refuse("unknown-message-type", "The document does not say which event it is.", pointer_to("event/type"))
        message = self.message()
        named = self.is_named(message)
        by_itself = {} if self.by.is_application(message) else self.said_by_event(message)
        self._flag_unknown()
        self._take_ours(message)
        self._take_event(message)
        if self.by.is_application(message):
            self._take_form()
        else:
            self._take_comment(message, named=named)
            self.facts = {**by_itself, **self.facts}
        self._take_kind(message)
        self._keep_rest()
        root = grow(self.by.model.namespace, self.by.model.roots[message], self.facts)
        return Read(root, self.pointers, tuple(self.flags))

    def _flag_unknown(self) -> None:
        if self.is_event and self.event not in self.by.events.known:
            detail = "REMS has a kind of event that is not known here; it is kept."
            self.flags.append(Problem("unknown-event", detail, pointer_to("event/type"), value=self.event[:_SHOWN]))

    def _take_ours(self, message: str) -> None:
        """What stands in our own members; a name that the schema does not have stays where it is."""
        if self.document.get(MESSAGE) == message:
            self._is_ours = bool(self.document.pop(MESSAGE))
        for member, prefix in ((ENVELOPE, "head."), (UNBOUND, "")):
            found = self.document.get(member)
            if not isinstance(found, dict) or not found:
                continue
            for name, text in list(found.items()):
                declared = leaf(self.by.model.roots[message], f"{prefix}{name}")
                if isinstance(text, str) and is_xml(text) and declared is not None:
                    self._put(f"{prefix}{name}", found.pop(name), pointer_to(member, name))
            if not self.document[member]:
                del self.document[member]
        annex = self.document.get(ANNEX)
        if isinstance(annex, list) and annex and all(map(_is_entry, annex)):
            for at, entry in enumerate(self.document.pop(ANNEX)):
                self._put(f"annex.entry[{at + 1}]", entry["value"], f"{pointer_to(ANNEX)}/{at}/value")
                self._put(f"annex.entry[{at + 1}]@path", entry["path"], f"{pointer_to(ANNEX)}/{at}/path")

    def _put(self, path: str, text: str, pointer: str) -> None:
        self.facts[path] = text
        self.pointers[path] = pointer

    def _take_event(self, message: str) -> None:
        if self.by.events.rule(message).step:
            self.facts.update(members.take_opinion(self.document))
        there = self.reference()
        value = there.get(form.VALUE) if there else None
        if there is not None and isinstance(value, str) and value and is_xml(value):
            found = REFERENCE.fullmatch(value)
            pairs = zip(self.by.numbered(message), found.groups() if found else (), strict=False)
            said = {path: text for path, text in pairs if text}
            if not said.keys() & self.facts.keys():
                self.facts.update(said)
                del there[form.VALUE]
        self.facts.update(members.take_head(self.document))
        for name in members.left(self.document):
            detail = f"{name} has another kind of value than REMS gives it; it is kept."
            self.flags.append(Problem("not-convertible", detail, pointer_to(name), rule="member"))

    def _take_form(self) -> None:
        bound, used = self.form(), set[str]()
        if bound is not None:
            self.facts.setdefault(KIND, bound.application_type)
            for one, there, pointer in form.answers(bound, self.application):
                used |= self._take_answer(one, there, f"{pointer_to(APPLICATION)}{pointer}")
            form.prune(self.application, bound)
        self.facts.update(members.take_application(self.application, lambda one: self._is_ours or one in used))

    def _take_answer(self, bound: Field, there: dict[str, Any], pointer: str) -> set[str]:
        self.pointers[f"{FIELDS}{bound.name}"] = pointer
        if not there.get(form.VALUE):
            return set()
        facts = form.take(bound, there[form.VALUE])
        if facts is None:
            detail = f"The answer is no {bound.type} after the binding; it is kept."
            self.flags.append(Problem("not-convertible", detail, pointer, rule="binding"))
            return set()
        prefix = "" if bound.name == form.ANNEX else FIELDS
        for path, text in facts.items():
            self._put(f"{prefix}{path}", text, pointer)
        del there[form.VALUE]
        return set(facts.values()) if bound.type == "attachment" else set()

    def _take_comment(self, message: str, *, named: bool) -> None:
        text = self.document.get(COMMENT)
        if not isinstance(text, str) or not is_xml(text):
            return
        said, tags = comment.read(text, self.tags(message, named=named))
        found = {} if said is None else {"comment": said}
        if message == QUESTIONS:
            found.update(comment.questions_of(tags))
            tags = [tag for tag in tags if not comment.is_question(tag[0])]
        found.update({comment.path_of(name): value or "" for name, value in tags if name != "message"})
        self.facts.update({f"said.{path}": value for path, value in found.items()})
        del self.document[COMMENT]

    def _take_kind(self, message: str) -> None:
        """The kind of event stands in the tree only where the message does not tell it."""
        if self.by.events.usual(message, self.facts) == self.event:
            del self.document["event/type"]
        elif is_xml(self.event):
            self._put("head.eventType", self.document.pop("event/type"), pointer_to("event/type"))

    def _keep_rest(self) -> None:
        kept = [(pointer_to(name), value) for name, value in self.document.items() if name != APPLICATION]
        kept += [(pointer_to(APPLICATION, name), value) for name, value in self.application.items()]
        if self._is_thin or not isinstance(self.document.get(APPLICATION, {}), dict):
            kept.append((pointer_to(APPLICATION), self.document[APPLICATION]))
        for at, (pointer, value) in enumerate(kept, 1):
            if not is_xml(pointer):
                shown = ascii(pointer)[:_SHOWN]
                refuse("bad-character", "A name has a character that XML does not have.", value=shown)
            self._put(f"rest.member[{at}]", json_text.write_text(value), pointer)
            self.facts[f"rest.member[{at}]@pointer"] = pointer


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and set(entry) == {"path", "value"}
        and all(isinstance(text, str) and is_xml(text) for text in entry.values())
    )
