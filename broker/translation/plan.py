"""Compile a mapping into a plan per message and direction: for every source leaf, what to do with it.

A plan is plain data with functions in it; `engine` carries it out in one pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from broker.translation.conventions import CONVENTIONS
from broker.translation.fates import Do, Fate
from broker.translation.mapping_file import EU, NATIONAL
from broker.translation.white_space import trimmed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from broker.translation.leaves import Leaves
    from broker.translation.mapping_file import Family, Line, MessageRule, Profile
    from broker.translation.own_language import Versions
    from broker.translation.schema_parts import SimpleType
    from broker.translation.shapes import Node, Where
    from broker.translation.steps import Steps

#: For each index of a target place: which index of the source place it is; None where the source has none (0).
Shift = tuple[int | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A leaf to write, and where: None as shift means that the indices are the same."""

    node: Node
    shift: Shift | None
    fits: Callable[[str], bool] | None  #: None where every value of the source fits

    def place(self, where: Where) -> Where:
        """The indices of the target for those of the source."""
        return where if self.shift is None else tuple([0 if at is None else where[at] for at in self.shift])


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """Several source leaves that become one target."""

    members: int
    by: str
    target: Target
    before: tuple[str, ...] = ()  #: what leads in each of them, instead
    alone: str = ""  #: what leads in the first where the second is missing
    fits: tuple[Callable[[str], bool] | None, ...] = ()  #: of each of them


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """For a leaf that takes what a table does not know: the leaf and the rows that its value would usually go by."""

    node: Node
    convert: Callable[[str], str | None]


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """What to do with one source leaf."""

    do: Do
    fate: Fate
    mapping: str = ""  #: `fr-hdh-1/decision@2026-11`
    table: str = ""
    targets: tuple[Target, ...] = ()
    convert: Callable[[str], str | None] | None = None
    #: Values that are one of several on the other side, and which those are.
    several: Mapping[str, frozenset[str]] = field(default_factory=dict)
    otherwise: Target | None = None
    review: str = ""  #: why a person must look at what goes otherwise
    usual: Usual | None = None
    before: tuple[str, ...] = ()  #: of a split: what leads in each part
    alone: str = ""  #: of a split: what leads in the first part where the second is missing
    by: str = ""  #: what stands between the parts, where all must be there
    joined: Joined | None = None
    member: int = 0
    only: Only | None = None
    anchor: Node | None = None  #: of a leaf that goes by a table: the one that says the same beside it
    reason: str = ""
    context: bool = False
    at: str = ""  #: file and line
    twin: Node | None = None  #: the same field of eu-1 in the language of the readers; they see that, where it is
    is_twin: bool = False  #: it is that field


@dataclass(frozen=True, slots=True, eq=False)
class Only:
    """A condition on the instance of a repeated source element: its key is one of these values."""

    group: Node
    key: Node
    values: frozenset[str]
    first: bool  #: the counterpart does not repeat: the first instance that fits, and no other

    @property
    def steps_to_key(self) -> tuple[str, ...] | None:
        """Tags on the way from an instance to the element that is its key; None, if the key cannot be reached so."""
        way = self.key.chain[len(self.group.chain) :]
        return None if self.key.is_attribute or self.key.depth != self.group.depth else tuple(node.tag for node in way)

    def matching(self, leaves: Leaves) -> Iterator[Where]:
        """Where instances stand whose key is one of the wanted."""
        for where, found in leaves.items():
            if self.key in found and trimmed(found[self.key] or "") in self.values:
                yield where


@dataclass(slots=True, eq=False)
class Plan:
    """One message in one direction."""

    rule: MessageRule
    number: int  #: of the rule, in the order of the profile's messages
    profile: str
    version: str
    forth: bool  #: from eu-1 to the national profile
    source: Node
    target: Node
    ops: dict[Node, Op] = field(default_factory=dict)
    constants: tuple[tuple[Node, str], ...] = ()
    source_keys: dict[Node, Node] = field(default_factory=dict)
    target_keys: dict[Node, Node] = field(default_factory=dict)
    source_mapped: set[Node] = field(default_factory=set)  #: groups with a counterpart
    target_mapped: set[Node] = field(default_factory=set)
    only: list[Only] = field(default_factory=list)
    annex_entry: Node | None = None
    annex_path: Node | None = None
    steps: Steps = field(init=False, repr=False)  #: the plan laid over its source, once it is complete
    versions: Versions | None = None  #: in which language its readers read what
    twins: dict[Node, Node] = field(default_factory=dict)  #: eu-1 leaves, by the same in the original language
    #: Leaves of eu-1 that are sent only where what they explain is missing: the label of a choice, and its key.
    explained: dict[Node, Node] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()  #: eu-1 leaves that other messages of a cumulative document have

    @property
    def mapping(self) -> str:
        """Profile and version, as reports name them."""
        return f"{self.profile}@{self.version}"


