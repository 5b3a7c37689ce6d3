"""One pass over the source: leaves that go as they are are written at once, all others are gathered to be worked out.

What a line does may hang on leaves that come later (which country a section is for), hence the second look.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lxml import etree

from broker.errors import Problem, TranslationError
from broker.translation.leaves import Leaves

if TYPE_CHECKING:
    from collections.abc import Iterable

    from broker.translation.leaves import Place
    from broker.translation.shapes import Node, Where
    from broker.translation.steps import Step, Steps


class Instance:
    """One instance of a repeated element; the document itself is one."""

    __slots__ = ("group", "head", "is_sent", "mark", "target", "values", "where")

    def __init__(self, group: Node | None, where: Where, reading: Reading) -> None:
        self.group, self.where = group, where
        self.values = reading.values.setdefault(where, {})
        self.target = reading.written.setdefault(where, {})
        self.mark = (-1 - len(where), *where)  #: how it is announced in rows
        self.is_sent = False  #: whether something of it was written as itself
        self.head: str | None = None  #: its labelled path, once somebody asked


#: Its row, its step, its instance, its text.
Leaf = tuple[int, "Step", Instance, str]


@dataclass(slots=True)
class Reading:
    """What was met.

    `rows` has the number of an outcome for each leaf; -1 - n: the n indices of all that follow, which come first.
    """

    steps: Steps
    values: Leaves = field(default_factory=Leaves)  #: of leaves that others are worked out by
    written: Leaves = field(default_factory=Leaves)
    rows: list[int] = field(default_factory=list)
    waiting: list[Leaf] = field(default_factory=list)
    annexed: list[Leaf] = field(default_factory=list)
    kept: list[Leaf] = field(default_factory=list)
    _lists: tuple[list[Leaf], ...] = ()
    entries: list[tuple[str, str]] = field(default_factory=list)  #: path and text of each annex entry
    instances: list[Instance] = field(default_factory=list)
    repeats: dict[Place, int] = field(default_factory=dict)  #: how many instances of each group in each place
    #: Empty, or of no line: the row that follows, and what is there.
    unplanned: list[tuple[int, Node, Where, str | None]] = field(default_factory=list)

    def read(self, root: etree._Element) -> None:
        """Raises: TranslationError (unexpected-element, unexpected-attribute), if the document is not of this shape."""
        self._lists = (self.waiting, self.annexed, self.kept)
        self._walk(root, self.steps.root, Instance(None, (), self))
        if self.entries and self.steps.entry is not None:
            self.repeats[self.steps.entry.node, ()] = len(self.entries)

    def sent(self) -> set[Place]:
        """The innermost instances of which something was written as itself."""
        return {(one.group, one.where) for one in self.instances if one.is_sent and one.group is not None}

    def _walk(self, element: etree._Element, step: Step, instance: Instance) -> None:
        """The children of an element."""
        find, rows, annexed, target = step.children.get, self.rows, self.annexed, instance.target
        for child in element:
            below = find(child.tag)
            if below is None:
                _must_be_silent(child, step)
            elif not below.is_quick or len(child):
                self._within(child, below, instance)
            elif below.plain is not None:
                target[below.plain] = child.text or ""
                rows.append(below.number)
                instance.is_sent = True
            else:
                annexed.append((len(rows), below, instance, child.text or ""))
                rows.append(below.annexed)

    def _within(self, child: etree._Element, below: Step, around: Instance) -> None:
        """An element with attributes, children, or both; or one that repeats."""
        if below is self.steps.entry:
            self.entries.append((child.get(self.steps.path, ""), _text(child)))
            return
        instance = self._instance(below.node, around) if below.node.repeats else around
        if below.attributes:
            self._attributes(child, below, instance)
        if below.node.has_text:
            self._leaf(below, instance, _text(child))
        elif len(child):
            self._walk(child, below, instance)
        elif not below.attributes or not child.attrib:
            self.unplanned.append((len(self.rows), below.node, instance.where, None))
        if instance is not around:
            self.rows += around.mark

    def _instance(self, group: Node, around: Instance) -> Instance:
        place = (group, around.where)
        index = self.repeats.get(place, 0)
        self.repeats[place] = index + 1
        instance = Instance(group, (*around.where, index), self)
        self.instances.append(instance)
        self.rows += instance.mark
        return instance

    def _attributes(self, element: etree._Element, step: Step, instance: Instance) -> None:
        for name, text in element.items():
            leaf = step.attributes.get(str(name))
            if leaf is not None:
                self._leaf(leaf, instance, str(text))
            elif not str(name).startswith("{http://www.w3.org/2001/XMLSchema-instance}"):
                raise unexpected("unexpected-attribute", f"{step.node.path}/@{name!s}")

    def _leaf(self, step: Step, instance: Instance, text: str) -> None:
        if step.is_asked:
            instance.values[step.node] = text
        if step.plain is not None:
            instance.target[step.plain] = text
            instance.is_sent = True
        elif step.op is None:
            self.unplanned.append((len(self.rows), step.node, instance.where, text))
            return
        else:
            self._lists[step.way].append((len(self.rows), step, instance, text))
        self.rows.append(step.usual)


def _must_be_silent(child: etree._Element, step: Step) -> None:
    """Comments and processing instructions have a function for a tag."""
    if not callable(child.tag):
        raise unexpected("unexpected-element", f"{step.node.path}/{etree.QName(child).localname}")


def _text(element: etree._Element) -> str:
    return (element.text or "") if not len(element) else "".join(texts(element))


def texts(element: etree._Element) -> Iterable[str]:
    """The text of an element that comments cut up, piece by piece."""
    yield element.text or ""
    for child in element:
        yield child.tail or ""


def unexpected(code: str, path: str) -> TranslationError:
    """The document is not of the shape that it is read with."""
    hint = "Validate the document against its schema first."
    return TranslationError((Problem(code, "The schema has nothing of this name here.", path.lstrip("/"), hint=hint),))
