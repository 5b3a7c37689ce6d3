"""What comes back into a document: annex entries first, then the carry, then the order of instances."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from broker.errors import Problem
from broker.translation.leaves import NOWHERE, from_numbers, renumbered
from broker.translation.own_version import written_version
from broker.translation.places import Instances
from broker.translation.restore import Restorer
from broker.translation.steps import Outcome
from broker.translation.unsent import annex_order
from broker.translation.white_space import collapsed
from broker.translation.wording import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from broker.translation.carry import Carry, Said
    from broker.translation.engine import Run
    from broker.translation.instances import Leaf
    from broker.translation.leaves import Moves, Place
    from broker.translation.own_version import WrittenVersion

_SELECTOR = re.compile(r"\[[^\[\]]*\]")
_LIMIT = 80


def put_back(run: Run, carry: Carry | None, sent: set[Place]) -> None:
    """Put the annex and the carry back. `sent`: the innermost target instances that came from the source itself."""
    paths = run.source.paths
    restorer = Restorer(run.plan, run.written, given=run.constants)
    taken = restorer.groups()
    run.annex_read = restorer.annex(paths, run.source.texts)
    version = written_version(run.plan, run.written) if not run.plan.forth else None
    swapped = _tell_versions_apart(run, restorer, version)
    if NOWHERE in run.annex_read:
        _keep_unread(run)
    if carry is not None:
        beside, stale = _say_instead(run, restorer.instead(carry), carry)
        run.restored, run.orphaned = restorer.carry(carry)
        run.restored[:0], run.orphaned[:0] = beside, stale
        run.problems += [_orphan(path) for path in run.orphaned]
        run.order = carry.annex
    if not run.plan.forth:
        fits = {only: len(list(only.matching(run.written))) for only in run.plan.only if only.group not in taken}
        run.left_aside = {only.group.path: count for only, count in fits.items() if only.first and count}
        run.left_aside |= version.left_as_they_are(swapped, restorer.created) if version else {}
    moves = restorer.reorder(carry.order) if carry else {}
    if moves:
        run.moves.append(moves)
        run.written = run.written.moved(moves)
        sent = _moved(sent, moves)
    if paths:
        found = restorer.found if not moves and carry is None and NOWHERE not in run.annex_read else None
        instances = Instances(run.written, run.plan.target_keys, run.plan.target_mapped, sent, found)
        if moves or not _is_usual(run, restorer, instances):
            _note_annex(run, instances, moves)


def _tell_versions_apart(run: Run, restorer: Restorer, version: WrittenVersion | None) -> frozenset[Place]:
    """Put back the originals that stand in the annex, and what the fields say into the form of that language."""
    swapped: set[Place] = set()
    for at, place, original in restorer.doubled:
        row, step = run.source.twins.get(place, (0, None))
        twin, said = run.plan.twins[place[0]], run.written.value(*place)
        there = version.place(*place) if version is not None and said is not None else None
        if step is None or there is None or run.written.has(twin, there):
            run.annex_read[at] = NOWHERE
            continue
        run.written.put(twin, there, said)
        run.written.put(*place, original)
        run.rows[row] = step.number + Outcome.OTHERWISE
        run.source.own[row], run.mark = there, version.mark if version else ""
        swapped.add(place)
    return frozenset(swapped)


def _places(run: Run) -> Iterator[Place | None]:
    return from_numbers(run.plan.target.numbered, run.annex_read)


def _moved(places: Iterable[Place], moves: Moves) -> set[Place]:
    return {(node, renumbered(node, where, moves)) for node, where in places}


def _say_instead(run: Run, places: dict[Place, tuple[Place, Said]], carry: Carry) -> tuple[list[Place], list[str]]:
    """Say recoded values where, and as, they were said: what was put beside them, and paths of what fits no more."""
    beside: list[Place] = []
    used: set[str] = set()
    for leaf in run.source.waiting if places else ():
        usual = _usual(run, leaf)
        place, said = places.get(usual, (None, None)) if usual else (None, None)
        if usual is None or place is None or said is None or not _is_still(leaf, said):
            continue
        used.add(said.path)
        run.written.put(*place, said.text or leaf[3])
        if said.beside:
            beside.append(place)
            continue
        del run.written[usual[1]][usual[0]]
        run.rows[leaf[0]] = leaf[1].number + (Outcome.PLANNED if said.text else Outcome.OTHERWISE)
    return beside, [said.path for said in carry.instead if said.text and said.path not in used]


def _usual(run: Run, leaf: Leaf) -> Place | None:
    """Where a leaf that goes by a table with a way out was written."""
    row, step, instance, _ = leaf
    op, outcome = step.op, run.rows[row] - step.number
    if op is None or op.otherwise is None or outcome not in (Outcome.PLANNED, Outcome.OTHERWISE):
        return None
    target = op.targets[0] if outcome == Outcome.PLANNED else op.otherwise
    return target.node, target.place(instance.where)


def _is_still(leaf: Leaf, said: Said) -> bool:
    """Whether the table still has the value as one way to say it."""
    _, step, _, text = leaf
    known = step.op.several.get(collapsed(text), ()) if step.op else ()
    return not said.text or collapsed(said.text) in known


def _is_usual(run: Run, restorer: Restorer, instances: Instances) -> bool:
    """Whether writing the annex again would name and order its entries as they were."""
    return (
        restorer.is_ordered
        and NOWHERE not in run.annex_read
        and all(instances.path(*place) == f"{head}]" for head, place in restorer.opened.items() if head)
    )


def _note_annex(run: Run, instances: Instances, moves: Moves) -> None:
    """Remember how the annex was written, where writing it again would order or name its entries otherwise."""
    places = [(place[0], renumbered(*place, moves)) if place else None for place in _places(run)]
    usual = [instances.path(*place) if place else "" for place in places]
    if usual != run.source.paths or not _in_order([place for place in places if place]):
        run.annex_order = list(zip(usual, run.source.paths, strict=True))


def _in_order(places: list[Place]) -> bool:
    """Whether places follow each other as in a document."""
    return all(annex_order(one) <= annex_order(other) for one, other in pairwise(places))


def _keep_unread(run: Run) -> None:
    """Keep the annex entries that have no place."""
    entry, path = run.plan.annex_entry, run.plan.annex_path
    if entry is None or path is None:
        return
    read = zip(run.source.paths, run.source.texts, _places(run), strict=True)
    for index, (written, text, place) in enumerate(read):
        if place is not None:
            continue
        run.kept_entries += [(path, (index,), written), (entry, (index,), text)]
        if _SELECTOR.sub("", written) not in run.plan.elsewhere:
            detail, hint = WORDS["annex-path"]
            at = f"{entry.path}[{index + 1}]"
            run.problems.append(Problem("annex-path", detail, at, value=written[:_LIMIT], hint=hint))


def _orphan(path: str) -> Problem:
    detail, hint = WORDS["orphaned"]
    return Problem("orphaned", detail, path, hint=hint)
