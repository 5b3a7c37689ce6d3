"""Read mapping files (docs/mapping-language.md) into plain values that remember file and line.

Nothing is checked here against a schema; `mapping_check` does that. Errors: ConfigurationError, `<file>:<line>: …`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from broker.errors import ConfigurationError
from broker.translation import mapping_entries
from broker.translation.mapping_entries import ALL_OTHERS, meant
from broker.translation.mapping_source import Source
from broker.translation.own_language import Versions, versions_of
from broker.translation.tables import Table

if TYPE_CHECKING:
    from pathlib import Path

    from broker.translation.mapping_source import Place

EU: Final = "eu"
NATIONAL: Final = "national"
#: What a line may do, by the key that says so.
KINDS: Final = ("copy", "recode", "split", "join", "annex", "carried", "left_out")
#: What messages.toml says of a profile as a whole, beside its version.
HEAD_KEYS: Final = ("profile", "schema", "language", "annex", "versions")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a mapping: what happens to the leaf `leaf` of `side`."""

    kind: str
    side: str
    leaf: str
    at: Place
    others: tuple[str, ...] = ()  #: leaves of the other side, in order
    table: str = ""
    otherwise: str = ""
    review: str = ""  #: why a person must look at what goes otherwise
    by: str = ""
    before: tuple[str, ...] = ()  #: what leads in each part of a split
    alone: str = ""  #: what leads in the first part of a split where the second is missing
    text: str = ""
    reason: str = ""
    source: str = ""
    anchor: str = ""
    readers: bool = False  #: the version in the language of the readers goes before the original

    def named(self, side: str) -> tuple[str, ...]:
        """The leaves of a side that this line accounts for."""
        if side == self.side:
            return (self.leaf,)
        return (*self.others, self.otherwise) if self.otherwise else self.others


@dataclass(frozen=True, slots=True)
class Group:
    """A repeated eu-1 element, its counterpart, and the leaf that tells its instances apart."""

    path: str
    at: Place
    counterpart: str = ""
    key: str = ""
    national_key: str = ""
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """One mapping file."""

    name: str
    file: str
    eu: tuple[str, ...]
    national: tuple[str, ...]
    lines: tuple[Line, ...]
    groups: tuple[Group, ...]
    tables: dict[str, Table]
    eu_at: Place
    national_at: Place


@dataclass(frozen=True, slots=True)
class Annex:
    """The national element that shows eu-1 fields without counterpart: repeated entry, attribute for the path."""

    entry: str
    path: str


@dataclass(frozen=True, slots=True)
class MessageRule:
    """Which national message is which eu-1 message, and of which families it is made."""

    type: str
    element: str
    at: Place
    when: dict[str, str | bool] = field(default_factory=dict)
    when_eu: dict[str, str | bool] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    context: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """A national profile: its schema, its messages, its families."""

    name: str
    version: str
    schema: str
    file: str
    language: str
    annex: Annex | None
    versions: Versions | None
    messages: tuple[MessageRule, ...]
    families: dict[str, Family]
    at: dict[str, Place]  #: of what stands before the messages

    @property
    def conditions(self) -> frozenset[str]:
        """National leaves that say which message it is; the message table is their line."""
        return frozenset(
            path for rule in self.messages for path, wanted in rule.when.items() if isinstance(wanted, str)
        )


def load_profile(directory: Path) -> Profile:
    """Read `messages.toml` and every family that it names.

    Raises: ConfigurationError, naming file and line of the first thing that cannot be read.
    """
    source = Source(directory / "messages.toml", directory.parent)
    data = source.data
    source.must_be(data, mapping_entries.HEAD, "")
    rows = data.get("message", [])
    rules = tuple(_message(source, number, row) for number, row in enumerate(rows))
    shared = _shared_tables(directory)
    names = sorted({name for rule in rules for name in (*rule.parts, *rule.context)})
    _check_families(source, directory, rules, names)
    families = {name: load_family(directory / f"{name}.toml", shared) for name in names}
    rest = [name for name, family in families.items() if family.national]
    rules = tuple(
        replace(rule, context=tuple(name for name in rest if name not in rule.parts))
        if row.get("context") == ALL_OTHERS
        else rule
        for rule, row in zip(rules, rows, strict=True)
    )
    annex = data.get("annex")
    return Profile(
        name=source.text("profile"),
        version=source.text("version"),
        schema=source.text("schema"),
        file=source.name,
        language=str(data.get("language", "")),
        annex=Annex(entry=annex["entry"], path=annex["path"]) if annex else None,
        versions=_versions(source),
        messages=rules,
        families=families,
        at={key: source.place("", key) for key in HEAD_KEYS},
    )


def _check_families(source: Source, directory: Path, rules: tuple[MessageRule, ...], names: list[str]) -> None:
    """Every family that a message names is a file, and every file is of use."""
    there = {file.stem: file for file in sorted(directory.glob("*.toml")) if file.name != source.file.name}
    for number, rule in enumerate(rules):
        for key, named in (("parts", rule.parts), ("context", rule.context)):
            for name in named:
                if name not in there:
                    detail = f"{key!r} names {name!r}, and there is no {name}.toml{meant(name, there)}"
                    raise source.error(detail, f"message.{number}", key)
    if unused := there.keys() - set(names):
        file = there[min(unused)].relative_to(directory.parent).as_posix()
        detail = "no message is made of this family; name it under 'parts' or 'context' in messages.toml"
        raise ConfigurationError(f"{file}:1: {detail}, or take the file away")


def _versions(source: Source) -> Versions | None:
    try:
        return versions_of(source.data)
    except ValueError as error:
        raise source.error(str(error), "", "versions") from None


