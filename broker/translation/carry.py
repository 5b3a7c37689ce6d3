"""The carry: what was not sent, kept for the way back. It stays in the ledger and never travels.

Each item has the labelled path of its place (stable keys: dataset, person, country) and the hash of its anchor. On the
way back it is put in its place only while the anchor is unchanged; otherwise it is reported as orphaned.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from broker.errors import Problem, TranslationError
from broker.translation.white_space import collapsed

FORMAT = 1


class Item(NamedTuple):
    """One leaf that was not sent. `value` None: an element that was there and empty."""

    path: str
    value: str | None
    anchor: str = ""  #: labelled path of the anchor leaf; "" for the groups around
    hash: str = ""  #: of the anchor's value


class Said(NamedTuple):
    """A value that was not said where it usually is, or not there alone: only while the usual leaf says the same."""

    path: str  #: labelled path of the leaf that said it
    usual: str  #: labelled path of the leaf that usually says it
    hash: str  #: of what the usual leaf says
    text: str = ""  #: how it was said; "": as the other side says it
    beside: bool = False  #: the usual leaf said it too


@dataclass(slots=True)
class Carry:
    """Everything that one translation did not send."""

    type: str
    side: str  #: profile of the document that it belongs to
    items: list[Item] = field(default_factory=list)
    order: dict[str, list[str]] = field(
        default_factory=dict
    )  #: labels of a group's instances, where the order cannot be seen
    rule: int = -1  #: which of several messages of one type it was, where the document does not say
    rule_hash: str = ""  #: of the leaves that would say it
    aside: dict[str, int] = field(
        default_factory=dict
    )  #: `only` groups of which so many instances fit, and none was taken
    annex: list[tuple[str, str]] = field(
        default_factory=list
    )  #: annex entries (usual path, path), where they are not as usual
    instead: list[Said] = field(default_factory=list)
    profile: str = ""  #: of the mapping that kept it, at whichever end of it; "": it does not say

    def to_bytes(self) -> bytes:
        """As JSON; empty bytes if nothing is carried."""
        if not (self.items or self.order or self.annex or self.instead or self.aside or self.rule >= 0):
            return b""
        document = {
            "format": FORMAT,
            "type": self.type,
            "side": self.side,
            "profile": self.profile,
            "items": self.items,
            "order": self.order,
            "annex": [written if usual == written else (usual, written) for usual, written in self.annex],
            "instead": self.instead,
            "aside": self.aside,
            "rule": [self.rule, self.rule_hash],
        }
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def read_carry(data: bytes | None) -> Carry | None:
    """Raises: TranslationError, if the bytes are no carry."""
    if not data:
        return None
    try:
        return _read(json.loads(data))
    except (ValueError, KeyError, TypeError) as error:
        raise unreadable(error) from error


def unreadable(error: Exception) -> TranslationError:
    """The bytes are no carry."""
    detail = f"The carry cannot be read: {type(error).__name__}"
    return TranslationError((Problem("carry-unreadable", detail, hint="Translate without it."),))


def _read(document: dict[str, Any]) -> Carry:
    if document["format"] != FORMAT:
        raise ValueError(document["format"])
    items = [Item(*item) for item in document["items"]]
    rule, rule_hash = document["rule"]
    annex = [(entry, entry) if isinstance(entry, str) else (entry[0], entry[1]) for entry in document["annex"]]
    instead = [Said(*said) for said in document.get("instead", ())]
    order, aside = document["order"], document["aside"]
    profile = str(document.get("profile", ""))
    return Carry(document["type"], document["side"], items, order, rule, rule_hash, aside, annex, instead, profile)


def anchor_hash(value: str | None) -> str:
    """Hash of an anchor's value; an absent anchor has the hash of nothing."""
    text = "\0absent" if value is None else collapsed(value)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
