"""The page of `hdeu translate --html` masks every leaf of every personal field, on every message that has one."""

from __future__ import annotations

import re
from random import Random
from typing import Final

import pytest
from lxml import etree

from broker.commands.page import page_of
from broker.commands.translation import envelope_of, side_of
from broker.data_files import schemas_dir
from broker.translation.between import Tools, translate_between
from broker.translation.codecs.wires import WIRES
from broker.translation.personal import load_personal_fields
from broker.translation.shapes import numbered, shape
from broker.translation.trees import flatten
from tests.fidelity.ways import ways
from tests.support.documents import Documents
from tests.support.sides import side

FIELDS: Final = load_personal_fields(schemas_dir() / "codelists/personal-fields.toml")
EU: Final = side("eu/1/eu.xsd")
CODECS: Final = {name: load(schemas_dir()) for name, load in WIRES.items()}
TOOLS: Final = Tools(ways()[0].translator, CODECS["eu-r7"], etree.fromstring, others=CODECS)
#: Personal leaves that take words, by message.
LEAVES: Final = {
    kind: [
        leaf.path
        for leaf in EU.model.leaves(kind)
        if FIELDS.holds(leaf.path) and not leaf.is_attribute and leaf.type.fits("planted-0-")
    ]
    for kind in EU.model.roots
}
KINDS: Final = sorted(kind for kind, leaves in LEAVES.items() if leaves)


def planted(kind: str) -> tuple[bytes, dict[str, str]]:
    """A message with a word of its own in every personal leaf that takes words, by path."""
    drawn = Documents(EU.model, Random(1), density=0.0)
    steps = [path.split("/") for path in LEAVES[kind]]
    drawn.sure = frozenset("/".join(one[:count]) for one in steps for count in range(1, len(one) + 1))
    root = drawn.draw(kind)
    words: dict[str, str] = {}
    for (node, where), text in flatten(root, shape(EU.model, kind)).items():
        if text is None or node.path not in LEAVES[kind]:
            continue
        path = numbered(node, where)
        [element] = root.findall("/".join(re.sub(r"^(\w+)", r"{*}\1", step) for step in path.split("/")))
        element.text = words[path] = f"planted-{len(words)}-"
    return etree.tostring(root), words


@pytest.mark.parametrize("kind", KINDS)
def test_each_personal_field_is_masked_and_shown_when_asked_for(kind: str) -> None:
    data, words = planted(kind)
    assert {re.sub(r"\[\d+\]", "", path) for path in words} == set(LEAVES[kind])
    done = translate_between(TOOLS, data, source="eu-1", target="eu-1", envelope=envelope_of(data))
    sides = [side_of("eu-1", document, done) for document in (data, done.document)]
    hidden, shown = (page_of(done, *sides, FIELDS, show=show).decode() for show in (False, True))
    assert [path for path, word in words.items() if word in hidden] == []
    assert [path for path, word in words.items() if word not in shown] == []


def test_every_personal_field_stands_on_one_of_these_messages_at_least() -> None:
    leaves = {leaf for found in LEAVES.values() for leaf in found}
    assert {path for path in FIELDS.paths if not any(f"{leaf}/".startswith(f"{path}/") for leaf in leaves)} == set()
    assert any("otherContactPersons" in leaf for leaf in leaves)
    assert {"ApplicationAck", "AdditionalInfoAck"} <= set(KINDS)