def load_family(file: Path, shared: dict[str, Table]) -> Family:
    """Read one family file. Raises: ConfigurationError."""
    source = Source(file, file.parent.parent)
    source.must_be(source.data, mapping_entries.FAMILY, "")
    if source.text("family") != file.stem:
        raise source.error(
            f"the file holds the family {file.stem!r}; call it so, reports name it by that", "", "family"
        )
    tables = {name: _table(source, name, f"tables.{name}", row) for name, row in source.data.get("tables", {}).items()}
    lines = [_line(source, EU, "fields", leaf, row) for leaf, row in source.data.get("fields", {}).items()]
    lines += [_line(source, NATIONAL, "national", leaf, row) for leaf, row in source.data.get("national", {}).items()]
    return Family(
        name=source.text("family"),
        file=source.name,
        eu=source.texts("eu"),
        national=source.texts("national_scope"),
        lines=tuple(lines),
        groups=tuple(_group(source, path, row) for path, row in source.data.get("groups", {}).items()),
        tables={**shared, **tables},
        eu_at=source.place("", "eu"),
        national_at=source.place("", "national_scope"),
    )


def _message(source: Source, number: int, row: dict[str, Any]) -> MessageRule:
    table = f"message.{number}"
    source.must_be(row, mapping_entries.MESSAGE, table)
    for key in ("type", "element", "parts"):
        if key not in row:
            raise source.error(f"{key!r} is missing", table, "")
    return MessageRule(
        type=row["type"],
        element=row["element"],
        at=source.place(table, ""),
        when=row.get("when", {}),
        when_eu=row.get("when_eu", {}),
        parts=tuple(row["parts"]),
        context=() if row.get("context") == ALL_OTHERS else tuple(row.get("context", ())),
    )


def _line(source: Source, side: str, table: str, leaf: str, row: Any) -> Line:
    at = source.place(table, leaf)
    source.must_be(row, mapping_entries.LINE, table, leaf)
    kinds = [kind for kind in KINDS if kind in row]
    if len(kinds) != 1:
        raise source.error(f"{leaf!r} must say exactly one of {', '.join(KINDS)}", table, leaf)
    kind = kinds[0]
    allowed = ("join", "carried", "left_out") if side == NATIONAL else tuple(k for k in KINDS if k != "join")
    if kind not in allowed:
        raise source.error(f"{leaf!r}: {kind!r} cannot stand under [{table}]", table, leaf)
    for key, needs in (
        ("recode", "table"),
        ("split", "before"),
        ("join", "by"),
        ("carried", "source"),
        ("left_out", "source"),
    ):
        if kind == key and not row.get(needs):
            raise source.error(f"{leaf!r}: {kind!r} needs {needs!r}", table, leaf)
    for detail in mapping_entries.beside(row, kind):
        raise source.error(f"{leaf!r}: {detail}", table, leaf)
    what = row[kind]
    others = tuple(what) if kind in ("split", "join") else (what,) if kind in ("copy", "recode") else ()
    reason = "" if others else str(what)
    if not others and not reason.strip():
        raise source.error(f"{leaf!r}: {kind!r} needs its reason", table, leaf)
    texts: dict[str, Any]
    told = ("table", "otherwise", "review", "by", "alone", "text", "source", "anchor")
    texts = {key: str(row.get(key, "")) for key in told}
    before = tuple(map(str, row.get("before", ())))
    texts["readers"] = row.get("readers", False) is True
    return Line(kind=kind, side=side, leaf=leaf, at=at, others=others, before=before, reason=reason, **texts)


def _group(source: Source, path: str, row: dict[str, Any]) -> Group:
    source.must_be(row, mapping_entries.GROUP, "groups", path)
    if row.get("only") and not row.get("key"):
        raise source.error(f"{path!r}: 'only' needs 'key'", "groups", path)
    return Group(
        path=path,
        at=source.place("groups", path),
        counterpart=row.get("with", ""),
        key=row.get("key", ""),
        national_key=row.get("national_key", ""),
        only=tuple(row.get("only", ())),
    )


def _table(source: Source, name: str, header: str, row: dict[str, Any]) -> Table:
    source.must_be(row, mapping_entries.TABLE, header)
    for entry, kind in mapping_entries.ROWS.items():
        values = row.get(entry, {})
        source.must_be(values, dict.fromkeys(values, kind), f"{header}.{entry}".strip("."))
    if not row.get("source"):
        raise source.error(f"table {name!r} names no source", header, "")
    rows = {str(key): str(value) for key, value in row.get("rows", {}).items()}
    ambiguous = {str(key): tuple(value) for key, value in row.get("ambiguous", {}).items()}
    several = {str(key): tuple(value) for key, value in row.get("several", {}).items()}
    table = Table(name, row["source"], rows, ambiguous, several, at=source.place(header, "rows"))
    doubled = {value for value, times in Counter(table.national).items() if times > 1}
    if doubled:
        raise source.error(f"table {name!r} is not one-to-one: {min(doubled)!r} has several rows", header, "rows")
    if unclear := set(rows) & table.unsure:
        detail = f"table {name!r}: {min(unclear)!r} has a row, and is one of several too"
        raise source.error(detail, header, "rows")
    if not table.national:
        raise source.error(f"table {name!r} has no rows", header, "")
    return table


def _shared_tables(directory: Path) -> dict[str, Table]:
    tables = {}
    for file in sorted((directory / "tables").glob("*.toml")):
        source = Source(file, directory.parent)
        tables[file.stem] = _table(source, file.stem, "", source.data)
    return tables
