"""The codec `eu-r7`: what travels as AS4 payload, to and from eu-1.

Most messages are JSON, `{"envelope": {…, "messageType": …}, "content": {…}}`. Those that carry an application are a
ZIP of `envelope.json`, `application_metadata.json` (the layout of Release 7) and, where there are attachments,
`application_file.zip` with entries `<attachmentId>_<filename>`. Which type has which form stands in
`schemas/eu/r7/wire-forms.toml`.

Decoding does not judge: the tree may be invalid where the wire was, and the schema says so.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NoReturn

from lxml import etree

from broker.errors import Problem, TranslationError
from broker.payloads import Payload
from broker.translation.codecs import decision_card, json_text, json_tree, wire_forms
from broker.translation.codecs.codec import Beside, Decoded, Encoded, Retold, Transport, WireFile, WireLimits
from broker.translation.codecs.json_text import refuse
from broker.translation.codecs.wire_forms import Body, WireForm
from broker.translation.codecs.zip_parts import is_plain, pack_zip, unpack_zip, write_zip
from broker.translation.files.rules import shipped_file_rules
from broker.translation.schema_model import load_schema
from broker.translation.schema_parts import Element
from broker.translation.white_space import collapsed, trimmed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from broker.translation.schema_parts import SchemaModel

JSON: Final = "application/json"
ZIP: Final = "application/zip"
ENVELOPE_PART: Final = "envelope.json"
APPLICATION_PART: Final = "application_metadata.json"
FILES_PART: Final = "application_file.zip"
_ZIP_TYPES: Final = {ZIP, "application/x-zip-compressed"}
_NO_FOLDER: Final = "."
_NOT_ON_THE_WIRE: Final = {"unknown", "attachments"}


class EuR7Codec:
    """Decode and encode. Built once, by `load`; holds no state of any message."""

    def __init__(
        self,
        model: SchemaModel,
        forms: Mapping[str, WireForm],
        decisions: Mapping[str, str],
        *,
        limits: WireLimits | None = None,
    ) -> None:
        self._forms = dict(forms)
        self._decisions = dict(decisions)
        self._limits = limits or WireLimits()
        self._namespace = model.namespace
        self._parts = {name: (_part(root, "envelope"), _part(root, "content")) for name, root in model.roots.items()}

    @classmethod
    def load(cls, schemas: Path, *, limits: WireLimits | None = None) -> EuR7Codec:
        """Read schema, wire forms and decision kinds from the schemas folder. Raises: ConfigurationError."""
        model = load_schema(schemas / "eu/1/eu.xsd")
        forms = wire_forms.load_wire_forms(schemas / "eu/r7/wire-forms.toml")
        decisions = decision_card.load_wire_values(schemas / "codelists/decision-kinds.toml")
        return cls(model, forms, decisions, limits=limits)

    def form(self, message_type: str) -> WireForm:
        """The wire form of a type. Raises: TranslationError, `no-wire-form`, where there is none."""
        form = self._forms.get(message_type)
        if form is None or form.body is Body.NONE:
            _untranslatable(
                "no-wire-form", f"{message_type} has no form on the wire.", hint=form.source if form else ""
            )
        return form

    def speaks(self, message_type: str) -> bool:
        """Whether a type has a form on this wire."""
        form = self._forms.get(message_type)
        return form is not None and form.body is not Body.NONE

    def lossy_leaves(self, message_type: str) -> tuple[str, ...]:
        """The leaves of eu-1 that the wire form of a type cannot carry."""
        form = self._forms.get(message_type)
        return form.lost if form is not None else ()

    def beside(self, message_type: str) -> Beside:
        """Files have their place in an archive; beside JSON each is a part of its own."""
        form = self._forms.get(message_type)
        return Beside() if form is None else Beside(form.body in (Body.JSON, Body.CARD), form.structured)

    def decode(self, data: bytes | Payload, media_type: str, transport: Transport = Transport()) -> Decoded:  # noqa: ARG002, B008 -- the envelope says it; the default is immutable
        """Read a payload.

        Raises: Refused, with `payload-too-large`, `unsupported-media-type`, `wrong-wire-form`, `missing-part`,
        `unknown-message-type`, `bad-shape`, `bad-character`, `attachment-too-large`, the codes of `json_text.read`
        and those of `zip_parts.read_zip`.
        """
        payload = Payload.of(data)
        if payload.size > self._limits.payload_bytes:
            limit = self._limits.payload_bytes
            refuse("payload-too-large", f"The payload has {payload.size} bytes; {limit} are allowed.")
        essence = media_type.partition(";")[0].strip().lower()
        if essence == JSON:
            return self._decode_json(payload)
        if essence in _ZIP_TYPES:
            return self._decode_zip(payload)
        return refuse("unsupported-media-type", "The payload is neither JSON nor ZIP.", value=essence[:80])

    def encode(self, root: etree._Element, files: Sequence[WireFile] = ()) -> Encoded:
        """Write a payload. Equal input gives equal bytes.

        Raises: TranslationError, with `no-wire-form`, `missing-attachment`, `attachment-changed`, `attachment-name` or
        `duplicate-attachment`.
        """
        message_type = etree.QName(root).localname
        form = self.form(message_type)
        document, _ = self._document(root, form)
        envelope = {"messageType": message_type, **document["envelope"]}
        if form.body is not Body.ZIP:
            whole = {"envelope": envelope, "content": document["content"]}
            return Encoded(JSON, Payload(json_text.write(whole)))
        texts = [(ENVELOPE_PART, json_text.write(envelope)), (APPLICATION_PART, json_text.write(document["content"]))]
        entries = _entries(root, files, document[FILES_PART])
        if not entries:
            return Encoded(ZIP, Payload(write_zip(texts)))
        spool = entries[0][1].beside()
        return Encoded(ZIP, pack_zip([*texts, (FILES_PART, pack_zip(entries, spool))], spool))

    def unplaced(self, root: etree._Element) -> tuple[str, ...]:
        """Pointers of kept wire fields whose place in the document is gone: a report must name them."""
        return self._document(root, self.form(etree.QName(root).localname))[1]

    def retold(self, root: etree._Element) -> dict[str, Retold]:
        """Days that D6.4 writes its own way, and the table of a decision."""
        form = self.form(etree.QName(root).localname)
        if form.body is Body.CARD:
            return decision_card.retold(root, self._decisions)
        return {leaf: Retold(leaf, "recoded", decision_card.DAYS) for leaf in form.dates}

    def constants(self, message_type: str) -> tuple[str, ...]:  # noqa: ARG002 -- the same for each
        """What eu-1 says by the name of its root."""
        return ("envelope/messageType",)

    def _decode_json(self, payload: Payload) -> Decoded:
        whole = _object(json_text.read(payload, limit=self._limits.json_bytes), "")
        for name in ("envelope", "content"):
            if name not in whole:
                refuse("missing-part", f"The message has no {name}.", f"/{name}")
        kept = json_tree.Kept()
        for name in set(whole) - {"envelope", "content"}:
            refuse("bad-shape", "A message is envelope and content alone.", f"/{json_tree.escaped(ascii(name))}")
        return Decoded(self._tree(whole["envelope"], whole["content"], kept, body=None))

    def _decode_zip(self, payload: Payload) -> Decoded:
        spool = payload.beside()
        parts = unpack_zip(payload, self._limits.zip, spool)
        texts = []
        for name in (ENVELOPE_PART, APPLICATION_PART):
            if name not in parts:
                refuse("missing-part", f"The archive has no {name}.", name)
            texts.append(json_text.read(parts.pop(name), part=name, limit=self._limits.json_bytes))
        inner = parts.pop(FILES_PART, None)
        nested = unpack_zip(inner, self._limits.zip, spool, part=FILES_PART) if inner is not None else {}
        entries = (*parts.items(), *nested.items())
        files = tuple(self._file(name, content) for name, content in entries)
        _check_ids(files)
        kept = json_tree.Kept()
        for file, (name, _) in zip(files, entries, strict=True):
            if (folder := str(PurePosixPath(name).parent)) != _NO_FOLDER:
                kept.add(_folder_of(file.id), folder)
        root = self._tree(texts[0], texts[1], kept, body=Body.ZIP, files=files)
        return Decoded(root, files)

    def _tree(
        self, envelope: Any, content: Any, kept: json_tree.Kept, *, body: Body | None, files: tuple[WireFile, ...] = ()
    ) -> etree._Element:
        message_type, rest = _typed(_object(envelope, "/envelope"))
        form = self._forms.get(message_type)
        if form is None or message_type not in self._parts:
            refuse(
                "unknown-message-type", "No message is called that.", "/envelope/messageType", value=message_type[:80]
            )
        if (form.body is Body.ZIP) != (body is Body.ZIP):
            refuse("wrong-wire-form", f"{message_type} does not travel in this form.", value=form.body.value)
        envelope_part, content_part = self._parts[message_type]
        nsmap: dict[str | None, str] = {None: self._namespace}
        root = etree.Element(f"{{{self._namespace}}}{message_type}", nsmap=nsmap)  # type: ignore[arg-type] # the stubs do not know the default prefix
        head = etree.SubElement(root, f"{{{self._namespace}}}envelope")
        json_tree.fill(head, envelope_part, rest, "/envelope", kept)
        below = etree.SubElement(root, f"{{{self._namespace}}}content")
        shaped = _object(content, "/content")
        wire = decision_card.unfold(shaped) if form.body is Body.CARD else decision_card.iso_days(shaped, form.dates)
        json_tree.fill(below, content_part, wire, "/content", kept)
        _append_references(below, files)
        json_tree.keep_in(below, kept)
        return root

    def _file(self, entry: str, payload: Payload) -> WireFile:
        if entry.lower().endswith(".zip"):
            refuse("zip-nested", "An archive stands where a file is due.", entry)
        if payload.size > self._limits.attachment_bytes:
            detail = f"The file has {payload.size} bytes; {self._limits.attachment_bytes} are allowed."
            refuse("attachment-too-large", detail, entry)
        if not json_tree.is_xml(entry):
            refuse("bad-character", "A file's name has a character that XML does not have.", value=ascii(entry)[:80])
        base = PurePosixPath(entry).name
        identifier, underscore, name = base.partition("_")
        media_type = shipped_file_rules().media_type(base)
        return WireFile(identifier if underscore else base, name or base, media_type, payload)

    def _document(self, root: etree._Element, form: WireForm) -> tuple[dict[str, Any], tuple[str, ...]]:
        head, below = root.find(f"{{{self._namespace}}}envelope"), root.find(f"{{{self._namespace}}}content")
        if head is None or below is None:
            _untranslatable("missing-part", "The document has no envelope or no content.")
        envelope_part, content_part = self._parts[form.type]
        content = json_tree.value_of(below, content_part)
        document = {"envelope": json_tree.value_of(head, envelope_part), "content": content}
        if form.body is Body.ZIP:
            document[FILES_PART] = {}
        if form.body is Body.CARD:
            document["content"] = decision_card.fold(content, self._decisions)
        else:
            document["content"] = decision_card.wire_days(content, form.dates)
        gone = json_tree.put_all_back(document, below)
        return document, (*gone, *_folders_without_files(document.get(FILES_PART, {}), below))


def _part(root: Element, name: str) -> Element:
    declared = root.child(name)
    if declared is None:
        return Element(name, "")
    ours = _NOT_ON_THE_WIRE if name == "content" else set()
    return replace(declared, children=tuple(c for c in declared.children if c.name not in ours), _by_name={})


def _object(value: Any, pointer: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        refuse("bad-shape", "An object is due here.", pointer)
    return value


def _typed(envelope: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    message_type = envelope.get("messageType")
    if not isinstance(message_type, str):
        refuse("unknown-message-type", "The envelope does not say which message this is.", "/envelope/messageType")
    return message_type, {name: value for name, value in envelope.items() if name != "messageType"}


def _check_ids(files: tuple[WireFile, ...]) -> None:
    """Files may share a name, never an id: a form refers by id."""
    ids = [file.id for file in files]
    twice = next((one for one in ids if ids.count(one) > 1), None)
    if twice is not None:
        hint = "Give each file an id of its own; names may be equal."
        refuse("duplicate-attachment", "Two files have the same id.", FILES_PART, value=ascii(twice)[:80], hint=hint)


def _append_references(content: etree._Element, files: tuple[WireFile, ...]) -> None:
    namespace = etree.QName(content).namespace
    for file in files:
        reference = etree.SubElement(content, f"{{{namespace}}}attachments")
        facts = {
            "id": file.id,
            "name": file.name,
            "size": str(file.payload.size),
            "mediaType": file.media_type,
            "sha256": file.sha256,
        }
        for name, text in facts.items():
            etree.SubElement(reference, f"{{{namespace}}}{name}").text = text


def _folder_of(identifier: str) -> str:
    """Pointer of a kept field: in which folder of the archive a file lay."""
    return f"/{FILES_PART}/{json_tree.escaped(identifier)}"


def _folders_without_files(folders: dict[str, Any], content: etree._Element) -> tuple[str, ...]:
    """Take out what names no folder of a file that is there: the pointers of it."""
    there = {collapsed(one.text or "") for one in content.iterfind("{*}attachments/{*}id")}
    gone = [name for name, folder in folders.items() if name not in there or not _is_folder(folder)]
    for name in gone:
        del folders[name]
    return tuple(map(_folder_of, gone))


def _is_folder(said: Any) -> bool:
    return isinstance(said, str) and str(PurePosixPath(said)) == said != _NO_FOLDER and is_plain(said)


def _entries(root: etree._Element, files: Sequence[WireFile], folders: Mapping[str, str]) -> list[tuple[str, Payload]]:
    by_id = {file.id: file for file in files}
    entries: dict[str, tuple[str, Payload]] = {}
    for reference in root.iterfind("{*}content/{*}attachments"):
        identifier = collapsed(reference.findtext("{*}id") or "")
        file = by_id.get(identifier)
        if file is None:
            _untranslatable("missing-attachment", "The bytes of an attachment are not at hand.", value=identifier)
        said = reference.findtext("{*}sha256")
        if said is not None and trimmed(said) != file.sha256:
            _untranslatable("attachment-changed", "An attachment has other bytes than its hash says.", value=identifier)
        name = _entry(identifier, reference.findtext("{*}name") or file.name)
        entry = f"{folders[identifier]}/{name}" if identifier in folders else name, file.payload
        if entries.setdefault(identifier, entry) != entry:
            _untranslatable("duplicate-attachment", "Two files have the same id.", value=identifier)
    return list(entries.values())


def _entry(identifier: str, name: str) -> str:
    """`<attachmentId>_<filename>`, where the other side can tell them apart again."""
    entry = f"{identifier}_{name}"
    if "_" in identifier or PurePosixPath(entry).name != entry or not is_plain(entry):
        detail = "The archive names a file by its id and name; this id has an underscore, or one of them a path."
        hint = "Give the file an id without underscore, and a name without a path."
        _untranslatable("attachment-name", detail, value=identifier, hint=hint)
    return entry


def _untranslatable(code: str, detail: str, *, value: str = "", hint: str = "") -> NoReturn:
    raise TranslationError((Problem(code, detail, value=value, hint=hint),))
