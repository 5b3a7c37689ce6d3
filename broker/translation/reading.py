"""One pass over the source: leaves that go as they are are written at once, all others are gathered to be worked out.

What a line does may hang on leaves that come later (which country a section is for), hence the second look.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lxml import etree

from broker.errors import Problem, TranslationError
from broker.translation.annexed import Annexed
from broker.translation.instances import Instance
from broker.translation.leaves import Leaves
from broker.translation.own_version import OwnVersion, own_version
from broker.translation.steps import Look, Outcome
from broker.translation.white_space import trimmed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from broker.translation.instances import Leaf
    from broker.translation.leaves import Place
    from broker.translation.plan import Only, Op
    from broker.translation.shapes import Node, Where
    from broker.translation.steps import Step, Steps


@dataclass(slots=True)
class Reading:
    """What was met.

    `rows` has the number of an outcome for each leaf; -1 - n: the n indices of all that follow, which come first.
    """

    steps: Steps
    aside: Mapping[str, int] = field(default_factory=dict)  #: `only` groups of which none is taken of so many that fit
    values: Leaves = field(default_factory=Leaves)  #: of leaves that others are worked out by
    written: Leaves = field(default_factory=Leaves)
    rows: list[int] = field(default_factory=list)
    waiting: list[Leaf] = field(default_factory=list)
    kept: list[Leaf] = field(default_factory=list)
    annexed: Annexed = field(default_factory=Annexed)
    version: OwnVersion | None = None  #: the form in the language of the readers
    is_careful: bool = True  #: whether it matters that a field may be there in another language
    taken: dict[Place, Place] = field(default_factory=dict)  #: fields of it that are shown, and where
    twins: dict[Place, tuple[int, Step]] = field(default_factory=dict)  #: row and step of what may hold such a field
    own: dict[int, Where] = field(default_factory=dict)  #: by row: where such a field was written
    _first: dict[Place, int] = field(default_factory=dict)  #: of which groups the other side takes which one; -1: none
    paths: list[str] = field(default_factory=list)  #: of each annex entry
    texts: list[str] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)
    repeats: dict[Place, int] = field(default_factory=dict)  #: how many instances of each group in each place
    #: Empty, or of no line: the row that follows, and what is there.
    unplanned: list[tuple[int, Node, Where, str | None]] = field(default_factory=list)

    def read(self, root: etree._Element) -> None:
        """Raises: TranslationError (unexpected-element, unexpected-attribute), if the document is not of this shape."""
        self.version = own_version(self.steps.plan, root) if self.steps.plan.forth else None
        self.is_careful = self.version is not None or not self.steps.plan.forth
        self._walk(root, self.steps.root, Instance(None, ()))
        if self.paths and self.steps.plan.annex_entry is not None:
            self.repeats[self.steps.plan.annex_entry, ()] = len(self.paths)

    def sent(self) -> set[Place]:
        """The innermost instances of which something was written as itself."""
        return {(one.group, one.where) for one in self.instances if one.is_sent and one.group is not None}

    def found(self) -> dict[Place, range]:
        """The indices of each group in each place."""
        return {place: range(count) for place, count in self.repeats.items()}

    def _walk(self, element: etree._Element, step: Step, instance: Instance) -> None:
        """The children of an element."""
        rows, shown = self.rows, self.annexed
        find = step.carefully.get if self.is_careful else step.children.get
        show = shown.pieces.append
        target = instance.at(None, self.written) if step.sends else {}
        for child in element:
            found = find(child.tag)
            if found is None:
                raise _stranger(child, step)
            look, number, opens, goes, below = found
            if look is _SHOW:
                if shown.instance is not instance:
                    shown.enter(instance)
                show(opens)
                show(child.text or "")
                rows.append(number)
            elif look is _SEND and goes is not None:
                target[goes] = child.text or ""
                rows.append(number)
                instance.is_sent = True
            elif look is _TEXT:
                self._leaf(below, instance, child.text or "")
            elif look is _CHILDREN and len(child):
                self._walk(child, below, instance)
            elif look is _ENTRY:
                self._entry(child)
            else:
                self._within(child, below, instance)

    def _within(self, child: etree._Element, below: Step, around: Instance) -> None:
        """An element with attributes, or one that repeats, or one in which nothing is."""
        node = below.node
        instance = self._instance(node, around) if node.repeats else around
        if below.only is not None:
            below = below.chosen if self._is_chosen(below.only, child, instance) else below.passed
        if below.attributes:
            self._attributes(child, below, instance)
        if node.has_text:
            self._leaf(below, instance, child.text or "")
        elif len(child):
            if below is self.steps.annex:
                self._annex(child, below)
            else:
                self._walk(child, below, instance)
        elif not below.attributes or not child.attrib:
            self.unplanned.append((len(self.rows), node, instance.where, None))
        if instance is not around:
            self.rows += around.mark

    def _annex(self, element: etree._Element, step: Step) -> None:
        """The entries of the annex, and nothing else."""
        found = self.steps.entries.read(element) if self.steps.entries else None
        if found is None:
            raise _stranger(next(child for child in element if child.tag not in step.children), step)
        self.paths += found[0]
        self.texts += found[1]

    def _entry(self, element: etree._Element) -> None:
        self.paths.append(element.get(self.steps.path, ""))
        self.texts.append(element.text or "")

    def _instance(self, group: Node, around: Instance) -> Instance:
        place = (group, around.where)
        index = self.repeats.get(place, 0)
        self.repeats[place] = index + 1
        instance = Instance(group, (*around.where, index), around)
        self.instances.append(instance)
        self.rows += instance.mark
        return instance

    def _is_chosen(self, only: Only, element: etree._Element, instance: Instance) -> bool:
        """Whether this instance is one that the other side takes."""
        if not only.first:
            return _is_wanted(only, element)
        place = (only.group, instance.where[:-1])
        if place not in self._first:
            found = [_is_wanted(only, one) for one in _siblings(element)]
            is_taken = True in found and self.aside.get(only.group.path) != sum(found)
            self._first[place] = found.index(True) if is_taken else -1
        return self._first[place] == instance.where[-1]

    def _attributes(self, element: etree._Element, step: Step, instance: Instance) -> None:
        for name, text in _in_order(element, step):
            leaf = step.attributes.get(str(name))
            if leaf is not None:
                self._leaf(leaf, instance, str(text))
            elif not str(name).startswith("{http://www.w3.org/2001/XMLSchema-instance}"):
                raise unexpected("unexpected-attribute", f"{step.node.path}/@{name!s}")

    def _leaf(self, step: Step, instance: Instance, text: str) -> None:
        if step.is_asked:
            self.values.put(step.node, instance.where, text)
        if step.has_twin and self.is_careful and self._is_shown(step, instance, text):
            return
        if step.goes is not None and self._send(step, step.goes, instance, text):
            instance.is_sent = True
        elif step.op is None:
            self.unplanned.append((len(self.rows), step.node, instance.where, text))
            return
        elif step.is_annexed:
            self.annexed.add(step.opens, instance, text)
        elif step.is_kept and self._is_explained(step.explains, instance):
            self.kept.append((len(self.rows), step, instance, text))
        else:
            self.waiting.append((len(self.rows), step, instance, text))
            if self.steps.shows:
                self.annexed.reserve(len(self.rows), instance)
        self.rows.append(step.usual)

    def _is_explained(self, key: Node | None, instance: Instance) -> bool:
        """Whether what a leaf is kept for was met; else it is looked for once more, when all leaves are known."""
        return key is None or self.values.has(key, instance.where[: key.depth])

    def _is_shown(self, step: Step, instance: Instance, text: str) -> bool:
        """Show a field in the language of the readers, and what it stands for in the annex."""
        op, version = step.op, self.version
        if op is None or (version is None and not op.is_twin):
            if op is not None and op.twin is not None:
                self.twins[_target(op, instance)] = (len(self.rows), step)
            return False
        if op.twin is not None and version is not None:
            at = version.place(step.node, instance.where)
            if at is None or (op.twin, at) in self.taken or version.name(step.node, instance.where) in self.aside:
                return False
            self.taken[op.twin, at] = _target(op, instance)
            self.annexed.add(step.opens, instance, text)
            self.rows.append(step.number + Outcome.OTHERWISE)
            instance.is_sent = True
            return True
        target = self.taken.get((step.node, instance.where))
        if target is None:
            return False
        self.written.put(*target, text)
        self.own[len(self.rows)] = target[1]
        self.rows.append(step.number + Outcome.OTHERWISE)
        return True

    def _send(self, step: Step, goes: Node, instance: Instance, text: str) -> bool:
        """Whether a text could be written at once: of what repeats here and not there, one is taken alone."""
        said = text if step.turn is None else step.turn(text)
        if said is None:
            return False
        instance.at(step.shift, self.written)[goes] = said
        return True


def _target(op: Op, instance: Instance) -> Place:
    target = op.targets[0]
    return target.node, target.place(instance.where)


def _in_order(element: etree._Element, step: Step) -> Iterable[tuple[str | bytes, str | bytes]]:
    """The attributes as the schema has them: in a document they have no order."""
    said = element.items()
    if len(said) < 2:  # noqa: PLR2004 # nothing to order
        return said
    ranks = {name: rank for rank, name in enumerate(step.attributes)}
    return sorted(said, key=lambda one: ranks.get(str(one[0]), len(ranks)))


def _siblings(element: etree._Element) -> Iterator[etree._Element]:
    """All instances of the group that an element is of."""
    around = element.getparent()
    return iter((element,)) if around is None else around.iterchildren(element.tag)


def _is_wanted(only: Only, element: etree._Element) -> bool:
    keys = element.findall("/".join(only.steps_to_key or ()))
    return bool(keys) and trimmed(keys[-1].text or "") in only.values


def without_remarks(root: etree._Element) -> etree._Element:
    """A document without comments and processing instructions: itself, or a copy."""
    if next(root.iter(etree.Comment, etree.ProcessingInstruction), None) is None:
        return root
    bare = deepcopy(root)
    etree.strip_tags(bare, etree.Comment, etree.ProcessingInstruction)
    return bare


def _stranger(child: etree._Element, step: Step) -> TranslationError:
    return unexpected("unexpected-element", f"{step.node.path}/{etree.QName(child).localname}")


def unexpected(code: str, path: str) -> TranslationError:
    """The document is not of the shape that it is read with."""
    hint = "Validate the document against its schema first."
    return TranslationError((Problem(code, "The schema has nothing of this name here.", path.lstrip("/"), hint=hint),))


_SHOW: Final = Look.SHOW
_SEND: Final = Look.SEND
_TEXT: Final = Look.TEXT
_CHILDREN: Final = Look.CHILDREN
_ENTRY: Final = Look.ENTRY
