"""What a translation did not send: written to the annex, where readers see it, or kept in the carry."""

from __future__ import annotations

from itertools import count
from operator import itemgetter
from typing import TYPE_CHECKING

from broker.translation.carry import Carry, Item, anchor_hash
from broker.translation.places import Instances

if TYPE_CHECKING:
    from collections.abc import Iterator

    from broker.translation.engine import Run
    from broker.translation.leaves import Place
    from broker.translation.shapes import Node, Where
    from broker.translation.steps import Step


def carry_of(run: Run) -> Carry:
    """Write the annex of a run; return its carry."""
    plan = run.plan
    carry = Carry(plan.rule.type, "eu-1" if plan.forth else plan.profile, profile=plan.profile)
    source = run.source
    if not (run.kept or len(run.annexed) or run.kept_entries or source.unplanned or source.paths or run.instead):
        return carry
    instances = Instances(run.values, plan.source_keys, plan.source_mapped, source.sent(), source.found())
    _write_annex(run, instances)
    for node, where, text, anchor in _kept(run):
        path = instances.path(node, where)
        if anchor is None:
            carry.items.append(Item(path, text))
        else:
            at = where[: anchor.depth]
            value = run.values.value(anchor, at)
            carry.items.append(Item(path, text, instances.path(anchor, at), anchor_hash(value)))
    for leaf, usual, where, said in run.instead:
        carry.instead.append(said._replace(path=instances.path(leaf, where), usual=instances.path(usual, where)))
    carry.order = _orders(instances)
    if not plan.forth:
        carry.annex, carry.aside = run.annex_order, run.left_aside
    return carry


def _kept(run: Run) -> Iterator[tuple[Node, Where, str | None, Node | None]]:
    """Each leaf that is carried, in the order of the document, with its anchor."""
    found: list[tuple[int, Node, Where, str | None, Node | None]]
    coded = {(step.node, at.where) for _, step, at, _ in run.kept if step.op and step.op.several}
    found = [(row, step.node, at.where, text, _anchor(step, at.where, coded)) for row, step, at, text in run.kept]
    found += [(row, node, where, text, None) for row, node, where, text in run.source.unplanned]
    found.sort(key=itemgetter(0))
    yield from (item[1:] for item in found)
    yield from ((node, where, text, None) for node, where, text in run.kept_entries)


def _anchor(step: Step, where: Where, coded: set[Place]) -> Node | None:
    """What a leaf hangs on. Of two that stand for the same, and were both kept, only one hangs on the other."""
    op = step.op
    if op is None or (op.usual is not None and (op.anchor, where) in coded):
        return None
    return op.anchor


def annex_order(place: Place) -> tuple[int, ...]:
    """Where an entry stands in the annex: as in the document, attributes before the text of their element."""
    node, where = place
    return node.key(where) if node.is_attribute else (*node.key(where), 0)


def _write_annex(run: Run, instances: Instances) -> None:
    entry, attribute = run.plan.annex_entry, run.plan.annex_path
    if entry is None or attribute is None or not len(run.annexed):
        return
    used = {where[0] for where, found in run.written.items() if entry in found}
    _name(run, instances)
    if not used and not run.order:
        return
    shown = tuple(run.annexed.entries())
    slots = _slots([path for path, _ in shown], used, run.order)
    run.slots = [index for index, _ in slots]
    placed = [(index, path, text) for (index, path), (_, text) in zip(slots, shown, strict=True)]
    if used:
        _beside(run, placed, entry, attribute)
        return
    placed.sort(key=itemgetter(0))
    run.annex_written = [(path, text) for _, path, text in placed]
    numbers = {index: number for number, (index, _, _) in enumerate(placed)}
    run.slots = [numbers[index] for index in run.slots]


def _name(run: Run, instances: Instances) -> None:
    """Say what the instances of the source are called, outer ones first."""
    for one in run.source.instances:
        if one.group is not None:
            one.head = instances.path(one.group, one.where)


def _beside(run: Run, placed: list[tuple[int, str, str]], entry: Node, attribute: Node) -> None:
    """Write the annex where entries stand already that could not be read, and came back from the carry."""
    for index, path, text in placed:
        run.written.put(entry, (index,), text)
        run.written.put(attribute, (index,), path)


def _slots(paths: list[str], used: set[int], order: list[tuple[str, str]]) -> list[tuple[int, str]]:
    """Index and path for each entry: as remembered where it is, the next free index and the usual path otherwise."""
    remembered: dict[str, list[int]] = {}
    for index in range(len(order) - 1, -1, -1):
        if index not in used:
            remembered.setdefault(order[index][0], []).append(index)
    found = [remembered[path].pop() if remembered.get(path) else None for path in paths]
    free = count(max((*used, *(index for index in found if index is not None)), default=-1) + 1)
    return [
        (next(free), path) if index is None else (index, order[index][1])
        for index, path in zip(found, paths, strict=True)
    ]


def _orders(instances: Instances) -> dict[str, list[str]]:
    orders = {}
    for group, around in instances.mixed():
        labels = instances.labels(group, around)
        above = instances.path(group, (*around, min(labels))).rpartition("[")[0]
        orders[above] = list(labels.values())
    return orders
