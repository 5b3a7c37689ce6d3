"""The laws of translation, over documents drawn from the schemas, for every profile and in both directions."""

from __future__ import annotations

from random import Random

from hypothesis import given

from tests.fidelity import laws
from tests.fidelity.ways import ways
from tests.support.examples import WAYS, each_way, held, law, seeds, way_of


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
def test_nothing_is_invented(name: str, seed: int) -> None:
    held(name, seed, laws.the_result_is_valid, laws.nothing_is_invented, laws.a_missing_leaf_stays_missing)


@each_way
@given(seed=seeds)
@law
def test_the_report_is_complete_and_true_and_choices_go_by_key(name: str, seed: int) -> None:
    held(
        name,
        seed,
        laws.the_report_names_each_leaf_once,
        laws.the_report_is_true,
        laws.a_legal_fact_that_is_lost_is_named,
        laws.choices_go_by_key,
        laws.an_unknown_value_is_kept_and_flagged,
        laws.readers_read_their_own_language,
    )


@each_way
def test_a_drawn_document_is_valid_and_its_message_is_known(name: str) -> None:
    way = way_of(name)
    for number, rule in enumerate(way.rules):
        document = way.drawn(number, Random(number))
        assert way.source.gate.validate(document), way.source.gate.error_log
        same = {one.type for one in way.rules if (one.element, one.when) == (rule.element, rule.when)}
        assert way.there(document).type in ({rule.type} if way.forth else same)
