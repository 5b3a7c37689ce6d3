"""What a translation did not send: written to the annex, where readers see it, or kept in the carry."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from broker.translation.carry import Carry, Item, anchor_hash
from broker.translation.places import Instances
from broker.translation.plan import Fate

if TYPE_CHECKING:
    from broker.translation.engine import Place, Run
    from broker.translation.plan import Plan
    from broker.translation.shapes import Node


def carry_of(run: Run) -> Carry:
    """Write the annex of a run; return its carry."""
    plan = run.plan
    carry = Carry(plan.rule.type, "eu-1" if plan.forth else plan.profile)
    if not (run.kept or run.annexed or run.entries or run.instead):
        return carry
    instances = Instances(run.values, plan.source_keys, plan.source_mapped, run.sent, run.repeats)
    _write_annex(run, instances)
    for node, where, text, op in run.kept:
        anchor = op.anchor if op else None
        path = instances.path(node, where)
        if anchor is None:
            carry.items.append(Item(path, text))
        else:
            at = where[: anchor.depth]
            value = run.values.get((anchor, at))
            carry.items.append(Item(path, text, instances.path(anchor, at), anchor_hash(value)))
    for leaf, usual, where, hashed in run.instead:
        carry.instead.append((instances.path(leaf, where), instances.path(usual, where), hashed))
    carry.order = _orders(instances, plan)
    if not plan.forth:
        carry.annex, carry.aside = run.annex_order, run.left_aside
    return carry


def annex_order(place: Place) -> tuple[int, ...]:
    """Where an entry stands in the annex: as in the document, attributes before the text of their element."""
    node, where = place
    return node.key(where) if node.is_attribute else (*node.key(where), 0)


def _write_annex(run: Run, instances: Instances) -> None:
    entry, attribute = run.plan.annex_entry, run.plan.annex_path
    if entry is None or attribute is None or not run.annexed:
        return
    if run.flagged_late:
        run.annexed.sort(key=lambda item: annex_order(item[:2]))
    used = {where[0] for node, where in run.written if node is entry}
    paths = [instances.path(node, where) for node, where, _, _ in run.annexed]
    slots = _slots(paths, used, run.order)
    if used:
        _beside(run, slots, entry, attribute)
        return
    placed = [(index, path, *item) for (index, path), item in zip(slots, run.annexed, strict=True)]
    placed.sort(key=lambda item: item[0])
    for index, (_, path, node, where, text, row) in enumerate(placed):
        run.annex_written.append((path, text))
        run.rows[row] = (node, where, run.rows[row][2], Fate.ANNEX, ((entry, (index,)), (attribute, (index,))))


def _beside(run: Run, slots: list[tuple[int, str]], entry: Node, attribute: Node) -> None:
    """Write the annex where entries stand already that could not be read, and came back from the carry."""
    for (index, path), (node, where, text, row) in zip(slots, run.annexed, strict=True):
        at = (index,)
        run.written[(entry, at)] = text
        run.written[(attribute, at)] = path
        run.rows[row] = (node, where, run.rows[row][2], Fate.ANNEX, ((entry, at), (attribute, at)))


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


def _orders(instances: Instances, plan: Plan) -> dict[str, list[str]]:
    orders = {}
    for group, around in instances.groups():
        if group not in plan.source_keys and group not in plan.source_mapped:
            continue
        labels = instances.labels(group, around)
        if len(labels) > 1 and not all(instances.is_sent(group, (*around, index)) for index in labels):
            above = instances.path(group, (*around, min(labels))).rpartition("[")[0]
            orders[above] = list(labels.values())
    return orders
