"""A message of the platform before it is put into a nation's access point, and the faults that change what it says."""

from __future__ import annotations

import copy
import io
import zipfile
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.mock_eu.menu import Fault
    from adapters.mock_eu.model import Chance, Held, Part

#: Everything that the platform sends to a nation.
TYPES: Final = (
    "ApplicationSubmitted",
    "ApplicationAmended",
    "AdditionalInformation",
    "ApplicationWithdrawn",
    "ValidationResult",
    "FeeResponse",
    "ApplicantResponse",
    "AppealNotified",
    "DecisionAck",
    "AmendmentRequest",
    "ExtensionRequest",
    "PersonsUpdate",
    "Reminder",
    "PeerStatus",
    "PeerPermit",
    "PeerEnforcement",
)
_MB: Final = 1024 * 1024
_NEW_STATUS: Final = "STATUS_OF_A_LATER_RELEASE"
#: Where a message type has a code of its own, for the fault that makes it one that nobody knows.
_CODES: Final = ("status", "statusId", "response", "decisionKind", "application_type", "measure")


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
    beside: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A letter with its envelope, not yet in a wire form. `timestamp` goes into the ebMS header."""

    letter: Letter
    envelope: dict[str, Any]
    content: dict[str, Any]
    files: dict[str, bytes] | None
    timestamp: str


def _without_mandatory_parts(draft: Draft, _: Fault, __: Chance) -> Draft:
    envelope = {"messageType": draft.letter.type, "createdAt": "yesterday"}
    return replace(draft, envelope=envelope, content={"mock": "not schema valid"})


def _old_schema(draft: Draft, _: Fault, __: Chance) -> Draft:
    return replace(draft, envelope={**draft.envelope, "schemaFamily": "eu-r6", "schemaVersion": "6"})


def _new_enum(draft: Draft, _: Fault, __: Chance) -> Draft:
    """The first code in the content, else the purposes of an application's form, get a value of a later release."""
    content = copy.deepcopy(draft.content)
    named = next((name for name in _CODES if name in content and name != "application_type"), "")
    if named:
        content[named] = _NEW_STATUS
    elif isinstance(section := (content.get("form") or {}).get("section2"), dict):
        section["purposeForWhichDataWillBeUsed"] = [{"key": "z", "value": "A purpose of a later release"}]
    return replace(draft, content=content)


def _wrong_nation(draft: Draft, _: Fault, __: Chance) -> Draft:
    """The envelope names a nation that has nothing to do with it, as receiver and as sender."""
    sides = {side: {**draft.envelope.get(side, {}), "nationId": "XX"} for side in ("sender", "receiver")}
    content = {**draft.content, "nationId": "XX"} if "nationId" in draft.content else draft.content
    return replace(draft, envelope={**draft.envelope, **sides}, content=content)


def _skewed(draft: Draft, fault: Fault, chance: Chance) -> Draft:
    at = chance.stamp(timedelta(seconds=fault.seconds))
    return replace(draft, envelope={**draft.envelope, "createdAt": at}, timestamp=at)


def _nested_bomb(draft: Draft, fault: Fault, _: Chance) -> Draft:
    """An attachment that is a ZIP whose one entry unpacks to `amount` MB of zeros."""
    if draft.files is None:
        return draft
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros", "w") as entry:
        for _number in range(fault.amount):
            entry.write(bytes(_MB))
    return replace(draft, files={**draft.files, "7b1f0000000000000000ffff_bomb.zip": buffer.getvalue()})


def _has_code(draft: Draft) -> bool:
    section = (draft.content.get("form") or {}).get("section2")
    return any(name in draft.content for name in _CODES if name != "application_type") or isinstance(section, dict)


#: Of those that not every letter has room for: whether this one has.
FITS: Final[dict[str, Callable[[Draft], bool]]] = {
    "unknown-enum": _has_code,
    "nested-zip-bomb": lambda draft: draft.files is not None,
}
#: Faults that change what a letter says, in the order in which they are asked for.
CHANGES: Final[dict[str, Callable[[Draft, Fault, Chance], Draft]]] = {
    "not-schema-valid": _without_mandatory_parts,
    "old-schema": _old_schema,
    "unknown-enum": _new_enum,
    "wrong-nation-id": _wrong_nation,
    "clock-skew": _skewed,
    "nested-zip-bomb": _nested_bomb,
}
