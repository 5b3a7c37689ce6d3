"""What is compiled is safe to carry out; compiling looks for no garbage, and the program does so again afterwards."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from broker.errors import ConfigurationError
from broker.translation import translator
from broker.translation.fates import Do
from broker.translation.loading import nothing_to_collect
from broker.translation.translator import Translator
from tests.fidelity.ways import Way, ways


def test_no_garbage_is_looked_for_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def failing(_: Path) -> None:
        seen.append(gc.isenabled())
        raise ConfigurationError("no schema")

    monkeypatch.setattr(translator, "load_schema", failing)
    with pytest.raises(ConfigurationError):
        Translator.load(Path("nowhere"))
    assert (seen, gc.isenabled()) == ([False], True)


def test_who_looks_for_none_himself_is_left_alone() -> None:
    gc.disable()
    try:
        with nothing_to_collect():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("way", ways(), ids=lambda way: way.name)
def test_a_place_with_other_indices_is_written_by_one_leaf_of_one_instance(way: Way) -> None:
    """So a text that goes there at once writes over nothing."""
    for plan in way.compiled.to_national if way.forth else way.compiled.to_eu:
        taken = {only.group for only in plan.only if only.first}
        quick = [(node, op) for node, op in plan.ops.items() if op.do in (Do.COPY, Do.CONVERT)]
        sent = [(node, target) for node, op in quick for target in op.targets]
        shifted = [(node, target) for node, target in sent if target.shift is not None]
        for node, target in shifted:
            dropped = {group for at, group in enumerate(node.groups) if at not in (target.shift or ())}
            assert dropped <= taken, (plan.rule.type, node.path)
            assert [one.path for one, other in sent if other.node is target.node] == [node.path], plan.rule.type
