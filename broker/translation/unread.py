"""Annex entries that could not be read: whether they may still stand in a national document that is written again.

Such an entry stays as it was, word for word, as long as reading the document leaves it unread. Once a section, a
dataset or a person takes the name that the entry is for, it would be read into that: then it is left out, and told.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from broker.errors import Problem
from broker.translation.engine import Run
from broker.translation.leaves import from_numbers
from broker.translation.shapes import numbered
from broker.translation.trees import flatten
from broker.translation.wording import WORDS
from broker.translation.writing import tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lxml import etree

    from broker.translation.carry import Carry
    from broker.translation.plan import Plan
    from broker.translation.shapes import Where

_LIMIT: Final = 80


def translated(plan: Plan, back: Plan, root: etree._Element, carry: Carry | None, namespace: str) -> Run:
    """An eu-1 document in its national profile; `back` is how that will be read. Raises: as `Run`."""
    run = _run(plan, root, carry)
    misplaced: dict[Where, str] = {}
    while carry is not None and (found := _misplaced(run, back, root, namespace)):
        misplaced |= found
        gone = {path for where in found for path in _paths(plan, where)}
        carry = replace(carry, items=[item for item in carry.items if item.path not in gone])
        run = _run(plan, root, carry)
    _tell(run, misplaced)
    return run


def _run(plan: Plan, root: etree._Element, carry: Carry | None) -> Run:
    run = Run(plan, root, carry)
    run.translate({})
    return run


def _misplaced(run: Run, back: Plan, root: etree._Element, namespace: str) -> dict[Where, str]:
    """Path by place, of entries that came back unread and would be read now, and of all others with that path."""
    unread = _unread(run)
    if not unread:
        return {}
    order = {where: number for number, where in enumerate(sorted(_entries(run)))}
    again = Run(back, tree(run.document(namespace)))
    again.translate(_envelope(run.plan, root))
    places = list(from_numbers(back.target.numbered, again.annex_read))
    read = {path for where, path in unread.items() if places[order[where]] is not None}
    return {where: path for where, path in unread.items() if path in read}


def _envelope(plan: Plan, root: etree._Element) -> dict[tuple[str, Where], str]:
    """What the envelope says, as the flow says it for a document that lacks it; it goes before the annex."""
    leaves = flatten(root, plan.source).items()
    return {
        (node.path, ()): text
        for (node, where), text in leaves
        if text and not where and node.path.startswith("envelope/")
    }


def _unread(run: Run) -> dict[Where, str]:
    entry, path = run.plan.annex_entry, run.plan.annex_path
    if entry is None or path is None:
        return {}
    return {where: run.written.value(path, where) or "" for node, where in run.restored if node is entry}


def _entries(run: Run) -> list[Where]:
    """The places of the annex's entries, before their numbers close up."""
    return [where for where, found in run.written.items() if run.plan.annex_entry in found]


def _paths(plan: Plan, where: Where) -> list[str]:
    return [numbered(node, where) for node in (plan.annex_entry, plan.annex_path) if node is not None]


def _tell(run: Run, misplaced: Mapping[Where, str]) -> None:
    detail, hint = WORDS["misplaced"]
    for where, path in sorted(misplaced.items()):
        one, *others = _paths(run.plan, where)
        run.orphaned += [one, *others]
        run.problems.append(Problem("orphaned", detail, one, value=path[:_LIMIT], hint=hint))
