"""The form in the language of the readers: which of the versions it is, on the way there and on the way back.

What stands in a national field is the readers' own version where there is one; the original then stands in the annex,
under its own path. That entry is how the field is known for what it is when it comes back. Of a part that repeats, the
version is the one with the same key: section 6 of France is that of France, wherever it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from broker.translation.plan import Target
from broker.translation.white_space import trimmed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from lxml import etree

    from broker.translation.leaves import Leaves, Place
    from broker.translation.mapping_file import Profile
    from broker.translation.plan import Plan
    from broker.translation.shapes import Node, Where


def take_versions(plan: Plan, profile: Profile) -> None:
    """Plan the fields that speak the language of their readers, where there is a version in it."""
    plan.versions = profile.versions
    lines = [line for name in plan.rule.parts for line in profile.families[name].lines if line.readers]
    eu, national = (plan.source, plan.target) if plan.forth else (plan.target, plan.source)
    for line in lines if profile.versions else ():
        twin = eu.find(profile.versions.twin(line.leaf)) if profile.versions else None
        one, there = eu.find(line.leaf), national.find(line.others[0])
        if one is None or twin is None or there is None:
            raise KeyError(line.leaf)
        plan.twins[one] = twin
        here = one if plan.forth else there
        plan.ops[here] = replace(plan.ops[here], twin=twin)
        if plan.forth:
            plan.ops[twin] = replace(plan.ops[twin], is_twin=True, otherwise=Target(there, (), None))


@dataclass(slots=True)
class OwnVersion:
    """The first version in the language of the readers, by its number; the original is in another language."""

    plan: Plan
    number: int
    element: etree._Element
    form: etree._Element  #: the original
    mark: str  #: how far it can be trusted
    _pairs: dict[Place, _Pair | None] = field(default_factory=dict)

    def place(self, one: Node, where: Where) -> Where | None:
        """Where the same field is in this language; None, if it is not."""
        pair, twin = self._pair(one.group, where), self.plan.twins[one]
        if pair is None or pair.version.find(_way(twin, twin.group)) is None:
            return None
        return pair.where

    def name(self, one: Node, where: Where) -> str:
        """What a field is called, whatever stands before it."""
        pair = self._pair(one.group, where)
        return _named(one, pair.keys) if pair is not None else ""

    def _pair(self, group: Node | None, where: Where) -> _Pair | None:
        if group is None:
            return _Pair((self.number,), self.form, self.element, ())
        if (group, where) not in self._pairs:
            self._pairs[group, where] = self._found(group, where)
        return self._pairs[group, where]

    def _found(self, group: Node, where: Where) -> _Pair | None:
        around, key = self._pair(group.outer, where[:-1]), self.plan.source_keys.get(group)
        if around is None or key is None:
            return None
        way, to_key = _below(group, group.outer, self.plan), _way(key, group)
        original = around.original.findall(way)[where[-1]]
        said = _text(original.find(to_key))
        for number, version in enumerate(around.version.findall(way) if said is not None else ()):
            if _text(version.find(to_key)) == said:
                return _Pair((*around.where, number), original, version, (*around.keys, said or ""))
        return None


@dataclass(frozen=True, slots=True)
class _Pair:
    """A part of the original, and the same in the language of the readers."""

    where: Where  #: of the latter
    original: etree._Element
    version: etree._Element
    keys: tuple[str, ...]


@dataclass(slots=True)
class WrittenVersion:
    """The same of an eu-1 document that is being written: the version that its fields were read from."""

    plan: Plan
    written: Leaves
    number: int
    _pairs: dict[Place, tuple[Where, tuple[str, ...]] | None] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """How far it can be trusted."""
        versions = self.plan.versions
        others = self.plan.target.find(versions.others) if versions else None
        if versions is None or others is None:
            return ""
        return versions.mark_of(self.written.value(others.attributes[versions.said], (self.number,)))

    def place(self, one: Node, where: Where) -> Where | None:
        """Where a field stands, or would stand, in this language; None, if the part that it is of is not there."""
        pair = self._pair(one.group, where)
        return pair[0] if pair is not None else None

    def left_as_they_are(self, swapped: Collection[Place], made: Collection[Place]) -> dict[str, int]:
        """The fields that hold the original though there is a version for the readers: they are to stay so.

        `swapped`: those that held the version; `made`: instances that no national part stands for. Parts with one key
        share a version: one may have held it for all.
        """
        taken = {(one, self.place(one, where)) for one, where in swapped}
        return {
            _named(one, self._keys(one, where)): 1
            for one, where, at in self._fields()
            if (one, at) not in taken and not any(place in made for place in _around(one, where))
        }

    def _fields(self) -> Iterator[tuple[Node, Where, Where]]:
        """What is there in both, and where in the version."""
        for where, found in list(self.written.items()):
            for one in self.plan.twins.keys() & found.keys():
                at = self.place(one, where) if len(where) == one.depth else None
                if at is not None and self.written.has(self.plan.twins[one], at):
                    yield one, where, at

    def _keys(self, one: Node, where: Where) -> tuple[str, ...]:
        pair = self._pair(one.group, where)
        return pair[1] if pair is not None else ()

    def _pair(self, group: Node | None, where: Where) -> tuple[Where, tuple[str, ...]] | None:
        if group is None:
            return (self.number,), ()
        if (group, where) not in self._pairs:
            self._pairs[group, where] = self._found(group, where)
        return self._pairs[group, where]

    def _found(self, group: Node, where: Where) -> tuple[Where, tuple[str, ...]] | None:
        around, key = self._pair(group.outer, where[:-1]), self.plan.target_keys.get(group)
        versions = self.plan.versions
        twin = self.plan.target.find(versions.twin(key.path)) if versions and key is not None else None
        said = self.written.value(key, where) if key is not None else None
        if around is None or twin is None or said is None:
            return None
        found = [
            at
            for at, leaves in self.written.items()
            if at[:-1] == around[0] and twin in leaves and trimmed(leaves[twin] or "") == trimmed(said)
        ]
        return (min(found), (*around[1], trimmed(said))) if found else None


def own_version(plan: Plan, root: etree._Element) -> OwnVersion | None:
    """What the readers of an eu-1 document can read in their own language."""
    versions = plan.versions if plan.twins else None
    others = plan.source.find(versions.others) if versions else None
    original = plan.source.find(versions.original) if versions else None
    form = plan.source.find(versions.form) if versions else None
    if versions is None or others is None or original is None or form is None:
        return None
    said, element = root.find(_way(original)), root.find(_way(form))
    if element is None or _is(versions.language, said.text if said is not None else None):
        return None
    for number, one in enumerate(root.iterfind(_way(others))):
        if _is(versions.language, one.get(versions.spoken)):
            return OwnVersion(plan, number, one, element, versions.mark_of(one.get(versions.said)))
    return None


def written_version(plan: Plan, written: Leaves) -> WrittenVersion | None:
    """The same of an eu-1 document that is being written."""
    versions = plan.versions if plan.twins else None
    others = plan.target.find(versions.others) if versions else None
    original = plan.target.find(versions.original) if versions else None
    if versions is None or others is None or original is None:
        return None
    if _is(versions.language, written.value(original, ())):
        return None
    spoken = others.attributes[versions.spoken]
    single = [(where, leaves) for where, leaves in written.items() if len(where) == 1]
    number = min((where[0] for where, leaves in single if _is(versions.language, leaves.get(spoken))), default=None)
    return None if number is None else WrittenVersion(plan, written, number)


def _is(language: str, said: str | None) -> bool:
    return said is not None and trimmed(said).lower() == language


def _text(element: etree._Element | None) -> str | None:
    return None if element is None else trimmed(element.text or "")


def _way(node: Node, above: Node | None = None) -> str:
    """The tags on the way down to a node."""
    return "/".join(one.tag for one in node.chain[len(above.chain) if above else 0 :])


def _below(group: Node, outer: Node | None, plan: Plan) -> str:
    """The way to the instances of a group, from what is around it: another group, or the form."""
    form = plan.source.find(plan.versions.form) if plan.versions else None
    return _way(group, outer or form)


def _named(one: Node, keys: tuple[str, ...]) -> str:
    return "".join(f"{piece}[{key}]" for piece, key in zip(one.pieces, keys, strict=False)) + one.pieces[-1]


def _around(one: Node, where: Where) -> Iterator[Place]:
    return ((group, where[: group.depth]) for group in one.groups)
