"""Documents in which every text that may be anything carries a token of its own."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from lxml import etree

TOKEN = re.compile(rb"Zqx\d{5}Plant")
#: Ids, by which messages find their case and their files: they are shown, and they name nobody.
IDS = frozenset({"numeroDossierHDH", "identifiantEU", "referenceEU", "empreinteSha256", "application_id", "sha256"})
CODES = frozenset({"key"})  #: any text is valid there, and none but the known ones can be put into a national form


@dataclass
class Planter:
    """Makes tokens; knows where each was planted."""

    places: dict[str, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)
    known: dict[str, int] = field(default_factory=dict)  #: which form of a text a leaf takes; -1 none

    def token(self, place: str) -> str:
        made = f"Zqx{next(self.numbers):05d}Plant"
        self.places[made] = place
        return made

    def xml(self, document: bytes, fits: Callable[[etree._Element], bool]) -> tuple[bytes, bytes]:
        """The document with tokens wherever its schema lets them stand, and a copy with tokens everywhere else too."""
        root = etree.fromstring(document)
        leaves = [leaf for leaf in root.iter(etree.Element) if len(leaf) == 0 and (leaf.text or "").strip()]
        stubborn = [
            leaf for leaf in leaves if etree.QName(leaf).localname not in IDS and not self._takes(root, leaf, fits)
        ]
        good = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
        for leaf in stubborn:
            leaf.text = self.token(f"{leaf.tag} (no free text)")
        note = etree.SubElement(root, "note")
        note.text = self.token("an unknown element")
        return good, etree.tostring(root, encoding="UTF-8", xml_declaration=True)

    def _takes(self, root: etree._Element, leaf: etree._Element, fits: Callable[[etree._Element], bool]) -> bool:
        path = root.getroottree().getelementpath(leaf)
        before, token = leaf.text or "", self.token(path)
        for number, text in self._forms(before, token, re.sub(r"\[\d+\]", "", path)):
            leaf.text = text
            if fits(root):
                self.known[re.sub(r"\[\d+\]", "", path)] = number
                return True
        self.known.setdefault(re.sub(r"\[\d+\]", "", path), -1)
        leaf.text = before
        del self.places[token]
        return False

    def _forms(self, before: str, token: str, path: str) -> list[tuple[int, str]]:
        forms = list(enumerate((f"{before} {token}", f"{token}@example.org", token)))
        return [form for form in forms if self.known.get(path, form[0]) == form[0]]

    def json(self, document: Any, fits: Callable[[Any], bool]) -> tuple[Any, Any]:
        """The same of a JSON document."""
        good = json.loads(json.dumps(document))
        stubborn = [place for place in _texts(good) if place[-1] in CODES or not self._takes_json(good, place, fits)]
        bad = json.loads(json.dumps(good))
        for holder, name in (_holder(bad, place) for place in stubborn):
            holder[name] = self.token(f"{name} (no free text)")
        return good, bad

    def _takes_json(self, whole: Any, place: tuple[Any, ...], fits: Callable[[Any], bool]) -> bool:
        holder, name = _holder(whole, place)
        before, token = holder[name], self.token("/".join(map(str, place)))
        for text in (f"{before} {token}", f"{token}@example.org", token):
            holder[name] = text
            if fits(whole):
                return True
        holder[name] = before
        del self.places[token]
        return False


def _texts(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, str):
        return [] if place[-1] in IDS or not value.strip() else [place]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for name, item in pairs for found in _texts(item, (*place, name))]


def _holder(whole: Any, place: tuple[Any, ...]) -> tuple[Any, Any]:
    for name in place[:-1]:
        whole = whole[name]
    return whole, place[-1]


def wire_zip(envelope: Any, metadata: Any, files: dict[str, bytes] | None = None) -> bytes:
    """An application on the wire; attachments by entry name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("envelope.json"), json.dumps(envelope))
        archive.writestr(zipfile.ZipInfo("application_metadata.json"), json.dumps(metadata))
        if files:
            archive.writestr(zipfile.ZipInfo("application_file.zip"), _zipped(files))
    return buffer.getvalue()


def _zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def found_in(data: bytes | str) -> set[str]:
    """The tokens in a text."""
    raw = data.encode() if isinstance(data, str) else data
    return {token.decode() for token in TOKEN.findall(raw)}
