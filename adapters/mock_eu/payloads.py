"""The wire form eu-r7, in the mock's own reading.

One part `cid:message`: JSON `{"envelope": {…, "messageType"}, "content": {…}}`; or, for messages that carry an
application, a ZIP of `envelope.json`, `application_metadata.json` (as observed at a Release 7 dispatcher) and
`application_file.zip` with entries `<attachmentId>_<filename>`. A decision may have a second part
`cid:structured` (XML), and JSON may have files beside it (`papers`).
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu import papers
from adapters.mock_eu.model import Part
from adapters.mock_eu.reading import json_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.mock_eu.letters import Draft

MESSAGE: Final = "cid:message"
STRUCTURED: Final = "cid:structured"
_MOST: Final = 64 * 1024 * 1024
_ENVELOPE, _CONTENT, _FILES = "envelope.json", "application_metadata.json", "application_file.zip"


class BadPayload(ValueError):
    """The payload cannot be read; `code` and `path` go into the validation answer."""

    def __init__(self, code: str, text: str, path: str = "") -> None:
        super().__init__(text)
        self.code, self.path = code, path


@dataclass(frozen=True, slots=True)
class Payload:
    """One business message: envelope, content, the application's files by entry name, and the parts beside it."""

    envelope: dict[str, Any]
    content: dict[str, Any]
    files: Mapping[str, bytes] = field(default_factory=dict)
    structured: bytes | None = None
    is_zip: bool = False
    beside: tuple[Part, ...] = ()

    @property
    def type(self) -> str:
        """The message type that the envelope claims."""
        claimed = self.envelope.get("messageType")
        return claimed if isinstance(claimed, str) else ""

    @property
    def application_id(self) -> str:
        """From the content, else from the envelope; "" if neither says."""
        names = (
            self.content.get("applicationId"),
            self.content.get("application_id"),
            self.envelope.get("applicationId"),
        )
        return next((name for name in names if isinstance(name, str) and name), "")


def read(parts: tuple[Part, ...]) -> Payload:
    """Read the parts of one user message. Raises: BadPayload."""
    by_href = {part.href.lower(): part for part in parts}
    message = by_href.get(MESSAGE)
    if message is None:
        raise BadPayload("no-message-part", f"no part {MESSAGE}")
    structured = by_href[STRUCTURED].data if STRUCTURED in by_href else None
    if message.media_type.partition(";")[0].strip().lower() == "application/zip":
        return _read_zip(message.data, structured)
    document = _object(message.data, "the message")
    envelope, content = document.get("envelope"), document.get("content")
    if not isinstance(envelope, dict) or not isinstance(content, dict):
        raise BadPayload("wrong-shape", "envelope and content must be objects", "/")
    return Payload(envelope, content, structured=structured, beside=papers.beside(parts))


def write(envelope: dict[str, Any], content: dict[str, Any]) -> tuple[Part, ...]:
    """A message in JSON."""
    return (Part(MESSAGE, "application/json", _json({"envelope": envelope, "content": content})),)


def write_application(
    envelope: dict[str, Any], content: dict[str, Any], files: Mapping[str, bytes]
) -> tuple[Part, ...]:
    """A message that carries an application."""
    entries = {_ENVELOPE: _json(envelope), _CONTENT: _json(content)}
    if files:
        entries[_FILES] = _zip(files)
    return (Part(MESSAGE, "application/zip", _zip(entries)),)


def write_draft(draft: Draft) -> tuple[Part, ...]:
    """A letter of the platform."""
    if draft.files is None:
        return (*write(draft.envelope, draft.content), *draft.letter.beside)
    return write_application(draft.envelope, draft.content, draft.files)


def _read_zip(data: bytes, structured: bytes | None) -> Payload:
    entries = _unzip(data, "the message")
    for name in (_ENVELOPE, _CONTENT):
        if name not in entries:
            raise BadPayload("zip-entry-missing", f"no {name} in the ZIP", f"/{name}")
    files = _unzip(entries[_FILES], _FILES) if _FILES in entries else {}
    return Payload(
        _object(entries[_ENVELOPE], _ENVELOPE), _object(entries[_CONTENT], _CONTENT), files, structured, is_zip=True
    )


def _unzip(data: bytes, what: str) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if sum(info.file_size for info in infos) > _MOST:
                raise BadPayload("zip-too-large", f"{what} unpacks to more than {_MOST} bytes")
            for info in infos:
                _check_name(info.filename, what)
            if len({info.filename for info in infos}) != len(infos):
                raise BadPayload("zip-entry-twice", f"two entries of {what} have one name")
            return {info.filename: archive.read(info) for info in infos if not info.is_dir()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadPayload("not-zip", f"{what} is not a readable ZIP") from error


def _check_name(name: str, what: str) -> None:
    if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
        raise BadPayload("zip-unsafe-name", f"an entry of {what} points outside")


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        value = json_of(data)
    except ValueError as error:
        raise BadPayload("not-json", f"{what} is not JSON in UTF-8") from error
    if not isinstance(value, dict):
        raise BadPayload("wrong-shape", f"{what} is not a JSON object", "/")
    return value


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _zip(entries: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
