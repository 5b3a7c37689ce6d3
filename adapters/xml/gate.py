"""The gate: libxml2's verdict over schemas that were compiled once."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from lxml import etree

from adapters.xml.passing import breaks, first_breach, is_large
from adapters.xml.places import place, shortened, spot
from broker.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_BAD_VALUE: Final = ("SCHEMAV_CVC_DATATYPE", "SCHEMAV_CVC_ENUMERATION", "SCHEMAV_CVC_PATTERN", "SCHEMAV_CVC_MINLENGTH")


class Gate:
    """Compiled schemas, by profile."""

    def __init__(self, entries: Mapping[str, Path]) -> None:
        self._compiled = {profile: _compile(path) for profile, path in entries.items()}

    def is_valid(self, profile: str, root: etree._Element) -> bool:
        """The verdict. Raises: ConfigurationError for a profile without a schema."""
        schema = self._schema(profile)
        if is_large(root) and breaks(schema, etree.tostring(root)):
            return False
        return schema.validate(root)

    def problems(self, profile: str, root: etree._Element, data: bytes, *, limit: int) -> tuple[Problem, ...]:
        """What libxml2 has to say, for when nobody can explain it better in time; `data` is what `root` was read from.

        Of a large document the first problem alone, with line and column of the end of its tag (in UTF-16, the line).
        """
        schema = self._schema(profile)
        if is_large(root) and (breach := first_breach(schema, data)) is not None:
            return (_problem(breach.entry, _spot(data[: breach.read], root)),)
        if schema.validate(root):
            return ()
        entries: Iterable[etree._LogEntry] = schema.error_log  # type: ignore[assignment] # the stubs leave it empty
        return tuple(_problem(entry, _where(entry.path or "", root)) for entry in itertools.islice(entries, limit))

    def _schema(self, profile: str) -> etree.XMLSchema:
        try:
            return self._compiled[profile]
        except KeyError:
            raise ConfigurationError(f"There is no schema for the profile {profile!r}.") from None


def _compile(path: Path) -> etree.XMLSchema:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return etree.XMLSchema(etree.parse(str(path), parser))
    except (OSError, etree.XMLSyntaxError, etree.XMLSchemaParseError) as error:
        raise ConfigurationError(f"The schema {path} does not compile: {error}") from error


def _problem(entry: etree._LogEntry, path: str) -> Problem:
    code = "bad-value" if entry.type_name.startswith(_BAD_VALUE) else "schema-violation"
    return Problem(code, shortened(entry.message, 300), path=path, rule=entry.type_name)


def _spot(before: bytes, root: etree._Element) -> str:
    lines = before.decode(root.getroottree().docinfo.encoding or "utf-8", "ignore").split("\n")
    is_wide = b"\0" in before[:4]  # UTF-16 is converted ahead of what is read
    return f"line {len(lines)}" if is_wide else spot(len(lines), len(lines[-1]))


def _where(path: str, root: etree._Element) -> str:
    try:
        found = root.getroottree().xpath(path) if path else None
    except etree.XPathEvalError:  # libxml2 names the prefixes of the document, which its own XPath does not know
        return path
    first = next(iter(found), None) if isinstance(found, list) else None
    return place(first) if isinstance(first, etree._Element) else path  # noqa: SLF001 # lxml has no public name for it
