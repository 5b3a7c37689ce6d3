"""The leg's machine, walked along its own table: what it allows happens, everything else is refused."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from broker.errors import Problem, Refused
from broker.flow.events import ANSWERS, NEWS, OF_THE_BODY
from broker.model.cases import Leg
from broker.model.lifecycle import NONE, OPEN, ORIGINATED, Event, Lifecycle, Step, advance, read_lifecycle
from broker.model.messages import MessageType

FOLDER = Path(__file__).parents[3] / "schemas" / "lifecycles"
AT = datetime(2029, 3, 2, 9, tzinfo=UTC)


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))


LEG = read_lifecycle(_table("leg"))


def states_of(lifecycle: Lifecycle) -> frozenset[str]:
    named = {state for step in lifecycle.steps for state in (*step.sources, step.to)}
    return frozenset((named | lifecycle.terminal) - {OPEN, "SAME", "ORIGIN"})


STATES = states_of(LEG)
EVENTS = tuple(sorted({step.on for step in LEG.steps}))
FACTS = {fact: AT.isoformat() for step in LEG.steps for fact in (*step.require, *step.unless, *step.record)}


#: Facts that are words, and no dates.
SAID = {"permit_status", "change_request", "told"}
#: A body that chose every policy that some step asks for.
WIDE = frozenset(step.policy for step in LEG.steps if step.policy)


def leg(state: str = NONE, **fields: Any) -> Leg:
    return replace(Leg("case-1", "hdh", state, AT, AT), **fields)


def event(name: str) -> Event:
    kind, variant, outcome = (*name.split(":"), "", "")[:3]
    return Event(kind, variant, outcome)


def allowed(lifecycle: Lifecycle, step: Step, state: str) -> bool:
    """The table's meaning, said a second time: a list of states, or every one in which the leg lives."""
    lives = state != NONE and state not in lifecycle.terminal
    return state in step.sources or (OPEN in step.sources and lives)


def step_for(state: str, name: str) -> Step | None:
    return next((step for step in LEG.steps if step.on == name and allowed(LEG, step, state)), None)


def refusal(one: Leg, name: str, *, national: Lifecycle | None = None) -> Problem:
    with pytest.raises(Refused) as refused:
        advance(one, event(name), lifecycle=LEG, national=national, at=AT, policies=WIDE)
    [problem] = refused.value.problems
    return problem


def after(one: Leg, *names: str, national: Lifecycle | None = None) -> Leg:
    for name in names:
        one = advance(one, event(name), lifecycle=LEG, national=national, at=AT, policies=WIDE).leg
    return one


def guarded(step: Step) -> dict[str, Any]:
    return {"facts": {fact: AT.isoformat() for fact in step.require}, "origin": "PROCESSING"}


LAWFUL = [(state, step) for step in LEG.steps for state in sorted(STATES) if allowed(LEG, step, state)]
ILLEGAL = [(state, name) for state in sorted(STATES) for name in EVENTS if step_for(state, name) is None]


@pytest.mark.parametrize(("state", "step"), LAWFUL, ids=[f"{step.id}-{state}" for state, step in LAWFUL])
def test_every_step_does_what_its_row_says(state: str, step: Step) -> None:
    before = leg(state, **guarded(step))
    change = advance(before, event(step.on), lifecycle=LEG, national=None, at=AT, policies=WIDE)
    expected = {"SAME": state, "ORIGIN": "PROCESSING"}.get(step.to, step.to)
    assert (change.step, change.leg.state, change.leg.updated_at) == (step, expected, AT)
    assert set(change.leg.facts) - SAID == {*step.require, *step.record} - {*step.drop}
    said = {"permit_status": step.permit, "change_request": step.change}
    assert {name: change.leg.facts.get(name, "") for name in said} == said
    assert change.leg.origin == (state if step.to == "AWAITING_INFO" else "PROCESSING")


@pytest.mark.parametrize(("state", "name"), ILLEGAL, ids=[f"{state}-{name}" for state, name in ILLEGAL])
def test_everything_else_is_refused_with_what_would_be_possible(state: str, name: str) -> None:
    problem = refusal(leg(state, facts=FACTS, origin="PROCESSING"), name)
    assert (problem.code, problem.value, problem.rule) == ("illegal-step", state, "leg-1")
    possible = sorted({step.on for step in LEG.steps if allowed(LEG, step, state)})
    assert all(one in problem.hint for one in possible or ["none"])


def test_the_table_leaves_no_pair_untried() -> None:
    pairs = {(state, step.on) for state, step in LAWFUL} | set(ILLEGAL)
    assert pairs == {(state, name) for state in STATES for name in EVENTS}


def test_no_two_steps_claim_the_same_event_in_one_state() -> None:
    claims = [(state, step.on) for state, step in LAWFUL]
    assert len(claims) == len(set(claims))


