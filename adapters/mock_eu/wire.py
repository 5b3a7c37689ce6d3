"""The wire forms that the platform speaks, one per nation: each reads the parts of a message and writes a draft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.mock_eu import payloads, pilot

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.mock_eu.letters import Draft
    from adapters.mock_eu.model import Header, Part
    from adapters.mock_eu.payloads import Payload

_READERS: Final[dict[str, Callable[[tuple[Part, ...], Header], tuple[Payload, ...]]]] = {
    "eu-r7": lambda parts, _: (payloads.read(parts),),
    "eu-pilot": pilot.read,
}
_WRITERS: Final[dict[str, Callable[[Draft], tuple[Part, ...]]]] = {
    "eu-r7": payloads.write_draft,
    "eu-pilot": pilot.write,
}
FORMS: Final = tuple(_READERS)


def read(form: str, parts: tuple[Part, ...], header: Header) -> tuple[Payload, ...]:
    """The business messages in one user message: one, or a batch of the pilot. Raises: payloads.BadPayload."""
    return _READERS[form](parts, header)


def write(form: str, draft: Draft) -> tuple[Part, ...]:
    """The parts, none where the form has no such message."""
    return _WRITERS[form](draft)


def type_of(form: str, parts: tuple[Part, ...], header: Header) -> str:
    """The claimed message type, "" where the payload cannot be read."""
    try:
        return read(form, parts, header)[0].type
    except (payloads.BadPayload, IndexError):
        return ""