def compile_plan(profile: Profile, rule: MessageRule, eu: Node, national: Node, *, forth: bool) -> Plan:
    """Compile one message for one direction. The mapping must have passed `mapping_check`."""
    source, target = (eu, national) if forth else (national, eu)
    number = profile.messages.index(rule)
    plan = Plan(
        rule=rule,
        number=number,
        profile=profile.name,
        version=profile.version,
        forth=forth,
        source=source,
        target=target,
    )
    for name in rule.parts:
        _Compiler(plan, profile.families[name], eu, national).run()
    for name in rule.context if not forth else ():
        family = profile.families[name]
        plan.ops.update(_context_ops(plan, family))
    _conditions(plan, profile, national)
    return plan


def _label(plan: Plan, family: str) -> str:
    return f"{plan.profile}/{family}@{plan.version}"


def _context_ops(plan: Plan, family: Family) -> Iterator[tuple[Node, Op]]:
    for line in family.lines:
        for path in line.named(NATIONAL):
            node = plan.source.find(path)
            if node is not None:
                reason = "repeated from an earlier message"
                mapping = _label(plan, family.name)
                yield node, Op(Do.KEEP, Fate.CARRIED, mapping, context=True, reason=reason, at=str(line.at))


def _conditions(plan: Plan, profile: Profile, national: Node) -> None:
    for path, wanted in plan.rule.when.items():
        node = national.find(path)
        if node is None:
            continue
        if plan.forth and isinstance(wanted, str):
            plan.constants += ((node, wanted),)
        elif not plan.forth and node not in plan.ops:
            table = f"{profile.name}/messages@{profile.version}"
            plan.ops[node] = Op(Do.CONDITION, Fate.RECODED, table, table="messages", at=str(plan.rule.at))
    if not plan.forth:
        for path in profile.conditions:
            node = national.find(path)
            if node is not None and node not in plan.ops:
                plan.ops[node] = Op(Do.KEEP, Fate.CARRIED, plan.mapping, context=True, reason="of another message")
    if profile.annex:
        plan.annex_entry = national.find(profile.annex.entry)
        plan.annex_path = national.find(f"{profile.annex.entry}/@{profile.annex.path}")
        if not plan.forth and plan.annex_entry and plan.annex_path:
            label = f"{profile.name}/annex@{profile.version}"
            plan.ops[plan.annex_entry] = plan.ops[plan.annex_path] = Op(Do.ANNEX_ENTRY, Fate.ANNEX, label)


