"""What the platform keeps beside applications: permits, enforcement records, datasets, results and reports.

One register per kind, each entry with its key, the nation that owns it, every version, and the MessageId of each.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from adapters.mock_eu import checks

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.mock_eu.model import Held
    from adapters.mock_eu.payloads import Payload
    from adapters.mock_eu.store import Store

_IDENTIFIER: Final = "{http://purl.org/dc/terms/}identifier"
#: Message type → (register, member of the content that is the key).
KEPT: Final = {
    "PermitIssued": ("permits", "permitId"),
    "PermitStatusChange": ("permits", "permitId"),
    "EnforcementRecord": ("enforcement", "recordId"),
    "DatasetCUD": ("datasets", "dataset_id"),
    "ResultRecord": ("results", "permitId"),
    "BiennialReport": ("reports", "reportId"),
}
KINDS: Final = tuple(dict.fromkeys(kind for kind, _ in KEPT.values()))


class Registry:
    """The registers, on the mock's store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._asked: Final[dict[str, Callable[[Held, Payload], list[dict[str, str]]]]] = {
            "DatasetCUD": self._dataset,
            "PermitStatusChange": self._change,
            "PermitIssued": self._own,
            "EnforcementRecord": self._own,
        }

    def misfits(self, held: Held, payload: Payload) -> list[dict[str, str]]:
        """What is wrong with a sound message in view of what is kept."""
        ask = self._asked.get(payload.type)
        return ask(held, payload) if ask else []

    def note(self, held: Held, payload: Payload, at: str) -> None:
        """Keep a validated message as the next version of its entry; a new permit number ends the one it replaces."""
        if payload.type not in KEPT:
            return
        kind = KEPT[payload.type][0]
        version = {**payload.content, "at": at, "message_id": held.header.message_id}
        key = key_of(payload) or held.header.message_id
        entry = self.entry(kind, key) or {"key": key, "nation": held.nation, "versions": []}
        self._put(kind, {**entry, "status": _status(payload), "versions": [*entry["versions"], version]})
        replaced = payload.content.get("supersedes") if kind == "permits" else None
        if isinstance(replaced, str) and replaced != key and (old := self.entry(kind, replaced)):
            self._put(kind, {**old, "status": "SUPERSEDED", "superseded_by": key})

    def entry(self, kind: str, key: str) -> dict[str, Any] | None:
        """{key, nation, status, versions}, or None."""
        row = self._store.execute("SELECT doc FROM registry WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return None if row is None else json.loads(row[0])

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """All of a register, oldest first."""
        rows = self._store.execute("SELECT doc FROM registry WHERE kind = ? ORDER BY rowid", (kind,))
        return [json.loads(doc) for (doc,) in rows]

    def _put(self, kind: str, entry: dict[str, Any]) -> None:
        text = json.dumps(entry, ensure_ascii=False)
        self._store.execute(
            "INSERT INTO registry VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET doc = excluded.doc",
            (kind, entry["key"], text),
        )

    def _foreign(self, held: Held, kind: str, key: str) -> list[dict[str, str]]:
        entry = self.entry(kind, key)
        if entry is not None and entry["nation"] != held.nation:
            return [checks.error("not-owner", "another nation keeps this entry", f"/content/{_member(kind)}")]
        return []

    def _dataset(self, held: Held, payload: Payload) -> list[dict[str, str]]:
        """Created once, changed and deleted only by its owner and while it is there."""
        key, operation = key_of(payload), payload.content.get("operation")
        if not key:
            return [checks.error("missing-field", "no dcterms:identifier", "/content/dataset_id")]
        entry = self.entry("datasets", key)
        there = entry is not None and entry["status"] != "DELETED"
        if operation == "createDataset" and there:
            return [
                checks.error("dataset-exists", "a dataset with this identifier is published", "/content/dataset_id")
            ]
        if operation != "createDataset" and not there:
            return [
                checks.error("unknown-dataset", "no dataset with this identifier is published", "/content/dataset_id")
            ]
        return self._foreign(held, "datasets", key)

    def _change(self, held: Held, payload: Payload) -> list[dict[str, str]]:
        """A permit that is known: by its number, or by that of the version before."""
        named = (payload.content.get(name) for name in ("permitId", "supersedes"))
        known = [name for name in named if isinstance(name, str) and self.entry("permits", name)]
        if not known:
            return [checks.error("unknown-permit", "no such permit in the registry", "/content/permitId")]
        return self._foreign(held, "permits", known[0])

    def _own(self, held: Held, payload: Payload) -> list[dict[str, str]]:
        return self._foreign(held, KEPT[payload.type][0], key_of(payload))


def key_of(payload: Payload) -> str:
    """The key of the entry; a dataset's is its dcterms:identifier, stated or in its record."""
    kind, member = KEPT[payload.type]
    stated = payload.content.get(member)
    if isinstance(stated, str) and stated:
        return stated
    return _identifier(payload.content.get("payload")) if kind == "datasets" else ""


def _member(kind: str) -> str:
    return next(member for register, member in KEPT.values() if register == kind)


def _identifier(record: Any) -> str:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(str(record).encode(), parser)
    except etree.XMLSyntaxError:
        return ""
    return next(((element.text or "").strip() for element in root.iter(_IDENTIFIER)), "")


def _status(payload: Payload) -> str:
    if payload.type == "DatasetCUD":
        return "DELETED" if payload.content.get("operation") == "deleteDataset" else "PUBLISHED"
    status = payload.content.get("status")
    return status if isinstance(status, str) else "KEPT"
