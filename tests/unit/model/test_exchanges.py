"""What an exchange may become: the table, held against the words that the flow and the staff use for it."""

from __future__ import annotations

import pytest

from broker.model.exchanges import (
    FINAL,
    FIRST,
    STEPS,
    WAITING_FOR_A_PERSON,
    Direction,
    State,
    may_step,
)

ALL = [(direction, state) for direction, table in STEPS.items() for state in table]


@pytest.mark.parametrize(("direction", "state"), ALL)
def test_a_final_state_has_no_way_out_and_every_other_one_has(direction: Direction, state: State) -> None:
    assert (STEPS[direction][state] == ()) == (state in FINAL)


@pytest.mark.parametrize("direction", Direction)
def test_every_state_of_a_direction_is_reached_from_its_first(direction: Direction) -> None:
    seen, todo = set(), [FIRST[direction]]
    while todo:
        state = todo.pop()
        if state not in seen:
            seen.add(state)
            todo += STEPS[direction][state]
    assert seen == set(STEPS[direction])


@pytest.mark.parametrize("direction", Direction)
def test_a_step_never_leads_to_a_state_of_the_other_direction(direction: Direction) -> None:
    assert {state for states in STEPS[direction].values() for state in states} <= set(STEPS[direction])


@pytest.mark.parametrize(("direction", "state"), ALL)
def test_where_a_person_must_act_there_is_something_that_a_person_can_do(direction: Direction, state: State) -> None:
    if state in WAITING_FOR_A_PERSON:
        assert set(STEPS[direction][state]) & {State.KEPT, State.QUEUED, State.RECEIVED, State.READY}
        assert State.CANCELLED in STEPS[direction][state]


@pytest.mark.parametrize(("direction", "state"), ALL)
def test_from_every_state_an_end_can_be_reached(direction: Direction, state: State) -> None:
    seen, todo = set(), [state]
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            todo += STEPS[direction][one]
    assert seen & FINAL


def test_a_late_answer_overrules_silence_and_a_failure() -> None:
    for state in (State.SUBMITTING, State.SUBMITTED, State.SEND_FAILED, State.PRESUMED_FAILED):
        assert may_step(Direction.OUTBOUND, state, State.ENDED)


def test_nothing_goes_back_to_the_sender_once_it_was_let_go() -> None:
    """REFUSED asks the sender; after QUEUED the message is on its way and only a person or the other side ends it."""
    for state, following in STEPS[Direction.OUTBOUND].items():
        assert (State.REFUSED in following) == (state is State.KEPT)
