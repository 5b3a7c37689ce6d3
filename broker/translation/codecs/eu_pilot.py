"""The codec `eu-pilot`: what the pilot connector sent as AS4 payload, to and from eu-1.

Three layers, each base64 of JSON: a list `{"type", "messages", "from"}`, in it messages `{"type", "content", "from"}`,
and in each the content: `{"operation": "applyPermit", "application": {application_id, catalog_id, form}}` of the topic
`dataPermit`, or `{"operation", "payload"}` of `updateCentralEUCatalog`. Which type has a form stands in
`schemas/eu/pilot/wire-forms.toml`.

The form has no envelope: MessageId and time are the transport's. `from` is a claim that the pilot blanked on reading;
one that is not blank is kept among the unknown fields, like everything else that has no place in eu-1.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NoReturn

from lxml import etree

from broker.errors import Problem, Refused, TranslationError
from broker.payloads import Payload
from broker.translation.codecs import json_text, json_tree, wire_forms
from broker.translation.codecs.codec import Beside, Decoded, Encoded, Retold, Several, Transport, WireLimits
from broker.translation.codecs.json_text import refuse
from broker.translation.codecs.wire_forms import Body, WireForm
from broker.translation.schema_model import load_schema
from broker.translation.white_space import trimmed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from broker.translation.codecs.codec import WireFile
    from broker.translation.schema_parts import Element, SchemaModel

MEDIA_TYPE: Final = "text/xml"  #: what the pilot called it, although it is no XML
MOST: Final = 100  #: messages that the pilot connector put into one list (`message_list_size`)
PERMIT: Final = "dataPermit"
CATALOGUE: Final = "updateCentralEUCatalog"
APPLY: Final = "applyPermit"
_TYPES: Final = {PERMIT: "ApplicationSubmitted", CATALOGUE: "DatasetCUD"}
_TOPICS: Final = {name: topic for topic, name in _TYPES.items()}
_FRAME: Final = {"list": ("type", "messages"), "message": ("type", "content"), "permit": ("operation", "application")}
_SAID: Final = {PERMIT: ("application_id", "catalog_ids", "form"), CATALOGUE: ("operation", "payload")}
_RDF_XML: Final = "application/rdf+xml"


class EuPilotCodec:
    """Decode and encode. Built once, by `load`; holds no state of any message."""

    def __init__(self, model: SchemaModel, forms: Mapping[str, WireForm], *, limits: WireLimits | None = None) -> None:
        self._forms = dict(forms)
        self._limits = limits or WireLimits()
        self._namespace = model.namespace
        self._parts = {topic: _part(model.roots[name], _SAID[topic]) for topic, name in _TYPES.items()}
        self._lost = {name: tuple(_expanded(model, form)) for name, form in self._forms.items()}

    @classmethod
    def load(cls, schemas: Path, *, limits: WireLimits | None = None) -> EuPilotCodec:
        """Read schema and wire forms from the schemas folder. Raises: ConfigurationError."""
        model = load_schema(schemas / "eu/1/eu.xsd")
        forms = wire_forms.load_wire_forms(schemas / "eu/pilot/wire-forms.toml", types=tuple(model.roots))
        return cls(model, forms, limits=limits)

    def form(self, message_type: str) -> WireForm:
        """The wire form of a type. Raises: TranslationError, `no-wire-form`, where there is none."""
        form = self._forms.get(message_type)
        if form is None or form.body is Body.NONE:
            _no_form(f"{message_type} has no form on the wire of the pilot.", form.source if form else "")
        return form

    def speaks(self, message_type: str) -> bool:
        """Whether a type has a form on this wire."""
        form = self._forms.get(message_type)
        return form is not None and form.body is not Body.NONE

    def lossy_leaves(self, message_type: str) -> tuple[str, ...]:
        """The leaves of eu-1 that the wire form of a type cannot carry."""
        return self._lost.get(message_type, ())

    def beside(self, message_type: str) -> Beside:  # noqa: ARG002 -- the same for each
        """Nothing: the pilot connector read one payload of a message."""
        return Beside()

    def decode(self, data: bytes | Payload, media_type: str, transport: Transport = Transport()) -> Decoded:  # noqa: ARG002, B008 -- the pilot calls everything text/xml; the default is immutable
        """Read a payload.

        Raises: Several, for a list of up to 100 messages.
        Raises: Refused, with `payload-too-large`, `bad-base64`, `missing-part`, `several-messages`, `bad-shape`,
        `unknown-message-type`, `bad-character` and the codes of `json_text.read`.
        """
        payload = Payload.of(data)
        if payload.size > self._limits.payload_bytes:
            limit = self._limits.payload_bytes
            refuse("payload-too-large", f"The payload has {payload.size} bytes; {limit} are allowed.")
        kept = json_tree.Kept()
        whole = self._layer(payload.whole(), "/list", kept)
        message = self._layer(_only(whole), "/message", kept)
        content = self._unpacked(message.get("content"), "/content")
        topic = whole.get("type")
        if not isinstance(topic, str) or topic not in _TYPES or message.get("type") != topic:
            refuse("unknown-message-type", "The pilot has no such topic.", "/list/type", value=ascii(topic)[:80])
        return Decoded(self._tree(topic, content, transport, kept))

    def encode(self, root: etree._Element, files: Sequence[WireFile] = ()) -> Encoded:  # noqa: ARG002 -- the pilot carries no files
        """Write a payload. Equal input gives equal bytes.

        Raises: TranslationError, with `no-wire-form`, `two-values` or `missing-part`.
        """
        content, frames, _ = self._document(root)
        topic = _TOPICS[etree.QName(root).localname]
        said = {"operation": APPLY, "application": content, **frames["permit"]} if topic == PERMIT else content
        message = {"type": topic, "content": _packed(said), "from": "", **frames["message"]}
        whole = {"type": topic, "messages": [_packed(message)], "from": "", **frames["list"]}
        return Encoded(MEDIA_TYPE, Payload(_packed(whole).encode()))

    def unplaced(self, root: etree._Element) -> tuple[str, ...]:
        """Pointers of kept wire fields whose place in the document is gone: a report must name them."""
        return self._document(root)[2]

    def retold(self, root: etree._Element) -> dict[str, Retold]:
        """The one catalogue has another name; frames stand round the content."""
        one = "content/catalog_ids[1]"
        return {one: Retold("content/catalog_id")} if etree.QName(root).localname == _TYPES[PERMIT] else {}

    def constants(self, message_type: str) -> tuple[str, ...]:
        """The topic, in both layers; of an application also the one operation."""
        operation = ("envelope/permit/operation",) if message_type == _TYPES[PERMIT] else ()
        return ("envelope/list/type", "envelope/message/type", *operation)

    def _layer(self, packed: Any, path: str, kept: json_tree.Kept) -> dict[str, Any]:
        layer = self._unpacked(packed, path)
        known = (*_FRAME[path[1:]], "from")
        for name, value in layer.items():
            if name not in known or (name == "from" and value != ""):
                kept.add(f"/envelope{path}/{json_tree.escaped(name)}", value)
        return layer

    def _unpacked(self, packed: Any, path: str) -> dict[str, Any]:
        if not isinstance(packed, (str, bytes)):
            refuse("missing-part", "Base64 of a JSON object is due here.", path)
        text = packed.encode("ascii", "replace") if isinstance(packed, str) else packed
        try:
            data = base64.b64decode(b"".join(text.split()), validate=True)
        except binascii.Error as error:
            refuse("bad-base64", f"This is not base64: {error}.", path)
        value = json_text.read(data, part=path, limit=self._limits.json_bytes)
        if not isinstance(value, dict):
            refuse("bad-shape", "An object is due here.", path)
        return value

    def _tree(self, topic: str, content: dict[str, Any], transport: Transport, kept: json_tree.Kept) -> etree._Element:
        nsmap: dict[str | None, str] = {None: self._namespace}
        root = etree.Element(f"{{{self._namespace}}}{_TYPES[topic]}", nsmap=nsmap)  # type: ignore[arg-type] # the stubs do not know the default prefix
        head = etree.SubElement(root, f"{{{self._namespace}}}envelope")
        for name, text in (("messageId", transport.message_id), ("createdAt", transport.created_at)):
            if text:
                etree.SubElement(head, f"{{{self._namespace}}}{name}").text = text
        below = etree.SubElement(root, f"{{{self._namespace}}}content")
        said = _application(content, kept) if topic == PERMIT else content
        json_tree.fill(below, self._parts[topic], said, "/content", kept)
        json_tree.keep_in(below, kept)
        return root

    def _document(self, root: etree._Element) -> tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]:
        form = self.form(etree.QName(root).localname)
        below = root.find(f"{{{self._namespace}}}content")
        if below is None:
            raise TranslationError((Problem("missing-part", "The document has no content."),))
        said = json_tree.value_of(below, self._parts[_TOPICS[form.type]])
        folded = _one_catalogue(said) if form.type == _TYPES[PERMIT] else _as_text(said, below)
        document: dict[str, dict[str, Any]] = {"envelope": {name: {} for name in _FRAME}, "content": folded}
        gone = json_tree.put_all_back(document, below)
        frames = document["envelope"]
        strange = tuple(f"/envelope/{json_tree.escaped(name)}" for name in frames if name not in _FRAME)
        return document["content"], frames, (*gone, *strange)


def _part(root: Element, said: tuple[str, ...]) -> Element:
    content = root.child("content")
    if content is None:
        raise TranslationError((Problem("missing-part", f"{root.name} has no content in the schema."),))
    return replace(content, children=tuple(child for child in content.children if child.name in said), _by_name={})


def _expanded(model: SchemaModel, form: WireForm) -> Sequence[str]:
    """All leaves that a row calls lost, also those of a branch that it names."""
    if not form.lost:
        return ()
    paths = [leaf.path for leaf in model.leaves(form.type)]
    return [path for path in paths if any(path == name or path.startswith(f"{name}/") for name in form.lost)]


def _only(whole: dict[str, Any]) -> Any:
    messages = whole.get("messages")
    if not isinstance(messages, list) or not messages:
        refuse("missing-part", "The list has no message.", "/list/messages")
    if len(messages) == 1:
        return messages[0]
    hint = "Send each message as an AS4 message of its own."
    problem = Problem("several-messages", f"The list has {len(messages)} messages.", "/list/messages", hint=hint)
    if len(messages) > MOST:
        raise Refused((problem,))
    raise Several(problem, tuple(_packed({**whole, "messages": [one]}).encode() for one in messages))


def _application(content: dict[str, Any], kept: json_tree.Kept) -> dict[str, Any]:
    """What stands in the application; its one catalogue under the name that eu-1 has for several."""
    operation, application = content.get("operation"), content.get("application")
    if operation != APPLY:
        refuse(
            "unknown-message-type", "No operation is called that.", "/content/operation", value=ascii(operation)[:80]
        )
    if not isinstance(application, dict):
        refuse("missing-part", "The operation has no application.", "/content/application")
    for name, value in content.items():
        if name not in _FRAME["permit"]:
            kept.add(f"/envelope/permit/{json_tree.escaped(name)}", value)
    said = dict(application)
    if "catalog_ids" in said:
        kept.add("/content/catalog_ids", said.pop("catalog_ids"))
    if isinstance(said.get("catalog_id"), str) and json_tree.is_xml(said["catalog_id"]):
        said["catalog_ids"] = [said.pop("catalog_id")]
    return said


def _one_catalogue(said: dict[str, Any]) -> dict[str, Any]:
    catalogues = said.pop("catalog_ids", [])
    if len(catalogues) > 1:
        detail = "An application of the pilot is for one catalogue."
        raise TranslationError((Problem("two-values", detail, "/content/catalog_ids", value=str(len(catalogues))),))
    named = {**said, "catalog_id": catalogues[0]} if catalogues else said
    return {name: named[name] for name in ("application_id", "catalog_id", "form") if name in named}


def _as_text(said: dict[str, Any], content: etree._Element) -> dict[str, Any]:
    """A record travels as the text of its RDF/XML and in no other way."""
    media_type = trimmed(content.findtext("{*}mediaType") or _RDF_XML)
    if "payload" not in said or media_type != _RDF_XML:
        _no_form("A dataset record of the pilot is RDF/XML, as text.", "Write the record into payload.")
    return said


def _packed(value: dict[str, Any]) -> str:
    return base64.b64encode(json_text.write(value)).decode("ascii")


def _no_form(detail: str, hint: str) -> NoReturn:
    raise TranslationError((Problem("no-wire-form", detail, hint=hint),))
