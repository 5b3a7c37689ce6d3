"""The codec of `rems-1`, for one installation of REMS."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from broker.errors import ConfigurationError
from broker.translation.codecs import json_text
from broker.translation.codecs.json_text import refuse
from broker.translation.codecs.rems.binding import check_forms, load_binding
from broker.translation.codecs.rems.document import (
    ANNEX,
    APPLICATION,
    COMMENT,
    ENVELOPE,
    Installation,
    pointer_to,
    wrapped,
)
from broker.translation.codecs.rems.events import load_events
from broker.translation.codecs.rems.reading import Read, Reading
from broker.translation.codecs.rems.writing import Writing
from broker.translation.schema_model import load_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lxml import etree

    from broker.errors import Problem
    from broker.translation.schema_parts import Element, SchemaModel

JSON: Final = "application/json"
_LIMIT: Final = 10 * 1024 * 1024
_LAST_STEP: Final = re.compile(r"(\[[0-9]+\]|@[^@]*|\.?[^.\[\]@]+)$")
#: Where a part of the tree stands in the document, for what is missing there.
_PLACES: Final = {
    "head": pointer_to(ENVELOPE),
    "head.eventId": pointer_to("event/id"),
    "head.eventType": pointer_to("event/type"),
    "head.eventTime": pointer_to("event/time"),
    "head.actor": pointer_to("event/actor"),
    "said": pointer_to(COMMENT),
    "said.outcome": pointer_to("event/type"),
    "annex": pointer_to(ANNEX),
    "application": pointer_to(APPLICATION),
    "application.description": pointer_to(APPLICATION, "application/description"),
    "application.firstSubmitted": pointer_to(APPLICATION, "application/first-submitted"),
    "application.applicant": pointer_to(APPLICATION, "application/applicant", "name"),
    "application.resource": pointer_to(APPLICATION, "application/resources"),
    "application.attachment": pointer_to(APPLICATION, "application/attachments"),
    "application.form": pointer_to(APPLICATION, "application/forms"),
}


class RemsCodec:
    """Decode and encode. Holds no state of any document. `by` is the installation that it works for."""

    def __init__(self, by: Installation) -> None:
        self.by = by

    @classmethod
    def load(cls, schemas: Path, binding: Path | None = None) -> RemsCodec:
        """Read schema, events and binding; the example, if none is named. Raises: ConfigurationError."""
        model = load_schema(schemas / "rems/1/rems.xsd")
        bound = load_binding(binding or schemas / "rems/1/binding.toml", _form(model))
        return cls(Installation(model, load_events(schemas / "rems/1/events.toml"), bound))

    @property
    def media_type(self) -> str:
        """As what its documents travel."""
        return JSON

    def differences(self, definitions: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
        """Where the binding and the form definitions of the installation disagree, one line each."""
        return check_forms(self.by.binding, definitions)

    def decode(self, data: bytes) -> Read:
        """Read a document.

        Raises: Refused, with `bad-shape`, `unknown-message-type`, `bad-character`, or the codes of `json_text.read`.
        """
        document = json_text.read(data, limit=_LIMIT)
        if not isinstance(document, dict):
            refuse("bad-shape", "A document of REMS is an object.")
        return Reading(self.by, wrapped(document)).run()

    def encode(self, root: etree._Element) -> bytes:
        """Write a document. Equal trees give equal bytes."""
        return json_text.write(Writing(self.by, root).run())

    def located(self, problems: Iterable[Problem], read: Read) -> tuple[Problem, ...]:
        """Problems of a tree at the JSON Pointer that the sender knows."""
        return tuple(replace(one, path=_pointer(one.path, read) or one.path) for one in problems)


def _pointer(path: str, read: Read) -> str:
    dotted = path.lstrip("/").partition("/")[2].replace("/@", "@").replace("/", ".")
    while dotted and dotted not in read.pointers and dotted not in _PLACES:
        dotted = _LAST_STEP.sub("", dotted)
    return read.pointers.get(dotted) or _PLACES.get(dotted, "")


def _form(model: SchemaModel) -> Element:
    for root in model.roots.values():
        application = root.child("application")
        if application is not None and (form := application.child("form")) is not None:
            return form
    raise ConfigurationError("The schema of rems-1 has no form.")
