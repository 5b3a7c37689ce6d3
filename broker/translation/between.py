"""Any profile into any other, through eu-1, with one report over the whole way."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from lxml import etree

from broker.translation.shapes import numbered, shape
from broker.translation.translator import PIVOT, EnvelopeContext
from broker.translation.trees import flatten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from broker.errors import Problem
    from broker.translation.codecs.eu_r7 import Decoded, Encoded, WireFile
    from broker.translation.report import LegalFactLoss, Lossy, Report
    from broker.translation.schema_parts import SchemaModel
    from broker.translation.translator import Translator

WIRE: Final = "eu-r7"
XML: Final = "application/xml"
_GONE: Final = frozenset({"carried", "left-out"})


class Codec(Protocol):
    """The wire codec, as far as it is needed here."""

    def decode(self, data: bytes, media_type: str) -> Decoded: ...  # noqa: D102 - see EuR7Codec
    def encode(self, root: etree._Element, files: Sequence[WireFile] = ()) -> Encoded: ...  # noqa: D102 - see EuR7Codec
    def lossy_leaves(self, message_type: str) -> tuple[str, ...]: ...  # noqa: D102 - see EuR7Codec


@dataclass(frozen=True, slots=True)
class Between:
    """The result of a translation between two profiles. `pivot` is the eu-1 document on the way."""

    document: bytes
    media_type: str
    pivot: etree._Element
    report: dict[str, Any]
    carry: bytes
    sign_off: tuple[LegalFactLoss, ...]
    problems: tuple[Problem, ...]

    def report_bytes(self) -> bytes:
        """The report as JSON, `schemas/report.schema.json`."""
        return json.dumps(self.report, ensure_ascii=False, indent=1).encode()


@dataclass(frozen=True, slots=True)
class Tools:
    """What the way needs: profiles, wire codec, and the hardened parser."""

    translator: Translator
    codec: Codec
    parse: Callable[[bytes], etree._Element]


def translate_between(
    tools: Tools,
    data: bytes,
    *,
    source: str,
    target: str,
    media_type: str = XML,
    envelope: EnvelopeContext | None = None,
    carry: bytes | None = None,
    files: Sequence[WireFile] = (),
) -> Between:
    """Translate a valid document. `carry` belongs to the hop into or out of the national profile.

    `media_type` tells the two wire forms apart. Raises: Refused (parser, wire), TranslationError (unknown profile or
    message, no wire form, missing attachment).
    """
    translator = tools.translator
    given = envelope or EnvelopeContext()
    if source == WIRE:
        decoded = tools.codec.decode(data, media_type)
        pivot, files = decoded.root, (*decoded.files, *files)
        first = None
    else:
        read = translator.read(source, tools.parse(data), envelope=given, carry=carry)
        pivot, first = read.root, read if source != PIVOT else None
    hops = [] if first is None else [first.report.as_dict()]
    sign_off = () if first is None else first.sign_off
    problems = () if first is None else first.problems
    kept = b"" if first is None else first.carry
    if target == WIRE:
        encoded = tools.codec.encode(pivot, tuple(files))
        lossy = translator.legal.lossy(pivot, tools.codec)
        hops.append(_plain_hop(translator.legal.model, pivot, lossy))
        document, form = encoded.data, encoded.media_type
        sign_off += translator.legal.after(lossy)
    else:
        written = translator.write(target, pivot, carry=carry if first is None else None)
        document, form = etree.tostring(written.root, xml_declaration=True, encoding="UTF-8"), XML
        if target != PIVOT:
            hops.append(written.report.as_dict())
            kept = kept or written.carry
        elif not hops:
            hops.append(_plain_hop(translator.legal.model, pivot, ()))
        sign_off += written.sign_off
        problems += written.problems
    return Between(document, form, pivot, joined(hops), kept, tuple(dict.fromkeys(sign_off)), problems)


def _plain_hop(model: SchemaModel, root: etree._Element, lossy: tuple[Lossy, ...]) -> dict[str, Any]:
    """A hop whose names are those of eu-1: every leaf goes as it is, or not at all."""
    gone = {item.path: item.what for item in lossy}
    fields: list[dict[str, Any]] = []
    for (node, where), text in flatten(root, shape(model, etree.QName(root).localname)).items():
        if text is None:
            continue
        path = numbered(node, where)
        fate, target = ("left-out", []) if gone.get(path) == "dropped" else ("copied", [path])
        fields.append({"source": path, "fate": fate, "table": "", "version": WIRE, "target": target})
    lost = [{"source": item.path, "what": item.what, "reason": "the wire form has no place for it"} for item in lossy]
    return {"fields": fields, "constants": [], "restored": [], "lost": lost}


def chain_report(report: Report, root: etree._Element, tools: Tools) -> dict[str, Any]:
    """The report over national → eu-1 → wire; `root` is the eu-1 document."""
    legal = tools.translator.legal
    return joined([report.as_dict(), _plain_hop(legal.model, root, legal.lossy(root, tools.codec))])


def joined(hops: list[dict[str, Any]]) -> dict[str, Any]:
    """One report over several hops: sources of the first, targets of the last, the strongest fate on the way."""
    whole = hops[0]
    for hop in hops[1:]:
        whole = _join(whole, hop)
    return whole


def _join(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    onward = {row["source"]: row for row in second["fields"]}
    fields = [_onward(row, onward) for row in first["fields"]]
    constants = [path for source in first["constants"] for path in onward.get(source, {"target": []})["target"]]
    restored = [path for source in first["restored"] for path in onward.get(source, {"target": []})["target"]]
    back = {target: row["source"] for row in first["fields"] for target in row["target"]}
    lost = [{**row, "source": back.get(row["source"], row["source"])} for row in second["lost"]]
    return {
        "fields": fields,
        "constants": [*constants, *second["constants"]],
        "restored": [*restored, *second["restored"]],
        "lost": [*first["lost"], *lost],
    }


def _onward(row: dict[str, Any], onward: dict[str, dict[str, Any]]) -> dict[str, Any]:
    nexts = [onward[path] for path in row["target"] if path in onward]
    if not row["target"] or not nexts:
        return row
    targets = [path for item in nexts for path in item["target"]]
    changed = next((item for item in nexts if item["fate"] != "copied"), None)
    merged = {**row, "target": list(dict.fromkeys(targets))}
    if changed is not None and (row["fate"] == "copied" or (changed["fate"] in _GONE and not targets)):
        merged.update(fate=changed["fate"], table=changed["table"], version=changed["version"])
    return merged
