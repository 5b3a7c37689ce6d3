"""The laws of translation, over documents drawn from the schemas, for every profile and in both directions."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fidelity import laws
from tests.fidelity.ways import Way, profile_names, ways

if TYPE_CHECKING:
    from collections.abc import Callable

WAYS = [f"{one} to {other}" for name in profile_names() for one, other in (("eu-1", name), (name, "eu-1"))]
EXAMPLES = 200
law = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
seeds = st.integers(0, 2**32)
each_way = pytest.mark.parametrize("name", WAYS)


def held(name: str, seed: int, *checks: Callable[[laws.Example], None]) -> None:
    """Draw one document and hold laws over it."""
    random = Random(seed)
    way = way_of(name)
    example = laws.Example(way, way.drawn(random.randrange(1_000_000), random), random)
    for check in checks:
        check(example)


def way_of(name: str) -> Way:
    return next(way for way in ways() if way.name == name)


def test_every_profile_takes_part() -> None:
    assert [way.name for way in ways()] == WAYS
    assert {way.profile for way in ways()} >= {"fr-hdh-1", "fi-findata-1", "rems-1"}


@each_way
@given(seed=seeds)
@law
def test_a_document_comes_home_and_only_what_was_not_sent_was_carried(name: str, seed: int) -> None:
    held(name, seed, laws.it_comes_home, laws.the_carry_holds_only_what_was_not_sent)


@each_way
@given(seed=seeds)
@law
def test_an_edit_survives(name: str, seed: int) -> None:
    held(name, seed, laws.an_edit_survives, laws.a_label_goes_with_its_choice)


@each_way
@given(seed=seeds)
@law
def test_a_new_version_survives_there_and_back_again(name: str, seed: int) -> None:
    held(name, seed, laws.a_new_version_survives)


@each_way
@given(seed=seeds)
@law
def test_nothing_is_invented(name: str, seed: int) -> None:
    held(name, seed, laws.the_result_is_valid, laws.nothing_is_invented, laws.a_missing_leaf_stays_missing)


@each_way
@given(seed=seeds)
@law
def test_the_report_is_complete_and_true(name: str, seed: int) -> None:
    held(
        name,
        seed,
        laws.the_report_names_each_leaf_once,
        laws.the_report_is_true,
        laws.a_legal_fact_that_is_lost_is_named,
    )


@each_way
@given(seed=seeds)
@law
def test_choices_go_by_key_and_unknown_values_are_flagged(name: str, seed: int) -> None:
    held(name, seed, laws.choices_go_by_key, laws.an_unknown_value_is_kept_and_flagged)


@each_way
def test_a_drawn_document_is_valid(name: str) -> None:
    way = way_of(name)
    for number in range(len(way.rules)):
        assert way.source.gate.validate(way.drawn(number, Random(number))), way.source.gate.error_log


@each_way
def test_every_message_is_known(name: str) -> None:
    way = way_of(name)
    for number, rule in enumerate(way.rules):
        same = {one.type for one in way.rules if (one.element, one.when) == (rule.element, rule.when)}
        assert way.there(way.drawn(number, Random(number))).type in ({rule.type} if way.forth else same)