class _Compiler:
    """One family into the operations of a plan."""

    def __init__(self, plan: Plan, family: Family, eu: Node, national: Node) -> None:
        self.plan, self.family, self.eu, self.national = plan, family, eu, national
        self.mapping = _label(plan, family.name)
        self.partners: dict[Node, Node] = {}
        self.only: dict[Node, Only] = {}

    def run(self) -> None:
        for group in self.family.groups:
            self._group(group.path, group.counterpart, group.key, group.national_key, group.only)
        for line in self.family.lines:
            for node, op in self._ops(line):
                self.plan.ops[node] = op
            if not self.plan.forth and line.side == EU and line.kind == "carried" and line.anchor:
                self.plan.explained[self._eu(line.leaf)] = self._eu(line.anchor)

    def _group(self, path: str, counterpart: str, key: str, national_key: str, only: tuple[str, ...]) -> None:
        eu, plan = self._eu(path), self.plan
        keys, mapped = (plan.source_keys, plan.source_mapped) if plan.forth else (plan.target_keys, plan.target_mapped)
        if key:
            keys[eu] = self._eu(key)
        if not counterpart:
            return
        national = self._national(counterpart)
        self.partners[eu] = national
        mapped.add(eu)
        if only:
            self.only[eu] = Only(eu, self._eu(key), frozenset(only), first=not national.repeats)
            plan.only.append(self.only[eu])
        if national.repeats:
            keys, mapped = (
                (plan.target_keys, plan.target_mapped) if plan.forth else (plan.source_keys, plan.source_mapped)
            )
            mapped.add(national)
            if found := national_key or self._counterpart_of(key):
                keys[national] = self._national(found)

    def _counterpart_of(self, key: str) -> str:
        for line in self.family.lines:
            if line.side == EU and line.leaf == key and len(line.others) == 1 and not line.otherwise:
                return line.others[0]
        return ""

    def _eu(self, path: str) -> Node:
        return _found(self.eu, path)

    def _national(self, path: str) -> Node:
        return _found(self.national, path)

    def _ops(self, line: Line) -> Iterator[tuple[Node, Op]]:
        forth = self.plan.forth
        if line.others:
            national = [self._national(path) for path in (line.others if line.side == EU else (line.leaf,))]
            eu = [self._eu(path) for path in ((line.leaf,) if line.side == EU else line.others)]
            sources, targets = (eu, national) if forth else (national, eu)
            yield from self._translated(line, sources, targets)
        elif (line.side == EU) == forth:
            yield self._kept(line)

    def _kept(self, line: Line) -> tuple[Node, Op]:
        node = self._eu(line.leaf) if line.side == EU else self._national(line.leaf)
        anchor = _found(self.plan.source, line.anchor) if line.anchor else None
        op = Op(Do.KEEP, Fate.CARRIED, self.mapping, reason=line.reason, at=str(line.at), anchor=anchor)
        if line.kind == "annex":
            op = replace(op, do=Do.ANNEX, fate=Fate.ANNEX)
        elif line.kind == "left_out":
            op = replace(op, fate=Fate.LEFT_OUT)
        return node, op

    def _translated(self, line: Line, sources: list[Node], targets: list[Node]) -> Iterator[tuple[Node, Op]]:
        common = Op(Do.COPY, Fate.COPIED, self.mapping, only=self._only(sources[0]), at=str(line.at))
        if len(sources) > 1:
            fits, target = tuple(node.fits for node in sources), self._target(sources[0], targets[0])
            joined = Joined(len(sources), line.by, target, line.before, line.alone, fits)
            for number, node in enumerate(sources):
                yield node, replace(common, do=Do.JOIN, fate=Fate.JOINED, joined=joined, member=number)
        elif len(targets) > 1:
            parts = tuple(self._target(sources[0], node, always=True) for node in targets)
            op = replace(common, do=Do.SPLIT, fate=Fate.SPLIT, targets=parts, by=line.by)
            yield sources[0], replace(op, before=line.before, alone=line.alone)
        elif line.kind == "recode":
            yield from self._recoded(line, sources[0], targets[0], common)
        elif line.otherwise:
            yield from self._copied_where_it_fits(line, sources[0], targets[0], common)
        elif line.text:
            convention = CONVENTIONS[line.text]
            convert = convention.forth if self.plan.forth else convention.back
            target = self._target(sources[0], targets[0], always=True)
            recoded = replace(common, do=Do.CONVERT, fate=Fate.RECODED, table=line.text)
            yield sources[0], replace(recoded, targets=(target,), convert=convert)
        else:
            yield sources[0], replace(common, targets=(self._target(sources[0], targets[0]),))

    def _recoded(self, line: Line, source: Node, target: Node, common: Op) -> Iterator[tuple[Node, Op]]:
        table, forth = self.family.tables[line.table], self.plan.forth
        rows = table.rows if forth else {value: key for key, value in table.rows.items()}
        otherwise = self._national(line.otherwise) if line.otherwise else None
        op = replace(common, do=Do.CONVERT, fate=Fate.RECODED, table=line.table, convert=rows.get)
        op = replace(op, targets=(self._target(source, target),), several=table.said() if forth else table.meant())
        if forth:
            aside = self._target(source, otherwise) if otherwise else None
            yield source, replace(op, otherwise=aside, review=line.review)
            return
        yield source, replace(op, anchor=otherwise)
        if otherwise is not None:
            op = replace(common, targets=(self._target(otherwise, target),), anchor=source)
            yield otherwise, replace(op, usual=Usual(source, table.rows.get))

    def _copied_where_it_fits(self, line: Line, source: Node, target: Node, common: Op) -> Iterator[tuple[Node, Op]]:
        """Copy to the first leaf what it admits, and all else to the leaf beside it."""
        beside = self._national(line.otherwise)
        fits = partial(_if_it_fits, (target if self.plan.forth else source).fits)
        op = replace(common, targets=(self._target(source, target),))
        if self.plan.forth:
            yield source, replace(op, do=Do.CONVERT, convert=fits, otherwise=self._target(source, beside))
            return
        yield source, replace(op, anchor=beside)
        yield beside, replace(common, targets=(self._target(beside, target),), anchor=source, usual=Usual(source, fits))

    def _only(self, source: Node) -> Only | None:
        if not self.plan.forth:
            return None
        return next((self.only[node] for node in source.groups if node in self.only), None)

    def _target(self, source: Node, target: Node, *, always: bool = False) -> Target:
        anything = target.text is None or target.text.is_free
        same = not always and source.text is not None and target.text is not None
        if anything or (same and _values(source.text) == _values(target.text)):
            return Target(target, self._shift(source, target), None)
        return Target(target, self._shift(source, target), target.text.fits if target.text else None)

    def _shift(self, source: Node, target: Node) -> Shift | None:
        pairs = self.partners if not self.plan.forth else {there: here for here, there in self.partners.items()}
        shift = tuple(
            source.groups.index(pairs[node]) if node in pairs and pairs[node] in source.groups else None
            for node in target.groups
        )
        return None if shift == tuple(range(source.depth)) else shift


def _if_it_fits(fits: Callable[[str], bool] | None, text: str) -> str | None:
    return text if fits is None or fits(text) else None


def _values(text: SimpleType | None) -> tuple[object, ...]:
    """What decides which texts a type admits: everything but its name."""
    if text is None:
        return ()
    return (text.base, text.enumeration, text.patterns, text.min_length, text.max_length, text.bounds)


def _found(root: Node, path: str) -> Node:
    node = root.find(path)
    if node is None:
        raise KeyError(path)
    return node
