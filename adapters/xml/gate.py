"""The gate: libxml2's verdict over schemas that were compiled once."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from lxml import etree

from adapters.xml.places import place, shortened
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
        return self._schema(profile).validate(root)

    def problems(self, profile: str, root: etree._Element, *, limit: int) -> tuple[Problem, ...]:
        """What libxml2 has to say, for when nobody can explain it better in time."""
        schema = self._schema(profile)
        if schema.validate(root):
            return ()
        entries: Iterable[etree._LogEntry] = schema.error_log  # type: ignore[assignment] # the stubs leave it empty
        return tuple(_problem(entry, root) for entry in itertools.islice(entries, limit))

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


def _problem(entry: etree._LogEntry, root: etree._Element) -> Problem:
    code = "bad-value" if entry.type_name.startswith(_BAD_VALUE) else "schema-violation"
    return Problem(code, shortened(entry.message, 300), path=_where(entry.path or "", root), rule=entry.type_name)


def _where(path: str, root: etree._Element) -> str:
    try:
        found = root.getroottree().xpath(path) if path else None
    except etree.XPathEvalError:  # libxml2 names the prefixes of the document, which its own XPath does not know
        return path
    first = next(iter(found), None) if isinstance(found, list) else None
    return place(first) if isinstance(first, etree._Element) else path  # noqa: SLF001 # lxml has no public name for it
