"""What is compiled is safe to carry out; compiling looks for no garbage, and the program does so again afterwards."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from broker.errors import ConfigurationError
from broker.translation import translator
from broker.translation.fates import Do
from broker.translation.loading import nothing_to_collect
from broker.translation.plan import Plan
from broker.translation.plans import Plans
from broker.translation.translator import Translator
from tests.fidelity.ways import Way, ways
from tests.support.sides import SCHEMAS

if TYPE_CHECKING:
    from broker.translation.plans import Head


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


def test_a_plan_is_compiled_once_and_when_it_is_first_asked_for() -> None:
    made = []

    def make(head: Head) -> Plan:
        made.append(head.rule.type)
        return Plan(head.rule, len(made) - 1, "toy", "1", forth=True, source=head.source, target=head.target)

    profile = Translator.load(SCHEMAS, profiles=["fi-findata-1"]).compiled("fi-findata-1")
    plans = Plans(profile.to_eu.heads, make)
    assert made == []
    assert plans[3] is plans[3]
    assert made == [profile.profile.messages[3].type]
    assert [plan is plans[3] for plan in plans] == [at == 3 for at in range(len(plans.heads))]
    assert sorted(made) == sorted(rule.type for rule in profile.profile.messages)


def test_threads_that_ask_at_once_have_the_same_plan() -> None:
    profile = Translator.load(SCHEMAS, profiles=["fi-findata-1"]).compiled("fi-findata-1")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: profile.to_national[0], range(64)))
    assert {id(plan) for plan in found} == {id(profile.to_national[0])}