@pytest.mark.parametrize("step", [step for step in LEG.steps if step.require], ids=lambda step: step.id)
def test_a_step_waits_for_the_facts_that_it_requires(step: Step) -> None:
    state = next(state for state, row in LAWFUL if row is step)
    for missing in step.require:
        facts = {fact: "x" for fact in step.require if fact != missing}
        problem = refusal(leg(state, facts=facts), step.on)
        assert problem.code == "guard-unmet"
        assert missing in problem.detail
        assert step.id in problem.rule
        assert problem.hint


ONCE = [step for step in LEG.steps if set(step.unless) & set(step.record)]


@pytest.mark.parametrize("step", ONCE, ids=lambda step: step.id)
def test_a_step_that_is_possible_once_is_refused_the_second_time(step: Step) -> None:
    state = next(state for state, row in LAWFUL if row is step)
    facts = guarded(step)["facts"]
    done = after(leg(state, facts=facts), step.on)
    problem = refusal(replace(done, state=state, facts={**facts, **done.facts}), step.on)
    assert problem.code == "guard-unmet"
    assert "again" in problem.detail


#: Facts that some step asks for; all others change no road.
ASKED = {fact for step in LEG.steps for fact in (*step.require, *step.unless)}


@cache
def reachable() -> dict[str, Leg]:
    """From nothing, by lawful events alone: the first leg in each state with each set of those facts."""
    found: dict[tuple[str, str, frozenset[str]], Leg] = {}
    todo = [leg()]
    while todo:
        one = todo.pop()
        key = (one.state, one.origin, frozenset(ASKED & set(one.facts)))
        if key in found:
            continue
        found[key] = one
        for name in EVENTS:
            try:
                todo.append(after(one, name))
            except Refused:
                continue
    return {"/".join((state, origin, *sorted(facts))): one for (state, origin, facts), one in found.items()}


def test_every_state_and_every_step_can_be_reached_from_an_application_alone() -> None:
    legs = reachable().values()
    assert {one.state for one in legs} == STATES
    taken = set()
    for one in legs:
        for name in EVENTS:
            try:
                taken.add(advance(one, event(name), lifecycle=LEG, national=None, at=AT, policies=WIDE).step.id)
            except Refused:
                continue
    assert taken == {step.id for step in LEG.steps}


#: Where a leg is once there is a permit.
PERMIT = {"GRANTED", "PERMIT_APPEALED", "EXPIRED", "REVOKED", "REVOKE_APPEALED"}


def test_nothing_leaves_a_terminal_state_but_from_one_of_the_permit_to_another() -> None:
    """What follows a withdrawal leaves the leg where it is; what follows a permit never undoes its issue."""
    assert LEG.terminal < STATES
    for state in LEG.terminal:
        followed = [step for step in LEG.steps if allowed(LEG, step, state)]
        assert all(step.to in {"SAME", *PERMIT} and state in step.sources for step in followed)
        assert not followed or state in {"WITHDRAWN", *PERMIT}


def test_every_message_about_a_leg_has_a_step_that_takes_it() -> None:
    """But for the receipt that the broker writes itself (T4), and the notices that never leave the house."""
    told_here = {MessageType.ADDITIONAL_INFO_ACK, MessageType.OUTCOME_NOTICE, MessageType.ERROR_NOTICE}
    about_a_leg = set(MessageType) - NEWS - ANSWERS - OF_THE_BODY - told_here
    assert {step.on.partition(":")[0] for step in LEG.steps} == about_a_leg


@pytest.mark.parametrize("release", ["d6.4-v0.4", "d6.4-v0.5"])
def test_silence_can_be_told_as_a_withdrawal_wherever_the_body_still_works(release: str) -> None:
    """D6.4 section 7.6: what the wire calls PROCESSING has more than one state here."""
    works = {"PRE_SCREENING", "AWAITING_ADDITIONAL_INFORMATION", "PROCESSING"}
    for state in sorted(state for state in STATES if LEG.status(release, state) in works):
        assert after(leg(state), "StatusUpdate:WITHDRAWN").state == "WITHDRAWN"


def test_a_decision_that_nobody_answered_ends_in_a_withdrawal_that_is_confirmed_once() -> None:
    """D6.3 section 6.6 and D6.4 v0.5 R9.2.8, R9.2.9: after 28 days; a clock alone never says it."""
    lapsed = after(leg("POSITIVE_DECISION_ISSUED"), "StatusUpdate:WITHDRAWN")
    confirmed = after(lapsed, "WithdrawalConfirmed")
    assert (lapsed.state, confirmed.state) == ("WITHDRAWN", "WITHDRAWN")
    assert refusal(confirmed, "WithdrawalConfirmed").code == "guard-unmet"


def test_an_answer_returns_the_leg_to_where_the_question_was_asked() -> None:
    asked_early = after(
        leg(), "ApplicationSubmitted", "ApplicationAck", "StatusUpdate:PRE_SCREENING", "AdditionalInfoRequest"
    )
    assert after(asked_early, "AdditionalInformation").state == "PRE_SCREENING"
    asked_late = after(asked_early, "AdditionalInformation", "StatusUpdate:PROCESSING", "AdditionalInfoRequest")
    assert (asked_late.state, after(asked_late, "AdditionalInformation").state) == ("AWAITING_INFO", "PROCESSING")


