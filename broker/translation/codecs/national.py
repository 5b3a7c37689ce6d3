"""Codecs of national profiles whose documents are not XML: between what is sent and a tree of the profile's schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol

from broker.errors import ConfigurationError
from broker.translation.codecs.rems.codec import RemsCodec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from lxml import etree

    from broker.errors import Problem
    from broker.translation.codecs.rems.reading import Read


class NationalCodec(Protocol):
    """Between the documents of one installation and trees."""

    @property
    def media_type(self) -> str:
        """As what its documents travel."""
        ...

    def decode(self, data: bytes) -> Read:
        """Read a document. Raises: Refused."""
        ...

    def encode(self, root: etree._Element) -> bytes:
        """Write a document; equal trees give equal bytes."""
        ...

    def differences(self, definitions: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
        """Where the binding and the definitions of the installation disagree, one line each."""
        ...

    def located(self, problems: Iterable[Problem], read: Read) -> tuple[Problem, ...]:
        """Problems of the tree, at the place in the document that its sender knows."""
        ...


#: The codec of each such profile, from the schemas folder and the binding file of an installation (None: the example).
#: Raises: ConfigurationError.
NATIONAL: Final[Mapping[str, Callable[[Path, Path | None], NationalCodec]]] = {"rems-1": RemsCodec.load}


def load_national(
    profile: str, schemas: Path, *, binding: Path | None = None, forms: Iterable[Path] = ()
) -> NationalCodec | None:
    """The codec of an installation, held against its form definitions; None, for a profile of XML documents.

    Raises: ConfigurationError, one line per fault.
    """
    if profile not in NATIONAL:
        return None
    codec = NATIONAL[profile](schemas, binding)
    definitions = [_definition(path) for path in forms]
    if definitions and (found := codec.differences(definitions)):
        raise ConfigurationError("\n".join(found))
    return codec


def _definition(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path.name}: the form definition cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise ConfigurationError(f"{path.name}: a form definition is an object, as /api/forms/<id> gives it")
    return found
