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
    from broker.translation.steps import Step

#: Its row, its step, its indices, its text.
Waiting = tuple[int, "Step", "Where", "str"]


@dataclass(slots=True)
class Reading:
    """What was met. `rows` has the number of an outcome for each leaf; a tuple: the indices of all that follow."""

    values: Leaves = field(default_factory=Leaves)
    written: Leaves = field(default_factory=Leaves)
    rows: list[int | Where] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    repeats: dict[Place, int] = field(default_factory=dict)  #: how many instances of each group in each place
    sent: set[Place] = field(default_factory=set)  #: innermost instances of which something was written as itself
    #: Empty, or of no line: the row that follows, and what is there.
    unplanned: list[tuple[int, Node, Where, str | None]] = field(default_factory=list)

    def read(self, root: etree._Element, step: Step) -> None:
        """Raises: TranslationError (unexpected-element, unexpected-attribute), if the document is not of this shape."""
        values, target = self.values.setdefault((), {}), self.written.setdefault((), {})
        self._walk(root, step, (), values, target)

    def _walk(
        self,
        element: etree._Element,
        step: Step,
        where: Where,
        values: dict[Node, str | None],
        target: dict[Node, str | None],
    ) -> bool:
        """The children of an element; returns whether something was written as itself."""
        steps, rows, sent = step.children, self.rows, False
        for child in element:
            below = steps.get(child.tag)
            if below is None:
                _must_be_silent(child, step)
            elif below.is_plain_leaf:
                text = (child.text or "") if not len(child) else "".join(texts(child))
                values[below.node] = text
                if below.plain is not None:
                    target[below.plain] = text
                    rows.append(below.number)
                    sent = True
                else:
                    self._wait(below, where, text)
            elif below.node.repeats:
                self._instance(child, below, where)
            else:
                sent |= self._within(child, below, where, values, target)
        return sent

    def _instance(self, child: etree._Element, below: Step, around: Where) -> None:
        group = (below.node, around)
        index = self.repeats.get(group, 0)
        self.repeats[group] = index + 1
        where = (*around, index)
        self.rows.append(where)
        values, target = self.values.setdefault(where, {}), self.written.setdefault(where, {})
        if self._within(child, below, where, values, target):
            self.sent.add((below.node, where))
        self.rows.append(around)

    def _within(
        self,
        child: etree._Element,
        below: Step,
        where: Where,
        values: dict[Node, str | None],
        target: dict[Node, str | None],
    ) -> bool:
        """An element with attributes, children, or both; or one that repeats."""
        sent = False
        if below.attributes:
            sent = self._attributes(child, below, where, values, target)
        if below.node.has_text:
            text = (child.text or "") if not len(child) else "".join(texts(child))
            return self._leaf(below, where, text, values, target) or sent
        if len(child):
            return self._walk(child, below, where, values, target) or sent
        if not below.attributes or not child.attrib:
            values[below.node] = None
            self.unplanned.append((len(self.rows), below.node, where, None))
        return sent

    def _attributes(
        self,
        element: etree._Element,
        step: Step,
        where: Where,
        values: dict[Node, str | None],
        target: dict[Node, str | None],
    ) -> bool:
        sent = False
        for name, text in element.items():
            leaf = step.attributes.get(str(name))
            if leaf is not None:
                sent |= self._leaf(leaf, where, str(text), values, target)
            elif not str(name).startswith("{http://www.w3.org/2001/XMLSchema-instance}"):
                raise unexpected("unexpected-attribute", f"{step.node.path}/@{name!s}")
        return sent

    def _leaf(
        self,
        step: Step,
        where: Where,
        text: str,
        values: dict[Node, str | None],
        target: dict[Node, str | None],
    ) -> bool:
        values[step.node] = text
        if step.plain is None:
            self._wait(step, where, text)
            return False
        target[step.plain] = text
        self.rows.append(step.number)
        return True

    def _wait(self, step: Step, where: Where, text: str) -> None:
        if step.op is None:
            self.unplanned.append((len(self.rows), step.node, where, text))
            return
        self.waiting.append((len(self.rows), step, where, text))
        self.rows.append(step.number)


def _must_be_silent(child: etree._Element, step: Step) -> None:
    """Comments and processing instructions have a function for a tag."""
    if not callable(child.tag):
        raise unexpected("unexpected-element", f"{step.node.path}/{etree.QName(child).localname}")


def texts(element: etree._Element) -> Iterable[str]:
    """The text of an element that comments cut up, piece by piece."""
    yield element.text or ""
    for child in element:
        yield child.tail or ""


def unexpected(code: str, path: str) -> TranslationError:
    """The document is not of the shape that it is read with."""
    hint = "Validate the document against its schema first."
    return TranslationError((Problem(code, "The schema has nothing of this name here.", path.lstrip("/"), hint=hint),))
