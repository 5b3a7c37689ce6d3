"""Files that travel beside a message, each as a part `cid:file-<SHA-256>`: signed permits, decisions, appendices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adapters.mock_eu.model import Part
    from adapters.mock_eu.payloads import Payload

FILE: Final = "cid:file-"


def beside(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Those of a message's parts that are files."""
    return tuple(part for part in parts if part.href.lower().startswith(FILE))


def described(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """As a leg shows them."""
    return [{"media_type": part.media_type, "size": len(part.data), "sha256": part.sha256} for part in parts]


def changed(payload: Payload) -> Iterator[str]:
    """Names of parts whose bytes have another hash."""
    return (part.href for part in payload.beside if part.href.lower() != f"{FILE}{part.sha256}")


def missing(payload: Payload) -> Iterator[str]:
    """Hashes that message or structured part name, and no file has. In an archive files have their own place."""
    there = {part.sha256 for part in payload.beside}
    named = () if payload.is_zip else (*_named(payload.content), *_named_in(payload.structured or b""))
    return (sha256 for sha256 in dict.fromkeys(named) if sha256 not in there)


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _named(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from (item,) if name == "sha256" and isinstance(item, str) else _named(item)


def _named_in(structured: bytes) -> list[str]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(structured, parser)
    except etree.XMLSyntaxError:
        return []
    return [(element.text or "").strip() for element in root.iter("{*}sha256")]
