"""Bodies on their way in, read chunk by chunk: an envelope with base64 in it, or MTOM.

libxml2 refuses text nodes over 10 MB unless all its limits are lifted. Instead of lifting them, long runs of base64 are
decoded and cut out as they arrive, and looked up afterwards: lxml sees the envelope only, and the decoded bytes of all
payloads go one behind the other into a spool.
"""

from __future__ import annotations

import binascii
import secrets
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesHeaderParser
from typing import TYPE_CHECKING, Final

import pybase64

from adapters.access_point.bodies import Unreadable
from adapters.access_point.domibus_ws.hardened import Document, decoded, parse
from broker.payloads import Payload, Spool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.access_point.domibus_ws.settings import Limits

_LONG: Final = 65_536  #: characters of a text from which on it is taken for a payload, whatever element it stands in
_LONG_VALUE: Final = 1024  #: the same, directly behind a tag that is called value
_VALUE: Final = b"value>"
_MOST_PARTS: Final = 64  # Domibus takes 28 attachments
_MOST_HEADER: Final = 16_384
_WHITE_SPACE: Final = bytes(range(9, 14)) + b" "
_SPACES: Final = tuple(bytes((code,)) for code in _WHITE_SPACE)


@dataclass(slots=True)
class Base64:
    """Base64 decoded as it comes, into a spool; what breaks its rules is told at the end."""

    out: Spool
    start: int
    size: int = 0
    rest: bytes = b""
    padded: bool = False
    problem: str = ""

    def feed(self, text: bytes) -> int:
        """Decode on; how many bytes are there now."""
        if any(space in text for space in _SPACES):
            text = text.translate(None, _WHITE_SPACE)
        encoded = self.rest + text if self.rest else text
        whole = len(encoded) // 4 * 4
        block, self.rest = encoded[:whole], encoded[whole:]
        if block and not self.problem:
            self._decode(block)
        return self.size

    def _decode(self, block: bytes) -> None:
        if self.padded:
            self.problem = "data after its end"
            return
        try:
            data = pybase64.b64decode(block, validate=True)
        except binascii.Error as error:
            self.problem = str(error)
        else:
            self.out.write(data)
            self.size += len(data)
        self.padded = block.endswith(b"=")

    def end(self) -> Payload:
        """All of it. Raises: Unreadable."""
        if self.problem or self.rest:
            raise Unreadable("bad-base64", f"invalid base64: {self.problem or 'cut short'}", "value")
        return Payload(self.out, self.start, self.size)


@dataclass(slots=True)
class Envelope:
    """XML with its long texts cut out; in their place stands a token that nobody outside can guess."""

    limits: Limits
    out: Spool
    mark: str = field(default_factory=lambda: f"cut-{secrets.token_hex(16)}-")
    short: bytearray = field(default_factory=bytearray)
    text: bytearray = field(default_factory=bytearray)
    value: Base64 | None = None
    cut: dict[str, Base64] = field(default_factory=dict)
    in_text: bool = False
    decoded: int = 0  #: bytes of the values that are complete

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes. Raises: Unreadable, as soon as a limit is passed."""
        start = 0
        while start < len(chunk):
            end = chunk.find(b"<" if self.in_text else b">", start)
            if self.in_text:
                self._text(chunk[start : end if end >= 0 else len(chunk)])
                if end >= 0:
                    self._end_of_text()
                start = end if end >= 0 else len(chunk)
            else:
                stop = end + 1 if end >= 0 else len(chunk)
                self._markup(chunk[start:stop])
                start = stop
            if end >= 0:
                self.in_text = not self.in_text

    def _markup(self, piece: bytes) -> None:
        self.short += piece
        if len(self.short) > self.limits.document:
            raise Unreadable(
                "soap-too-large", f"larger than {self.limits.document} bytes without its payloads", "Envelope"
            )

    def _text(self, piece: bytes) -> None:
        if self.value is None:
            self.text += piece
            if len(self.text) <= (_LONG_VALUE if self.short.endswith(_VALUE) else _LONG):
                return
            self.value, piece = Base64(self.out, self.out.size), bytes(self.text)
            self.text.clear()
        if self.decoded + self.value.feed(piece) > self.limits.payload:
            raise too_much(self.limits)

    def _end_of_text(self) -> None:
        if self.value is None:
            self._markup(bytes(self.text))
            self.text.clear()
            return
        token = f"{self.mark}{len(self.cut)}"
        self.cut[token], self.decoded = self.value, self.decoded + self.value.size
        self.value = None
        self._markup(token.encode())

    def end(self) -> Document:
        """The envelope. Raises: Unreadable."""
        return parse(bytes(self.short + self.text), limit=self.limits.document, cut=self.cut)


@dataclass(slots=True)
class Section:
    """One MIME part: its name without brackets, and its bytes as they come."""

    name: str
    out: Spool
    start: int
    size: int = 0

    def write(self, data: memoryview) -> None:
        """What comes next. Only the newest part of a body is written."""
        self.out.write(data)
        self.size += len(data)

    def payload(self) -> Payload:
        """All of it."""
        return Payload(self.out, self.start, self.size)


@dataclass(slots=True)
class Related:
    """`multipart/related`, taken apart as leniently as Apache CXF does it.

    Peers differ: `start` with or without angle brackets or missing, `start-info` of SOAP 1.1, Content-ID
    percent-encoded in the `href`, quoted boundaries.
    """

    limits: Limits
    out: Spool
    delimiter: bytes
    start: str
    sections: list[Section] = field(default_factory=list)
    buffer: bytearray = field(default_factory=lambda: bytearray(b"\r\n"))
    inside: bool = False  #: whether what comes belongs to the newest section
    found: bool = False  #: whether the boundary came at all
    over: bool = False
    size: int = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes. Raises: Unreadable, as soon as a limit is passed or a part is damaged."""
        if not self.over:
            self.buffer += chunk
        while not self.over and (at := self.buffer.find(self.delimiter)) >= 0:
            if not self._delimited(at):
                return
        if not self.over:
            self._keep(max(0, len(self.buffer) - len(self.delimiter) + 1))

    def _delimited(self, at: int) -> bool:
        """Go over one delimiter and the part's headers behind it, once they are there."""
        self.found, behind = True, at + len(self.delimiter)
        if self.buffer[behind : behind + 2] == b"--":
            self._keep(at)
            self.over = True
            return True
        end = self.buffer.find(b"\r\n\r\n", behind)
        if end < 0:
            if len(self.buffer) - behind > _MOST_HEADER:
                raise Unreadable("mime-header", "a MIME part whose headers have no end", self._next())
            return False
        head = bytes(self.buffer[behind:end])
        self._keep(at)
        del self.buffer[: end + 4 - at]
        self._open(head)
        return True

    def _keep(self, count: int) -> None:
        if count and self.inside:
            self.size += count
            if self.size > self.limits.payload + self.limits.document:
                raise too_much(self.limits)
            with memoryview(self.buffer) as view:
                self.sections[-1].write(view[:count])
        del self.buffer[:count]

    def _open(self, head: bytes) -> None:
        headers = BytesHeaderParser().parsebytes(head.lstrip(b" \t\r\n"))
        encoding = (headers.get("Content-Transfer-Encoding") or "binary").strip().lower()
        if encoding not in {"binary", "8bit", "7bit"}:
            raise Unreadable("mime-transfer-encoding", "a MIME part is not in binary, 8bit or 7bit", self._next())
        name = bare(headers.get("Content-ID") or "")
        if name and any(section.name == name for section in self.sections):
            raise Unreadable("mime-part-doubled", "two MIME parts have the same name", self._next())
        if len(self.sections) >= _MOST_PARTS:
            raise Unreadable("mime-too-many-parts", f"more than {_MOST_PARTS} MIME parts", self._next())
        self.sections.append(Section(name, self.out, self.out.size))
        self.inside = True

    def _next(self) -> str:
        return f"MIME part {len(self.sections) + 1}"

    def end(self) -> Document:
        """The envelope, with the other parts beside it. Raises: Unreadable."""
        if not self.found:
            raise Unreadable(
                "mime-boundary-unknown", "the boundary that Content-Type names never comes", "Content-Type"
            )
        if not self.over:
            raise Unreadable("mime-truncated", "the closing delimiter never comes", f"MIME part {len(self.sections)}")
        if not self.sections:
            raise Unreadable("mime-empty", "multipart/related without a part", "MIME part 1")
        root = next((one for one in self.sections if self.start and one.name == self.start), self.sections[0])
        envelope = Envelope(self.limits, self.out)
        for piece in root.payload().pieces():
            envelope.feed(piece)
        document = envelope.end()
        parts: Mapping[str, Payload] = {one.name: one.payload() for one in self.sections if one is not root}
        return Document(document.root, document.cut, parts)