@pytest.mark.parametrize("name", sorted(NEWS | ANSWERS))
def test_news_and_answers_change_no_leg_in_any_state(name: str) -> None:
    """Art. 68(5): each body decides alone. No row of the table may name what others did."""
    assert not [step.id for step in LEG.steps if step.on.partition(":")[0] == name]
    for one in reachable().values():
        assert refusal(one, name).code == "illegal-step"


@pytest.mark.parametrize("release", ["d6.4-v0.4", "d6.4-v0.5"])
def test_the_wire_has_a_word_for_every_state_that_it_may_hear_of(release: str) -> None:
    unheard = {NONE, ORIGINATED}  # before the platform knows of it: nothing is told
    assert {state for state in STATES if not LEG.status(release, state)} == unheard
    assert set(LEG.projections[release]) >= STATES - {NONE}, "a state that nobody decided about"
    assert LEG.status(release, "NO_SUCH_STATE") == ""
    assert LEG.status("d6.4-v9", "PROCESSING") == ""


def test_a_projection_only_uses_words_of_the_status_list() -> None:
    words = tomllib.loads((FOLDER.parent / "codelists" / "application-statuses.toml").read_text("utf-8"))
    text = str(words)
    for release, projection in LEG.projections.items():
        assert [word for word in projection.values() if word and f"'{word}'" not in text] == [], release


def test_each_decision_kind_belongs_to_one_group() -> None:
    kinds = [kind for group in LEG.groups.values() for kind in group]
    assert len(kinds) == len(set(kinds))
    assert LEG.group("PERMIT_PARTIALLY_GRANTED") == "positive"
    assert LEG.group("SOMETHING_NEW") == "SOMETHING_NEW"


def test_a_decision_of_an_unknown_kind_is_no_decision() -> None:
    assert refusal(leg("PROCESSING", facts=FACTS), "DecisionIssued:SOMETHING_NEW").code == "illegal-step"


def test_the_table_emits_only_what_the_broker_can_send() -> None:
    known = {"self", "forward", *MessageType}
    assert {emit for step in LEG.steps for emit in step.emits} <= known
    assert {step.on.partition(":")[0] for step in LEG.steps} <= set(MessageType)


def test_a_data_request_takes_the_same_road_and_is_known_as_one() -> None:
    one = after(leg(), "ApplicationSubmitted:request", "ApplicationAck", "StatusUpdate:PRE_SCREENING")
    assert one.state == "PRE_SCREENING"
    assert "request" in one.facts
    assert "request" not in after(leg(), "ApplicationSubmitted").facts


def test_a_trusted_holder_assesses_between_pre_screening_and_processing() -> None:
    road = ("ApplicationSubmitted", "ApplicationAck", "StatusUpdate:PRE_SCREENING")
    one = after(leg(), *road, "NationalStep:FORWARDED_TO_TRUSTED_HOLDER")
    assert (one.state, LEG.status("d6.4-v0.5", one.state)) == ("AT_TDH", "PROCESSING")
    assert after(one, "NationalStep:ASSESSED_BY_TRUSTED_HOLDER").state == "PROCESSING"


@pytest.mark.parametrize("track", ["ACCELERATED", "STANDARD"])
def test_the_track_is_the_same_once_the_period_was_extended(track: str) -> None:
    one = leg("PROCESSING", facts={"complete": "x", "extended": "x"})
    assert refusal(one, f"NationalStep:TRACK:{track}").code == "guard-unmet"


#: What the forms say in turn, and the body where it says something; and the facts of the track that are then recorded.
TRACKS: list[tuple[list[bool | str], set[str]]] = [
    ([True], {"accelerated"}),
    ([False], set()),
    ([True, False], set()),
    ([False, True], {"accelerated"}),
    ([True, "STANDARD"], {"track_said"}),
    ([True, "STANDARD", True], {"track_said"}),
    ([False, "ACCELERATED", False], {"accelerated", "track_said"}),
    ([False, "ACCELERATED", "STANDARD"], {"track_said"}),
]


@pytest.mark.parametrize(("said", "recorded"), TRACKS)
def test_the_track_is_that_of_the_newest_form_until_the_body_says_which_it_is(
    said: list[bool | str], recorded: set[str]
) -> None:
    one = leg()
    for word in said:
        kind = "ApplicationSubmitted" if one.state == NONE else "ApplicationAmended"
        what = event(f"NationalStep:TRACK:{word}") if isinstance(word, str) else Event(kind, accelerated=word)
        one = advance(one, what, lifecycle=LEG, national=None, at=AT).leg
    assert set(one.facts) & {"accelerated", "track_said"} == recorded


def test_a_form_that_is_changed_after_it_was_complete_changes_no_track() -> None:
    one = leg("PROCESSING", facts={"complete": "x"})
    changed = advance(one, Event("ApplicationAmended", accelerated=True), lifecycle=LEG, national=None, at=AT).leg
    assert "accelerated" not in changed.facts
