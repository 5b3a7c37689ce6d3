"""Any profile into any other, through eu-1, with one report over the whole way."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from broker.errors import Problem, TranslationError
from broker.payloads import Payload
from broker.translation.chain import Hop, shared_out, together
from broker.translation.codecs.codec import Encoded, Retold, Transport, WireFile
from broker.translation.codecs.wires import WIRES
from broker.translation.facts import attachments_of
from broker.translation.report import Lossy
from broker.translation.shapes import numbered, shape
from broker.translation.translator import PIVOT, EnvelopeContext
from broker.translation.trees import flatten

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from broker.translation.codecs.codec import Codec
    from broker.translation.codecs.national import NationalCodec
    from broker.translation.legal import LegalFacts
    from broker.translation.report import LegalFactLoss, Report
    from broker.translation.schema_parts import SchemaModel
    from broker.translation.translator import Translation, Translator

WIRE: Final = "eu-r7"
XML: Final = "application/xml"
_GONE: Final = frozenset({"carried", "left-out"})
_AND_THEN: Final = " + "  #: between the tables of two hops


@dataclass(frozen=True, slots=True)
class Between:
    """The result of a translation between two profiles.

    `pivot` is the eu-1 document on the way; `report` is over the whole way, `hops` has the reports of its parts.
    """

    document: bytes
    media_type: str
    pivot: etree._Element
    report: dict[str, Any]
    carry: bytes
    sign_off: tuple[LegalFactLoss, ...]
    problems: tuple[Problem, ...]
    hops: tuple[dict[str, Any], ...] = ()

    def report_bytes(self) -> bytes:
        """The report as JSON, `schemas/report.schema.json`."""
        return json.dumps(self.report, ensure_ascii=False, indent=1).encode()


@dataclass(frozen=True, slots=True)
class Tools:
    """What the way needs: profiles, the codec of Release 7, the hardened parser, and codecs of other profiles."""

    translator: Translator
    codec: Codec
    parse: Callable[[bytes], etree._Element]
    others: Mapping[str, Codec] = field(default_factory=dict)
    national: Mapping[str, NationalCodec] = field(default_factory=dict)  #: of profiles whose documents are not XML

    def tree(self, profile: str, data: bytes) -> etree._Element:
        """A document of a profile that is no wire form. Raises: Refused."""
        codec = self.national.get(profile)
        return self.parse(data) if codec is None else codec.decode(data).root

    def document(self, profile: str, root: etree._Element) -> Encoded:
        """The way back of `tree`."""
        codec = self.national.get(profile)
        if codec is None:
            return Encoded(XML, Payload(etree.tostring(root, xml_declaration=True, encoding="UTF-8")))
        return Encoded(codec.media_type, Payload(codec.encode(root)))

    def codec_of(self, profile: str) -> Codec:
        """The codec of a wire profile. Raises: TranslationError, if none is at hand."""
        found = self.codec if profile == WIRE else self.others.get(profile)
        if found is None:
            raise TranslationError(
                (Problem("unknown-profile", "No codec of this wire profile is here.", value=profile),)
            )
        return found


def translate_between(
    tools: Tools,
    data: bytes,
    *,
    source: str,
    target: str,
    media_type: str = XML,
    envelope: EnvelopeContext | None = None,
    carry: bytes | None = None,
    payloads: Mapping[str, Payload] | None = None,
) -> Between:
    """Translate a valid document. `carry` is what the same way, gone the other way, did not send.

    `payloads` are bytes by their SHA-256, for the files that a document of no wire form names.
    `media_type` tells JSON and ZIP of Release 7 apart. From a wire profile into itself the bytes stay as they are.
    Raises: Refused (parser, wire), TranslationError (unknown profile or message, no wire form, missing attachment,
    a carry that cannot be read or is of another way).
    """
    given = envelope or EnvelopeContext()
    reading, writing = Hop(source, PIVOT), Hop(PIVOT, target)
    kept = shared_out(carry, [hop for hop in (reading, writing) if hop.is_mapped])
    read = _read(tools, data, source=source, media_type=media_type, given=given, carry=kept.get(reading))
    came = replace(read, files=(*read.files, *_named(read.pivot, payloads or {})))
    wired = target in WIRES
    done = _to_wire(tools, came, target) if wired else _to_profile(tools, came, target, kept.get(writing))
    if source == target and source in (*WIRES, PIVOT):
        return replace(done, document=data, media_type=media_type)  # byte for byte: nothing was to be translated
    return done


def _named(pivot: etree._Element, payloads: Mapping[str, Payload]) -> tuple[WireFile, ...]:
    named = attachments_of(pivot) if payloads else ()
    return tuple(
        WireFile(item.id, item.name, item.media_type, payloads[item.sha256])
        for item in named
        if item.sha256 in payloads
    )


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read: as eu-1, with the files that came along, and the hop that led there if it was one."""

    source: str
    pivot: etree._Element
    files: tuple[WireFile, ...] = ()
    first: Translation | None = None

    @property
    def hops(self) -> list[dict[str, Any]]:
        return [self.first.report.as_dict()] if self.first else []

    @property
    def carries(self) -> list[tuple[Hop, bytes]]:
        return [(Hop(self.source, PIVOT), self.first.carry)] if self.first else []

    @property
    def sign_off(self) -> tuple[LegalFactLoss, ...]:
        return self.first.sign_off if self.first else ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self.first.problems if self.first else ()


