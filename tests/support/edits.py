"""Valid edits of a document: what a person at the other end may do to it."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from tests.support.documents import Documents, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from lxml import etree

    from broker.translation.schema_parts import Element, SchemaModel
    from tests.support.sides import Side


def edited(
    root: etree._Element, side: Side, random: Random, times: int, frozen: frozenset[str] = frozenset()
) -> etree._Element:
    """The document after up to `times` edits that leave it valid: texts changed, elements removed, doubled, swapped.

    Elements at the paths `frozen` stay as they are.
    """
    return _after(root, side.gate, times, lambda trial: _edit(trial, side.model, random, frozen))


def revised(
    root: etree._Element,
    side: Side,
    random: Random,
    values: Mapping[str, tuple[str, ...]],
    frozen: frozenset[str] = frozenset(),
) -> etree._Element:
    """A new version: of some repeated parts (datasets, persons) one is added or removed, or all are reordered."""
    return _after(root, side.gate, 4, lambda trial: _revise(trial, side.model, random, values, frozen))


def _after(
    root: etree._Element, gate: etree.XMLSchema, times: int, edit: Callable[[etree._Element], None]
) -> etree._Element:
    present = deepcopy(root)
    for _ in range(times):
        trial = deepcopy(present)
        edit(trial)
        if gate.validate(trial):
            present = trial
    return present


def _edit(root: etree._Element, model: SchemaModel, random: Random, frozen: frozenset[str]) -> None:
    chosen = next((element for element in _shuffled(root, random) if _path(element) not in frozen), None)
    parent = chosen.getparent() if chosen is not None else None
    if chosen is None or parent is None:
        return
    declared = _declared(chosen, model)
    what = random.randrange(4)
    if what == 0 and declared is not None and declared.text is not None:
        chosen.text = value_of(declared.text, random)
    elif what == 1:
        parent.remove(chosen)
    elif what == 2:
        parent.insert(parent.index(chosen), deepcopy(chosen))
    else:
        follower = chosen.getnext()
        if follower is not None and follower.tag == chosen.tag:
            follower.addnext(chosen)


def _revise(
    root: etree._Element,
    model: SchemaModel,
    random: Random,
    values: Mapping[str, tuple[str, ...]],
    frozen: frozenset[str],
) -> None:
    chosen = next((element for element in _shuffled(root, random) if _repeats(element, model, frozen)), None)
    parent = chosen.getparent() if chosen is not None else None
    if chosen is None or parent is None:
        return
    like = parent.findall(str(chosen.tag))
    what = random.randrange(3)
    if what == 0:
        declared = _declared(chosen, model)
        assert declared is not None
        made = Documents(model, random, dict(values), density=0.3)._element(declared, _path(chosen), parent)
        random.choice(like).addprevious(made)
    elif what == 1:
        parent.remove(chosen)
    else:
        at = parent.index(like[0])
        random.shuffle(like)
        for offset, element in enumerate(like):
            parent.insert(at + offset, element)


def _shuffled(root: etree._Element, random: Random) -> list[etree._Element]:
    elements = list(root.iterdescendants())
    random.shuffle(elements)
    return elements


def _repeats(element: etree._Element, model: SchemaModel, frozen: frozenset[str]) -> bool:
    declared = _declared(element, model)
    return declared is not None and declared.repeats and _path(element) not in frozen


def _declared(element: etree._Element, model: SchemaModel) -> Element | None:
    root, _, path = f"{_local(element.getroottree().getroot())}/{_path(element)}".partition("/")
    return model.at(root, path)


def _path(element: etree._Element) -> str:
    names = [_local(above) for above in element.iterancestors()]
    return "/".join([*reversed(names[:-1]), _local(element)])


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]
