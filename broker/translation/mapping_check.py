"""Law 1, totality: every leaf of both compiled schemas is named by exactly one line, and every line can be carried out.

The leaves come from the schemas, never from the mapping. All faults are collected; each names file and line.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from broker.translation.conventions import CONVENTIONS
from broker.translation.mapping_entries import meant
from broker.translation.mapping_file import EU, NATIONAL, Family, Group, Line, MessageRule, Profile
from broker.translation.mapping_source import Fault, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from broker.translation.shapes import Node


def within(path: str, scopes: Iterable[str]) -> bool:
    """Whether a path lies in one of the subtrees."""
    return any(path.startswith(scope) and path[len(scope) : len(scope) + 1] in ("", "/") for scope in scopes)


def _below(root: Node, scopes: Iterable[str]) -> Iterator[Node]:
    """The leaves of the subtrees, each subtree in document order."""
    for scope in scopes:
        node = root.find(scope)
        if node is not None:
            yield from node.leaves()


def check_message(profile: Profile, rule: MessageRule, eu: Node, national: Node) -> Iterator[Fault]:
    """Every fault of the families that make up one message."""
    yield from _coverage(profile, rule, eu, national)
    yield from _conditions(rule, eu, national)
    yield from _reached(profile, rule)
    yield from _annex(profile, national)
    misplaced = tuple(_versions(profile, rule, eu))
    yield from misplaced
    for name in rule.parts:
        yield from _FamilyCheck(profile.families[name], eu, national, profile.conditions, translated=True).faults()
        yield from () if misplaced else _for_readers(profile, profile.families[name], eu, national)
    for name in rule.context:
        yield from _FamilyCheck(profile.families[name], eu, national, profile.conditions, translated=False).faults()


def _for_readers(profile: Profile, family: Family, eu: Node, national: Node) -> Iterator[Fault]:
    """What a line needs whose field takes the version in the language of its readers."""
    for line in family.lines:
        if not line.readers:
            continue
        twin = eu.find(profile.versions.twin(line.leaf)) if profile.versions and profile.annex else None
        plain = line.kind == "copy" and not line.text
        ends = [root.find(path) for root, path in ((eu, line.leaf), (national, line.others[0] if plain else ""))]
        free = all(one is not None and one.text is not None and one.text.is_free for one in ends)
        known = ends[0] is not None and _has_keys(family, ends[0])
        if not (plain and free and known and twin is not None and twin.text is not None):
            detail = "'readers' is for a free text that is copied and has versions; what repeats around it has a key"
            yield Fault(line.at, f"{line.leaf!r}: {detail}")


def _has_keys(family: Family, eu: Node) -> bool:
    """Whether each part that repeats is known by a key: by it the same is found in another language."""
    keyed = {group.path: group.key for group in family.groups if group.counterpart}
    keys = [keyed.get(group.path, "") for group in eu.groups]
    return all(key and "@" not in key for key in keys) and eu not in eu.groups


def _leads_in(line: Line) -> bool:
    first, *others = line.before
    different = len({lead.strip() for lead in line.before}) == len(line.others)
    return not line.by and not first and all(lead.strip() for lead in others) and different


def _is_alone_well(line: Line) -> bool:
    """What leads in a first part that stands alone begins the text, and is no lead-in of another part."""
    others = {lead.strip() for lead in line.before}
    return line.kind == "split" and line.alone == line.alone.lstrip() and line.alone.strip() not in others


def _coverage(profile: Profile, rule: MessageRule, eu: Node, national: Node) -> Iterator[Fault]:
    families = profile.families
    yield from _covered_once(eu, [families[name].eu for name in rule.parts], "eu-1", rule.at, exempt=())
    scopes = [families[name].national for name in (*rule.parts, *rule.context)]
    exempt = (*profile.conditions, *((profile.annex.entry,) if profile.annex else ()))
    yield from _covered_once(national, scopes, profile.name, rule.at, exempt=exempt)


def _conditions(rule: MessageRule, eu: Node, national: Node) -> Iterator[Fault]:
    """What decides which message it is: leaves that are there once, and values that they can have."""
    for key, root, wanted in (("when", national, rule.when), ("when_eu", eu, rule.when_eu)):
        for path, value in wanted.items():
            node = root.find(path)
            if node is None or not node.is_leaf or node.depth:
                yield Fault(
                    rule.at, f"{key!r} names {path!r}, which is no single leaf of {root.name}{_near(path, root)}"
                )
            elif isinstance(value, str) and node.fits is not None and not node.fits(value):
                detail = f"{key!r} asks for {value!r}, which is no value of {path!r}{meant(value, node.values)}"
                yield Fault(rule.at, detail)


def _reached(profile: Profile, rule: MessageRule) -> Iterator[Fault]:
    """The first entry that fits wins: one that asks for all that a former asks for is never reached."""
    for other in profile.messages[: profile.messages.index(rule)]:
        same = (other.type, other.element) == (rule.type, rule.element)
        if same and other.when.items() <= rule.when.items() and other.when_eu.items() <= rule.when_eu.items():
            yield Fault(rule.at, f"this {rule.type} is never reached: {other.at} fits first; put the special one first")


def _annex(profile: Profile, national: Node) -> Iterator[Fault]:
    if profile.annex is None:
        return
    entry, at = national.find(profile.annex.entry), profile.at["annex"]
    if entry is None or not entry.is_leaf or not entry.repeats:
        detail = f"{profile.annex.entry!r} is no repeated leaf of {national.name}{_near(profile.annex.entry, national)}"
        yield Fault(at, f"'annex' names an entry, and {detail}")
    elif profile.annex.path not in entry.attributes:
        near = meant(profile.annex.path, entry.attributes)
        yield Fault(at, f"'annex' names a path, and {profile.annex.path!r} is no attribute of {entry.path!r}{near}")


def _versions(profile: Profile, rule: MessageRule, eu: Node) -> Iterator[Fault]:
    """Where a message that is read in several languages has its versions, and what these say of themselves."""
    said, at = profile.versions, profile.at["versions"]
    if said is None or not any(line.readers for name in rule.parts for line in profile.families[name].lines):
        return
    others, original = eu.find(said.others), eu.find(said.original)
    if eu.find(said.form) is None:
        yield Fault(at, f"'form': {said.form!r} is not in {eu.name}")
    if original is None or not original.is_leaf or original.depth:
        yield Fault(at, f"'original': {said.original!r} is no single leaf of {eu.name}{_near(said.original, eu)}")
    if others is None or not others.repeats:
        yield Fault(at, f"'others': {said.others!r} is no repeated element of {eu.name}")
        return
    for key, name in (("spoken", said.spoken), ("said", said.said)):
        if name not in others.attributes:
            near = meant(name, others.attributes)
            yield Fault(at, f"{key!r}: {name!r} is no attribute of {others.path!r}{near}")


def _near(path: str, root: Node) -> str:
    """What is meant by a path that is no leaf, if it can be told."""
    if root.find(path):
        return "; it has others within, name one of those"
    return meant(path, [leaf.path for leaf in root.leaves()])


def _covered_once(
    root: Node, scopes: list[tuple[str, ...]], side: str, at: Place, *, exempt: tuple[str, ...]
) -> Iterator[Fault]:
    covered = Counter(leaf.path for scope in scopes for leaf in _below(root, scope))
    for leaf in root.leaves():
        count = covered[leaf.path]
        if count != 1 and not within(leaf.path, exempt):
            what = "is covered by no part" if not count else f"is covered by {count} parts"
            yield Fault(at, f"{side} {root.name}: {leaf.path!r} {what}")


@dataclass(slots=True)
class _FamilyCheck:
    """One family against one pair of message elements; a context family is looked at on its national side alone."""

    family: Family
    eu: Node
    national: Node
    conditions: frozenset[str]
    translated: bool
    named: dict[str, dict[str, Line]] = field(default_factory=lambda: {EU: {}, NATIONAL: {}})

    def faults(self) -> Iterator[Fault]:
        yield from self._scopes()
        for line in self.family.lines:
            yield from self._names(line)
        yield from self._missing(NATIONAL)
        if self.translated:
            yield from self._missing(EU)
            for line in self.family.lines:
                yield from self._line(line)
            for group in self.family.groups:
                yield from self._group(group)

    def _root(self, side: str) -> Node:
        return self.eu if side == EU else self.national

    def _scope(self, side: str) -> tuple[str, ...]:
        return self.family.eu if side == EU else self.family.national

    def _sides(self) -> tuple[str, ...]:
        return (EU, NATIONAL) if self.translated else (NATIONAL,)

    def _scopes(self) -> Iterator[Fault]:
        for side in self._sides():
            at = self.family.eu_at if side == EU else self.family.national_at
            for path in self._scope(side):
                if self._root(side).find(path) is None:
                    yield Fault(at, f"the scope {path!r} is not in {self._root(side).name}")

    def _names(self, line: Line) -> Iterator[Fault]:
        for side in self._sides():
            root = self._root(side)
            for path in line.named(side):
                node = root.find(path)
                if node is None or not node.is_leaf:
                    yield Fault(line.at, f"{path!r} is no leaf of {root.name}{_near(path, root)}")
                elif not within(path, self._scope(side)):
                    yield Fault(line.at, f"{path!r} lies outside what this family covers")
                elif path in self.named[side]:
                    yield Fault(line.at, f"{path!r} has a line already, {self.named[side][path].at}")
                else:
                    self.named[side][path] = line

    def _missing(self, side: str) -> Iterator[Fault]:
        at = self.family.eu_at if side == EU else self.family.national_at
        for leaf in _below(self._root(side), self._scope(side)):
            if side == NATIONAL and leaf.path in self.conditions:
                continue
            if line := self.named[side].get(leaf.path):
                at = line.at
            else:
                yield Fault(at, f"no line for {leaf.path!r} of {self._root(side).name} (it belongs about here)")

    def _line(self, line: Line) -> Iterator[Fault]:
        if line.text:
            yield from self._convention(line)
        if line.table:
            yield from self._table(line)
        if line.kind == "split" and not _leads_in(line):
            yield Fault(line.at, f"{line.leaf!r}: 'before' needs '' for the first part and another text for each other")
        if line.alone and not _is_alone_well(line):
            yield Fault(
                line.at,
                f"{line.leaf!r}: 'alone' is for a split: a text that no other part has, without blanks before it",
            )
        if line.otherwise and not line.table:
            yield from self._aside(line)
        own = self._root(line.side).find(line.leaf)
        there = self._root(NATIONAL if line.side == EU else EU)
        for path in (*line.others, *((line.otherwise,) if line.otherwise else ())):
            other = there.find(path)
            if own is not None and other is not None:
                eu, national = (own, other) if line.side == EU else (other, own)
                yield from self._pairing(line, eu, national)
        if line.anchor and own is not None:
            anchor = self._root(line.side).find(line.anchor)
            if anchor is None or not anchor.is_leaf or own.groups[: anchor.depth] != anchor.groups:
                yield Fault(line.at, f"the anchor {line.anchor!r} is no leaf in the groups around {line.leaf!r}")

    def _convention(self, line: Line) -> Iterator[Fault]:
        """Both leaves must be able to say what the convention says."""
        convention = CONVENTIONS.get(line.text)
        if convention is None:
            near = meant(line.text, CONVENTIONS)
            yield Fault(line.at, f"unknown text convention {line.text!r}{near}; there are {', '.join(CONVENTIONS)}")
            return
        said = convention.example, convention.forth(convention.example) or ""
        for root, path, text in zip((self.eu, self.national), (line.leaf, *line.others[:1]), said, strict=False):
            node = root.find(path)
            if node is not None and node.fits is not None and not node.fits(text):
                yield Fault(line.at, f"{line.text!r} writes {text!r}, which is no value of {path!r}")

    def _pairing(self, line: Line, eu: Node, national: Node) -> Iterator[Fault]:
        pairs = {group.path: group for group in self.family.groups}
        partners = {group.counterpart for group in self.family.groups if group.counterpart}
        counterparts = []
        for node in eu.groups:
            group = pairs.get(node.path)
            partner = self.national.find(group.counterpart) if group and group.counterpart else None
            if group is None or partner is None:
                yield Fault(line.at, f"{node.path!r} repeats and has no group with a counterpart")
            elif partner.repeats:
                counterparts.append(partner)
            elif not group.only:
                yield Fault(group.at, f"{group.counterpart!r} does not repeat; say 'only' which instance it is")
        counterparts = [node for node in counterparts if node in national.chain]
        if len(counterparts) < sum(1 for node in national.groups):
            lonely = [node.path for node in national.groups if node.path not in partners or node not in counterparts]
            yield Fault(line.at, f"{lonely[0]!r} repeats and corresponds to no group around {eu.path!r}")

    def _table(self, line: Line) -> Iterator[Fault]:
        table = self.family.tables.get(line.table)
        if table is None:
            yield Fault(line.at, f"there is no table {line.table!r}{meant(line.table, self.family.tables)}")
            return
        if table.several and not line.otherwise:
            detail = "says one value in several ways; name the leaf that takes it as it is: 'otherwise'"
            yield Fault(line.at, f"table {line.table!r} {detail}")
        eu, national = self.eu.find(line.leaf), self.national.find(line.others[0])
        beside = self.national.find(line.otherwise) if line.otherwise else None
        if beside is not None and national is not None and beside.groups != national.groups:
            yield Fault(line.at, f"{line.otherwise!r} does not stand beside {line.others[0]!r}")
        for node, has, side in ((eu, {*table.eu}, EU), (national, {*table.national}, NATIONAL)):
            if node is None or not node.values:
                continue
            exempt = line.otherwise and side == EU
            for value in sorted(node.values - has) if not exempt else ():
                yield Fault(table.at, f"table {table.name!r} has no row for {value!r} of {node.path!r}")
            for value in sorted(has - node.values):
                yield Fault(table.at, f"table {table.name!r}: {value!r} is no value of {node.path!r}")

    def _aside(self, line: Line) -> Iterator[Fault]:
        """What a copy leaves to another leaf: the first is narrower, and the other takes everything beside it."""
        first, beside = self.national.find(line.others[0] if line.others else ""), self.national.find(line.otherwise)
        if line.kind != "copy" or line.text or first is None or first.fits is None or beside is None:
            yield Fault(line.at, f"{line.leaf!r}: 'otherwise' is for a table, or for a copy to a leaf that admits less")
        elif beside.groups != first.groups:
            yield Fault(line.at, f"{line.otherwise!r} does not stand beside {line.others[0]!r}")

    def _group(self, group: Group) -> Iterator[Fault]:
        node = self.eu.find(group.path)
        if node is None or not node.repeats:
            yield Fault(group.at, f"{group.path!r} is no repeated element of {self.eu.name}")
            return
        if group.counterpart and self.national.find(group.counterpart) is None:
            yield Fault(group.at, f"{group.counterpart!r} is not in {self.national.name}")
        for root, path, around in ((self.eu, group.key, node), (self.national, group.national_key, None)):
            key = root.find(path) if path else None
            if path and (key is None or not key.is_leaf or (around is not None and key.groups != around.groups)):
                yield Fault(group.at, f"the key {path!r} is no single leaf of this group")
        yield from self._only(group)

    def _only(self, group: Group) -> Iterator[Fault]:
        """What `only` names must be all that the national side can say, or a document could not come back."""
        line = self.named[EU].get(group.key) if group.only else None
        national = self.national.find(line.others[0]) if line and line.kind == "copy" else None
        if group.only and (national is None or not national.values or not national.values <= set(group.only)):
            yield Fault(
                group.at, f"the key of {group.path!r} must be copied to a leaf that admits no other value than 'only'"
            )