def _read(
    tools: Tools, data: bytes, *, source: str, media_type: str, given: EnvelopeContext, carry: bytes | None
) -> _Read:
    if source in WIRES:
        transport = Transport(given.message_id, given.created_at)
        decoded = tools.codec_of(source).decode(data, media_type, transport)
        return _Read(source, decoded.root, decoded.files)
    read = tools.translator.read(source, tools.tree(source, data), envelope=given, carry=carry)
    return _Read(source, read.root, first=read if source != PIVOT else None)


def _to_wire(tools: Tools, read: _Read, target: str) -> Between:
    legal, codec = tools.translator.legal, tools.codec_of(target)
    encoded = codec.encode(read.pivot, read.files)
    lossy = legal.lossy(read.pivot, codec)
    hop = _wire_hop(legal.model, read.pivot, (*lossy, *_unplaced(codec, read.pivot)), codec, version=target)
    sign_off = tuple(dict.fromkeys((*read.sign_off, *legal.after(lossy))))
    hops, carry = (*read.hops, hop), together(read.carries)
    return Between(encoded.data, encoded.media_type, read.pivot, joined(hops), carry, sign_off, read.problems, hops)


def _to_profile(tools: Tools, read: _Read, target: str, carry: bytes | None) -> Between:
    written = tools.translator.write(target, read.pivot, carry=carry)
    document = tools.document(target, written.root)
    led = (*read.hops, *([written.report.as_dict()] if target != PIVOT else []))
    hops = led or (_same_hop(tools.translator.legal.model, read.pivot),)
    kept = together([*read.carries, *([(Hop(PIVOT, target), written.carry)] if target != PIVOT else [])])
    sign_off = tuple(dict.fromkeys((*read.sign_off, *written.sign_off)))
    problems = (*read.problems, *written.problems)
    return Between(document.data, document.media_type, read.pivot, joined(hops), kept, sign_off, problems, hops)


def _unplaced(codec: Codec, root: etree._Element) -> tuple[Lossy, ...]:
    """The kept wire fields whose place is gone on this wire, as leaves of eu-1."""
    gone = codec.unplaced(root)
    kept = [one.get("path", "") for one in root.iterfind("{*}content/{*}unknown/{*}field")]
    paths = [f"content/unknown/field[{number}]" for number, pointer in enumerate(kept, 1) if pointer in gone]
    return tuple(Lossy(f"{path}{end}") for path in paths for end in ("/@path", ""))


def _same_hop(model: SchemaModel, root: etree._Element) -> dict[str, Any]:
    """A hop on which every leaf of eu-1 goes as it is."""
    fields = [_row(path, PIVOT, Retold(path)) for path in _paths(model, root)]
    return {"fields": fields, "constants": [], "restored": [], "lost": []}


def _wire_hop(
    model: SchemaModel, root: etree._Element, lossy: tuple[Lossy, ...], codec: Codec, *, version: str
) -> dict[str, Any]:
    """The hop from eu-1 into a wire form: as it is, as the codec retells it, or not at all."""
    dropped = {item.path for item in lossy if item.what == "dropped"}
    retold = codec.retold(root)
    fields = [
        _row(path, version, None if path in dropped else retold.get(path, Retold(path))) for path in _paths(model, root)
    ]
    lost = [{"source": item.path, "what": item.what, "reason": "the wire form has no place for it"} for item in lossy]
    constants = list(codec.constants(etree.QName(root).localname))
    return {"fields": fields, "constants": constants, "restored": [], "lost": lost}


def _paths(model: SchemaModel, root: etree._Element) -> list[str]:
    places = flatten(root, shape(model, etree.QName(root).localname)).items()
    return [numbered(node, where) for (node, where), text in places if text is not None]


def _row(path: str, version: str, told: Retold | None) -> dict[str, Any]:
    fate, table, target = (told.fate, told.table, [told.target]) if told else ("left-out", "", [])
    return {"source": path, "fate": fate, "table": table, "version": version, "target": target}


def onto_wire(report: Report, root: etree._Element, legal: LegalFacts, codec: Codec, *, version: str) -> dict[str, Any]:
    """The report of a translation into eu-1, over the whole way: `root` is the eu-1 document as it went out."""
    lossy = (*legal.lossy(root, codec), *_unplaced(codec, root))
    return joined([report.as_dict(), _wire_hop(legal.model, root, lossy, codec, version=version)])


def joined(hops: Sequence[dict[str, Any]]) -> dict[str, Any]:
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
    if changed is None:
        return merged
    if row["fate"] == "copied" or (changed["fate"] in _GONE and not targets):
        return {**merged, **{name: changed[name] for name in ("fate", "table", "version")}}
    return {**merged, "table": _AND_THEN.join(filter(None, (row["table"], changed["table"])))}
