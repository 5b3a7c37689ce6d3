"""Edits survive: what the other side changed wins over what was kept, also over several versions there and back."""

from __future__ import annotations

from hypothesis import given

from tests.fidelity import laws
from tests.support.examples import each_way, held, law, seeds


@each_way
@given(seed=seeds)
@law
def test_an_edit_survives_and_takes_no_label_of_another_choice(name: str, seed: int) -> None:
    held(name, seed, laws.an_edit_survives, laws.a_label_goes_with_its_choice)


@each_way
@given(seed=seeds)
@law
def test_a_new_version_survives_there_and_back_again(name: str, seed: int) -> None:
    held(name, seed, laws.a_new_version_survives)
