"""One tree on its way to a document of REMS: into its members and the fields of its form, the rest into our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lxml import etree

from broker.translation.codecs import json_text, json_tree
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
    unwrapped,
)
from broker.translation.codecs.rems.facts import flat

if TYPE_CHECKING:
    from broker.translation.codecs.rems.binding import Form
    from broker.translation.codecs.rems.comment import Tag


class Writing(Document):
    """The way out."""

    def __init__(self, by: Installation, root: etree._Element) -> None:
        super().__init__(by, {})
        self.type = etree.QName(root).localname
        self.facts = flat(root, by.model.roots[self.type])
        self._loose_files = False

    def run(self) -> dict[str, Any]:
        """The document."""
        self._put_back_rest()
        kind = self.facts.pop("head.eventType", "") or self.document.get("event/type")
        self.document["event/type"] = kind or self.by.events.usual(self.type, self.facts)
        members.put_head(self.document, self.facts)
        if self.by.is_application(self.type):
            self._put_application()
        else:
            self._put_reference(make=False)
            self._put_comment()
        self._put_ours()
        if self.message() != self.type or self._loose_files:
            self.document[MESSAGE] = self.type
        return unwrapped(self.document)

    def _put_back_rest(self) -> None:
        """What was kept, at its place; what has lost its place stays among the facts."""
        at = 1
        while (path := f"rest.member[{at}]") in self.facts:
            pointer, text = self.facts[f"{path}@pointer"], self.facts[path]
            if _is_kept(pointer, text) and json_tree.put_back(self.document, pointer, text):
                del self.facts[path], self.facts[f"{path}@pointer"]
            at += 1

    def _put_application(self) -> None:
        was_there = APPLICATION in self.document
        application = self.document.setdefault(APPLICATION, {})
        wanted = self.by.binding.for_type(self.facts.get(KIND, ""))
        if wanted is not None:
            form.form_for(application, wanted)
        bound, files = self.form(), self._files()
        if bound is not None:
            if bound.application_type == self.facts.get(KIND):
                del self.facts[KIND]
            self._put_answers(bound)
            self._put_reference(make=True)
        self._loose_files = not files <= form.files(application, bound)
        members.put_application(application, self.facts)
        if not application and not was_there:
            del self.document[APPLICATION]

    def _files(self) -> set[str]:
        listed = (path for path in self.facts if path.startswith("application.attachment["))
        return {self.facts.get(f"{path.partition(']')[0]}].id", "") for path in listed}

    def _put_answers(self, bound: Form) -> None:
        own = {path.removeprefix(FIELDS): text for path, text in self.facts.items()}
        rows, sheet = form.heights(bound, own), form.Sheet(self.application, bound)
        for one in bound.all_fields:
            value, there = form.put(one, own, rows), sheet.there(one.id)
            if value is not None:
                sheet.place(one.id)[form.VALUE] = value
            elif there is not None and form.VALUE not in there:
                there[form.VALUE] = [] if one.type == "table" else ""
        self.facts = {path: text for path, text in self.facts.items() if path.removeprefix(FIELDS) in own}

    def _put_reference(self, *, make: bool) -> None:
        """The number and version into their field; where the application has none, they are said otherwise."""
        bound, there = self.form(), self.reference()
        number, version = (self.facts.get(path) for path in self.by.numbered(self.type))
        if bound is None or not number or (not make if there is None else bool(there.get(form.VALUE))):
            return
        text = number if version is None else f"{number} v{version}"
        found = REFERENCE.fullmatch(text)
        if found is not None and found.groups() == (number, version):
            form.Sheet(self.application, bound).place(bound.reference)[form.VALUE] = text
            for path in self.by.numbered(self.type):
                self.facts.pop(path, None)

    def _put_comment(self) -> None:
        if self.by.events.rule(self.type).step:
            members.put_opinion(self.document, self.facts)
        for path, said in self.said_by_event(self.type).items():
            if self.facts.get(path) == said:
                del self.facts[path]
        own = {path: self.facts.pop(path) for path in list(self.facts) if path.startswith("said.")}
        own = {path.removeprefix("said."): text for path, text in own.items()}
        said_freely = own.pop("comment", None)
        questions = list(comment.questions(own)) if self.type == QUESTIONS else []
        tags: list[Tag] = [*((comment.name_of(path), text) for path, text in own.items()), *questions]
        named = self.is_named(self.type)
        lead: list[Tag] = [("message", self.type)] if named else []
        text = comment.write(said_freely, [*lead, *tags], self.tags(self.type, named=named))
        if text is not None:
            self.document[COMMENT] = text

    def _put_ours(self) -> None:
        annex: list[dict[str, str]] = []
        while f"annex.entry[{len(annex) + 1}]@path" in self.facts:
            path = f"annex.entry[{len(annex) + 1}]"
            annex.append({"path": self.facts.pop(f"{path}@path"), "value": self.facts.pop(path, "")})
        envelope = {path.removeprefix("head."): text for path, text in self.facts.items() if path.startswith("head.")}
        unbound = {path: text for path, text in self.facts.items() if not path.startswith("head.")}
        if annex:
            self.document[ANNEX] = annex
        for member, facts in ((ENVELOPE, envelope), (UNBOUND, unbound)):
            there = self.document.get(member)
            if facts:
                self.document[member] = {**there, **facts} if isinstance(there, dict) else facts


def _is_kept(pointer: str, text: str) -> bool:
    try:
        json_text.read_text(text)
    except (ValueError, RecursionError):
        return False
    return pointer.startswith("/")
