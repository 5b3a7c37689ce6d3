"""What reading and writing a document of REMS have in common: its shape, its form, and which message it is.

A document is the body of an event notification, or an application object alone. Members of our own, `hdeu/…`, hold
what no member or field of REMS can.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from broker.translation.codecs.json_tree import escaped
from broker.translation.codecs.rems import comment, form
from broker.translation.codecs.rems.facts import leaf

if TYPE_CHECKING:
    from collections.abc import Callable

    from broker.translation.codecs.rems.binding import Binding, Form
    from broker.translation.codecs.rems.comment import Tag
    from broker.translation.codecs.rems.events import Events
    from broker.translation.codecs.rems.facts import Facts
    from broker.translation.schema_parts import SchemaModel

APPLICATION: Final = "event/application"
COMMENT: Final = "application/comment"
MESSAGE: Final = "hdeu/message"
ENVELOPE: Final = "hdeu/envelope"
ANNEX: Final = "hdeu/annex"
UNBOUND: Final = "hdeu/unbound"
QUESTIONS: Final = "AdditionalInfoRequest"
KIND: Final = "application.applicationType"
FIELDS: Final = "application.form."
#: Text of the field that names the number the broker gave: `CP-1 v2`.
REFERENCE: Final = re.compile(r"(.*?)(?: v([0-9]{1,12}))?", re.DOTALL)
_STATE: Final = "application.state/"


def pointer_to(*members: str) -> str:
    """The JSON Pointer (RFC 6901) to a member."""
    return "".join(f"/{escaped(member)}" for member in members)


@dataclass(frozen=True, slots=True)
class Installation:
    """What a document is read and written by: the schema, the table of events, the binding."""

    model: SchemaModel
    events: Events
    binding: Binding

    def is_application(self, message: str) -> bool:
        """Whether a message has an application, and not only what an event says."""
        return self.model.roots[message].child("application") is not None

    def numbered(self, message: str) -> tuple[str, str]:
        """The facts that are the number the broker gave, and the version."""
        if self.is_application(message):
            return "application.reference", "application.version"
        return "said.applicationId", "head.version"


def wrapped(document: dict[str, Any]) -> dict[str, Any]:
    """The document; an application alone as the event that never was: its state stands where the kind of event does."""
    state = document.get("application/state")
    if "event/type" in document or not isinstance(state, str) or not state.startswith(_STATE):
        return document
    application = dict(document)
    ours = {name: application.pop(name) for name in list(application) if name.startswith("hdeu/")}
    event = {"event/type": application.pop("application/state")}
    if isinstance(application.get("application/last-activity"), str):
        event["event/time"] = application.pop("application/last-activity")
    return {**event, **ours, APPLICATION: application}


def unwrapped(document: dict[str, Any]) -> dict[str, Any]:
    """The way back of `wrapped`."""
    state = document.get("event/type")
    if not isinstance(state, str) or not state.startswith(_STATE):
        return document
    ours = {name: value for name, value in document.items() if name.startswith("hdeu/")}
    time = {"application/last-activity": document["event/time"]} if "event/time" in document else {}
    return {**document.get(APPLICATION, {}), "application/state": state, **time, **ours}


class Document:
    """A document, wrapped, and its facts."""

    def __init__(self, by: Installation, document: dict[str, Any]) -> None:
        self.by, self.document = by, document
        self.facts: Facts = {}

    @property
    def application(self) -> dict[str, Any]:
        """The application, as it stands in the document; empty, if there is none."""
        found = self.document.get(APPLICATION)
        return found if isinstance(found, dict) else {}

    @property
    def event(self) -> str:
        """The kind of event."""
        return str(self.document.get("event/type", ""))

    @property
    def is_event(self) -> bool:
        """Whether it is the body of a notification, and no application alone."""
        return not self.event.startswith(_STATE)

    def form(self) -> Form | None:
        """The first bound form that the application has."""
        ids = [one.get("form/id") for one in form.objects(self.application.get("application/forms"))]
        return next((bound for bound in self.by.binding.forms if bound.id in ids), None)

    def reference(self) -> dict[str, Any] | None:
        """The field that names the number the broker gave, if the application has it."""
        bound = self.form()
        return None if bound is None else form.field_of(self.application, bound, bound.reference)

    def said_by_event(self, message: str) -> Facts:
        """What the event states by itself."""
        bound = self.form()
        return self.by.events.said(message, self.document, bound.application_type if bound else "")

    def message(self) -> str:
        """Which message it is: what the document says itself, its first tag, or its event."""
        marked = self.document.get(MESSAGE)
        if isinstance(marked, str) and marked in self.by.model.roots:
            return marked
        text = self.document.get(COMMENT) if self.speaks_for_the_body else None
        tags = comment.read(text, self.is_message)[1] if isinstance(text, str) else []
        return str(tags[0][1]) if tags else self.by_event()

    def by_event(self) -> str:
        """Which message the event is by itself."""
        lodged = self.reference() or {}
        event = self.event if self.is_event else "application.event/submitted"
        return self.by.events.message(event, lodged=self.is_event and bool(lodged.get(form.VALUE)))

    def is_named(self, message: str) -> bool:
        """Whether a tag is what makes the event this message."""
        return MESSAGE not in self.document and self.speaks_for_the_body and self.by_event() != message

    @property
    def speaks_for_the_body(self) -> bool:
        """Whether a handler of the application is behind the event: an applicant or a reviewer may comment too.

        What the broker writes itself has no actor; every event of REMS has one.
        """
        actor, roles = self.document.get("event/actor"), self.application.get("application/user-roles")
        if actor is None:
            return True
        held = roles.get(actor) if isinstance(actor, str) and isinstance(roles, dict) else None
        return isinstance(held, list) and "handler" in held

    def is_message(self, tag: Tag) -> bool:
        """Whether a tag names a message that an event can be."""
        declared = self.by.model.roots.get(tag[1] or "") if tag[0] == "message" else None
        return declared is not None and declared.child("said") is not None

    def tags(self, message: str, *, named: bool) -> Callable[[Tag], bool]:
        """What is a tag in the comment of this message; `named`: the tag that names it is one."""
        declared = self.by.model.roots[message]

        def known(tag: Tag) -> bool:
            if message == QUESTIONS and comment.is_question(tag[0]):
                return True
            path = comment.path_of(tag[0])
            return (named and tag == ("message", message)) or (
                path != "comment" and leaf(declared, f"said.{path}") is not None
            )

        return known