@dataclass(frozen=True, slots=True)
class Run:
    """A long text of a body that was there at once, decoded where it is asked for."""

    text: memoryview

    def end(self) -> Payload:
        """Its bytes. Raises: Unreadable."""
        return Payload(decoded(self.text, "value"))


def whole(content_type: str, body: bytes, limits: Limits) -> Document:
    """A body that is there at once. Raises: Unreadable."""
    if len(body) <= min(_LONG, limits.document) and not _is_related(content_type):
        return _short(body, limits)
    taken = intake(content_type, limits)
    taken.feed(body)
    return taken.end()


def _short(body: bytes, limits: Limits) -> Document:
    """An envelope too short for any text but a value's to be cut out: it is looked over in a few leaps."""
    mark, cut, pieces, at = f"cut-{secrets.token_hex(16)}-", dict[str, Run](), list[bytes](), 0
    view = memoryview(body)
    while (found := body.find(_VALUE, at)) >= 0:
        start = found + len(_VALUE)
        end = body.find(b"<", start)
        pieces.append(body[at:start])
        at = end if end >= 0 else len(body)
        if at - start > _LONG_VALUE:
            token = f"{mark}{len(cut)}"
            cut[token] = Run(view[start:at])
            pieces.append(token.encode())
        else:
            pieces.append(body[start:at])
    return parse(b"".join((*pieces, body[at:])), limit=limits.document, cut=cut)


def intake(content_type: str, limits: Limits, folder: str | None = None) -> Envelope | Related:
    """What takes a body of this Content-Type; `folder` is a spool's. Raises: Unreadable, if the type is damaged."""
    out = Spool(folder)
    if not _is_related(content_type):
        return Envelope(limits, out)
    headers = Message()
    headers["Content-Type"] = " ".join(content_type.split())
    boundary, start = headers.get_boundary(), headers.get_param("start")
    if not boundary:
        raise Unreadable("mime-boundary-missing", "multipart/related without a boundary", "Content-Type")
    return Related(limits, out, b"\r\n--" + boundary.encode(), bare(start) if isinstance(start, str) else "")


def _is_related(content_type: str) -> bool:
    return content_type.lower().lstrip().startswith("multipart/related")


def too_much(limits: Limits) -> Unreadable:
    """Payloads beyond the limit."""
    return Unreadable("payload-too-large", f"payloads of more than {limits.payload} bytes", "Envelope/Body")


def bare(content_id: str) -> str:
    """A Content-ID without white space and angle brackets."""
    return content_id.strip().removeprefix("<").removesuffix(">")
