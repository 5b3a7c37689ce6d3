"""The form in the language of the readers: which of the versions it is, on the way there and on the way back.

What stands in a national field is the readers' own version where there is one; the original then stands in the annex,
under its own path. That entry is how the field is known for what it is when it comes back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from broker.translation.plan import Target

if TYPE_CHECKING:
    from lxml import etree

    from broker.translation.leaves import Leaves
    from broker.translation.mapping_file import Profile
    from broker.translation.plan import Plan
    from broker.translation.shapes import Node


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


@dataclass(frozen=True, slots=True)
class OwnVersion:
    """The first version in the language of the readers, by its number; the original is in another language."""

    number: int
    element: etree._Element
    mark: str  #: how far it can be trusted

    def has(self, twin: Node) -> bool:
        """Whether a field is there in this language."""
        below = twin.chain[len(twin.groups[0].chain) :]
        return self.element.find("/".join(node.tag for node in below)) is not None


def own_version(plan: Plan, root: etree._Element) -> OwnVersion | None:
    """What the readers of an eu-1 document can read in their own language."""
    versions = plan.versions if plan.twins else None
    others = plan.source.find(versions.others) if versions else None
    original = plan.source.find(versions.original) if versions else None
    if versions is None or others is None or original is None:
        return None
    said = root.find("/".join(node.tag for node in original.chain))
    if _is(versions.language, said.text if said is not None else None):
        return None
    for number, element in enumerate(root.iterfind("/".join(node.tag for node in others.chain))):
        if _is(versions.language, element.get(versions.spoken)):
            return OwnVersion(number, element, versions.mark_of(element.get(versions.said)))
    return None


def own_number(plan: Plan, written: Leaves) -> int | None:
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
    return min((where[0] for where, leaves in single if _is(versions.language, leaves.get(spoken))), default=None)


def own_mark(plan: Plan, written: Leaves, number: int) -> str:
    """How far the version of that number can be trusted, in an eu-1 document that is being written."""
    versions, others = plan.versions, plan.target.find(plan.versions.others) if plan.versions else None
    if versions is None or others is None:
        return ""
    return versions.mark_of(written.value(others.attributes[versions.said], (number,)))


def left_as_they_are(plan: Plan, written: Leaves, swapped: frozenset[Node]) -> dict[str, int]:
    """The fields that hold the original though there is a version for the readers: they are to stay so."""
    number = own_number(plan, written)
    if number is None:
        return {}
    stay = [one for one, twin in plan.twins.items() if written.has(twin, (number,)) and written.has(one, ())]
    return {one.path: 1 for one in stay if one not in swapped}


def _is(language: str, said: str | None) -> bool:
    return said is not None and said.strip().lower() == language
