"""What every wire codec takes and gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from broker.errors import Refused
from broker.translation.codecs.zip_parts import ZipLimits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lxml import etree

    from broker.errors import Problem
    from broker.payloads import Payload


@dataclass(frozen=True, slots=True)
class WireFile:
    """An attachment with its bytes."""

    id: str
    name: str
    media_type: str
    payload: Payload

    @property
    def sha256(self) -> str:
        """In lower-case hexadecimal."""
        return self.payload.sha256


@dataclass(frozen=True, slots=True)
class Decoded:
    """An eu-1 tree, and the files that it refers to in content/attachments."""

    root: etree._Element
    files: tuple[WireFile, ...] = ()


class Encoded(NamedTuple):
    """A payload."""

    media_type: str
    payload: Payload

    @property
    def data(self) -> bytes:
        """Its bytes at once, for what is known to be small."""
        return self.payload.whole()


class Beside(NamedTuple):
    """What goes along with a payload as parts of their own: the files that it names, the whole eu-1 document."""

    files: bool = False
    structured: bool = False


class Retold(NamedTuple):
    """How a leaf of eu-1 stands in a payload where it does not stand under its own path as it is."""

    target: str
    fate: str = "copied"
    table: str = ""  #: code list or text convention


class Several(Refused):
    """A payload holds several messages, and each can be read by itself: `entries` are payloads of one each."""

    def __init__(self, problem: Problem, entries: tuple[bytes, ...]) -> None:
        super().__init__((problem,))
        self.entries = entries


@dataclass(frozen=True, slots=True)
class Transport:
    """What the transport says of a message whose wire form has no envelope of its own; `created_at` is ISO 8601."""

    message_id: str = ""
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class WireLimits:
    """What a payload may measure, in bytes: all of it, one JSON text, one attachment (form rule: 1 MB each)."""

    payload_bytes: int = 64 * 1024 * 1024
    json_bytes: int = 10 * 1024 * 1024
    attachment_bytes: int = 1024 * 1024
    zip: ZipLimits = field(default_factory=ZipLimits)


class Codec(Protocol):
    """Between one wire form and eu-1."""

    def decode(self, data: bytes | Payload, media_type: str, transport: Transport = ...) -> Decoded:
        """Read a payload; files in it stay in a spool. Raises: Refused."""
        ...

    def speaks(self, message_type: str) -> bool:
        """Whether a type has a form on this wire."""
        ...

    def encode(self, root: etree._Element, files: Sequence[WireFile] = ()) -> Encoded:
        """Write a payload; equal input gives equal bytes. Raises: TranslationError."""
        ...

    def lossy_leaves(self, message_type: str) -> tuple[str, ...]:
        """The leaves of eu-1 that the wire form of a type cannot carry."""
        ...

    def beside(self, message_type: str) -> Beside:
        """What of a message of this type goes along as parts of their own."""
        ...

    def retold(self, root: etree._Element) -> Mapping[str, Retold]:
        """Leaves of an eu-1 document, by their path, that stand otherwise in its payload."""
        ...

    def constants(self, message_type: str) -> tuple[str, ...]:
        """Leaves of a payload that no leaf of eu-1 stands behind."""
        ...

    def unplaced(self, root: etree._Element) -> tuple[str, ...]:
        """Pointers of kept wire fields whose place in the document is gone. Raises: TranslationError."""
        ...
