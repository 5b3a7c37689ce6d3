"""Valid edits of a document: what a person at the other end may do to it."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from tests.support.documents import value_of

if TYPE_CHECKING:
    from random import Random

    from lxml import etree

    from broker.translation.schema_parts import Element, SchemaModel


def edited(
    root: etree._Element, model: SchemaModel, gate: etree.XMLSchema, random: Random, times: int
) -> etree._Element:
    """The document after up to `times` edits that leave it valid: texts changed, elements removed, doubled, swapped."""
    present = deepcopy(root)
    for _ in range(times):
        trial = deepcopy(present)
        _edit(trial, model, random)
        if gate.validate(trial):
            present = trial
    return present


def _edit(root: etree._Element, model: SchemaModel, random: Random) -> None:
    elements = [element for element in root.iterdescendants() if not _frozen(element)]
    if not elements:
        return
    chosen = random.choice(elements)
    parent = chosen.getparent()
    if parent is None:
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


def _frozen(element: etree._Element) -> bool:
    """The event is what the message is, and an annex path is no text of the reader's: neither is edited here."""
    return _local(element) in ("evenement", "Nouvelle", "nature") or "chemin" in element.attrib


def _declared(element: etree._Element, model: SchemaModel) -> Element | None:
    names = [_local(above) for above in element.iterancestors()]
    declared: Element | None = model.roots[names[-1]]
    for name in [*reversed(names[:-1]), _local(element)]:
        declared = declared.child(name) if declared else None
    return declared


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]
