"""What is worth drawing where: rows of a table and a value it does not have, one key twice, known annex paths."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from broker.translation.mapping_file import EU, NATIONAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from broker.translation.mapping_file import Family, Group, Line, Profile
    from broker.translation.own_language import Versions

UNKNOWN = "zz-unknown"
KEYS = ("urn:example:key:one", "urn:example:key:two", "urn:example:key:three")
#: For leaves with a text convention: some that are written after it, and some that are not.
CONVENTIONAL = (
    *("2026-11-23", "23/11/2026", "31.12.2029", "oui", "ei", "true", "un jour"),
    *("\u0662\u0660\u0662\u0667-\u0660\u0662-\u0660\u0661", "2026-11-23\u00a0"),  # no day to any schema
)
#: For a leaf whose values go to one of two others: what the narrower admits (a SIRET), and what it does not.
REGISTERED = ("00000000000000", "0000.000.000", "000000000000000")
#: What stands behind a value so that it is another one; to XML it is no white space.
BEHIND = "\u00a0"
WHITE = " \t\r\n"  #: white space to XML
#: For texts that are joined: one part, as many as are due, and too many.
TOGETHER = ("one", "two", "three", "four", "five")
#: Names that instances are told apart by in eu-1; few, so that they meet.
EU_KEYS = {
    "country_id": ("FRANCE", "FINLAND", "fr", "fi", "NETHERLANDS"),
    "@scheme": ("hdh", "findata", "rems"),
    "emailAddress": ("a@example.org", "b@example.org"),
}


def collapsed(text: str) -> str:
    """A text after white space handling of the schema."""
    return " ".join(re.findall(f"[^{WHITE}]+", text))


def offered(profile: Profile, *, forth: bool) -> dict[str, tuple[str, ...]]:
    """Texts by path for documents of the source of this direction."""
    side = EU if forth else NATIONAL
    found: dict[str, tuple[str, ...]] = dict(EU_KEYS) if forth else {}
    for family in profile.families.values():
        for group in family.groups:
            found.update(_keys(group, family, side))
        for line in family.lines:
            found.update(_values(line, family, side))
    for rule in profile.messages:
        wanted = rule.when_eu if forth else rule.when
        for path, value in wanted.items():
            if isinstance(value, str):
                found[path] = (*found.get(path, ()), value)
    if versions := profile.versions:
        found.update(_spoken(versions, forth=forth))
        keys = {group.key for family in profile.families.values() for group in family.groups if group.key}
        found.update({versions.twin(key): found[key] for key in keys if versions.twin(key) and key in found})
    if not forth and profile.annex:
        found[f"{profile.annex.entry}/@{profile.annex.path}"] = tuple(_annexed(profile))
    return found


def _spoken(versions: Versions, *, forth: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Languages, so that there is often a form in that of the readers, and often several."""
    if forth:
        yield versions.original, ("nl", "en", versions.language)
        yield f"{versions.others}/@{versions.spoken}", (versions.language, versions.language, "nl")


def _keys(group: Group, family: Family, side: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    if side == EU and group.key:
        alike = [f"{key}{BEHIND}" for key in group.only[:1]]
        yield group.key, (*group.only, *alike, *EU_KEYS.get(group.key.rpartition("/")[2], KEYS))
    elif side == NATIONAL and group.national_key:
        yield group.national_key, KEYS
    elif side == NATIONAL and group.key:
        for line in family.lines:
            if line.side == EU and line.leaf == group.key:
                yield from ((path, KEYS) for path in line.others)


def _values(line: Line, family: Family, side: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for path in line.named(side):
        if line.text:
            yield path, CONVENTIONAL
        elif line.table:
            table = family.tables[line.table]
            known = tuple(table.eu if side == EU or path == line.otherwise else table.national)
            yield path, (*known, UNKNOWN, f"{known[0]}{BEHIND}")
        elif line.otherwise and (side == EU or path == line.otherwise):
            yield path, REGISTERED
        elif line.by and side == NATIONAL:
            yield path, tuple(line.by.join(TOGETHER[:count]) for count in (1, len(line.others), len(TOGETHER)))


def _annexed(profile: Profile) -> Iterator[str]:
    """Paths as an annex has them, one that eu-1 does not know, and one whose group is not there."""
    yield from ("content/form/section2/nothing", "content/form/section6[NOWHERE]/inclusionCriteria")
    for family in profile.families.values():
        for line in family.lines:
            if line.kind == "annex" and not any(line.leaf.startswith(group.path) for group in family.groups):
                yield line.leaf
            if line.readers:
                yield line.leaf  # read as the original only beside a form in the language of the readers
