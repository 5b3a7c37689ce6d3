"""The wire form eu-pilot: the envelope of the pilot's connector, in the mock's own reading.

One part `cid:message` (text/xml, as the pilot's stock PMode has it): base64 of
`{"type": topic, "messages": [m, …], "from": ""}` with at most 100 messages, each m base64 of
`{"type": topic, "content": base64, "from": ""}`. Two topics exist. `dataPermit` carries
`{"operation": "applyPermit", "application": {"application_id", "catalog_id", "form"}}` to a nation;
`updateCentralEUCatalog` carries `{"operation": createDataset | updateDataset | deleteDataset, "payload": RDF/XML}` to
the platform. There are no answers.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu.model import Part
from adapters.mock_eu.payloads import MESSAGE, BadPayload, Payload
from adapters.mock_eu.reading import json_of

if TYPE_CHECKING:
    from adapters.mock_eu.letters import Draft
    from adapters.mock_eu.model import Header

_PERMIT, _CATALOGUE = "dataPermit", "updateCentralEUCatalog"
_OPERATIONS: Final = frozenset({"createDataset", "updateDataset", "deleteDataset"})
_MOST: Final = 100
_APPLICATIONS: Final = frozenset({"ApplicationSubmitted", "ApplicationAmended", "AdditionalInformation"})


def write(draft: Draft) -> tuple[Part, ...]:
    """An application; every other message has no form here."""
    if draft.letter.type not in _APPLICATIONS:
        return ()
    application = {
        "application_id": draft.letter.application_id,
        "catalog_id": _catalogue(draft.content),
        "form": draft.content.get("form", {}),
    }
    content = {"operation": "applyPermit", "application": application}
    inner = _packed({"type": _PERMIT, "content": base64.b64encode(_json(content)).decode(), "from": ""})
    outer = _packed({"type": _PERMIT, "messages": [inner], "from": ""})
    return (Part(MESSAGE, "text/xml", outer.encode()),)


def read(parts: tuple[Part, ...], header: Header) -> tuple[Payload, ...]:
    """A batch of catalogue messages. The ebMS header stands in for the envelope that this form lacks."""
    message = next((part for part in parts if part.href.lower() == MESSAGE), None)
    if message is None:
        raise BadPayload("no-message-part", f"no part {MESSAGE}")
    outer = _unpacked(message.data, "/")
    batch = outer.get("messages")
    if outer.get("type") != _CATALOGUE:
        raise BadPayload("unknown-topic", "a nation sends updateCentralEUCatalog and nothing else", "/type")
    if not isinstance(batch, list) or not 0 < len(batch) <= _MOST:
        raise BadPayload("wrong-shape", f"messages must be a list of 1 to {_MOST}", "/messages")
    return tuple(_dataset(item, f"/messages/{number}", header) for number, item in enumerate(batch))


def _dataset(item: Any, path: str, header: Header) -> Payload:
    inner = _unpacked(str(item).encode(), path)
    content = _object(_decoded(str(inner.get("content", "")).encode(), f"{path}/content"), f"{path}/content")
    if content.get("operation") not in _OPERATIONS:
        raise BadPayload("bad-value", "operation is none of the pilot's", f"{path}/content/operation")
    envelope = {"messageId": header.message_id, "messageType": "DatasetCUD", "createdAt": header.timestamp}
    return Payload(envelope, content)


def _catalogue(content: dict[str, Any]) -> str:
    """The first dataset's catalogue: the pilot has room for one."""
    datasets = content.get("datasets")
    found = (
        each.get("catalog_id") for each in (datasets if isinstance(datasets, list) else []) if isinstance(each, dict)
    )
    return next((name for name in found if isinstance(name, str)), "")


def _packed(value: dict[str, Any]) -> str:
    return base64.b64encode(_json(value)).decode()


def _unpacked(data: bytes, path: str) -> dict[str, Any]:
    return _object(_decoded(data, path), path)


def _decoded(data: bytes, path: str) -> bytes:
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error as error:
        raise BadPayload("not-base64", "not base64", path) from error


def _object(data: bytes, path: str) -> dict[str, Any]:
    try:
        value = json_of(data)
    except ValueError as error:
        raise BadPayload("not-json", "not JSON in UTF-8", path) from error
    if not isinstance(value, dict):
        raise BadPayload("wrong-shape", "not a JSON object", path)
    return value


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
