"""Which decisions are appealed is for national law: a policy of each body (D6.4 §10: refusals; D6.3 §7.10: all)."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import Problem, Refused
from broker.model.cases import Leg
from broker.model.lifecycle import POLICIES, Event, advance, read_lifecycle
from broker.settings import BackendSection

FOLDER = Path(__file__).parents[3] / "schemas" / "lifecycles"
LEG = read_lifecycle(tomllib.loads((FOLDER / "leg.toml").read_text("utf-8")))
AT = datetime(2029, 3, 2, 9, tzinfo=UTC)
NARROW, WIDE = POLICIES, frozenset({"appeals:all", "completion:one-window"})
FEES = {"fees_notified": "x"}


def leg(state: str, **facts: str) -> Leg:
    return Leg("case-1", "hdh", state, AT, AT, facts=dict(facts))


def after(one: Leg, *names: str, policies: frozenset[str] = WIDE) -> Leg:
    for name in names:
        kind, _, variant = name.partition(":")
        one = advance(one, Event(kind, variant), lifecycle=LEG, national=None, at=AT, policies=policies).leg
    return one


def refusal(one: Leg, *names: str, policies: frozenset[str] = WIDE) -> Problem:
    with pytest.raises(Refused) as refused:
        after(one, *names, policies=policies)
    [problem] = refused.value.problems
    return problem


#: What is appealed, the state then, where it goes if the appeal succeeds, and if it fails.
APPEALS = [
    ("NEGATIVE_DECISION_ISSUED", "NEGATIVE_DECISION_APPEALED", "PROCESSING", "APPEAL_REJECTED"),
    ("POSITIVE_DECISION_ISSUED", "POSITIVE_DECISION_APPEALED", "PROCESSING", "POSITIVE_DECISION_ISSUED"),
    ("POSITIVE_DECISION_ACCEPTED", "ACCEPTED_DECISION_APPEALED", "PROCESSING", "POSITIVE_DECISION_ACCEPTED"),
    ("GRANTED", "PERMIT_APPEALED", "GRANTED", "GRANTED"),
]
NOT_NEGATIVE = [row[0] for row in APPEALS[1:]]


@pytest.mark.parametrize(("state", "appealed", "approved", "rejected"), APPEALS)
def test_with_the_wide_scope_every_decision_is_appealed_acknowledged_and_settled(
    state: str, appealed: str, approved: str, rejected: str
) -> None:
    one = after(leg(state), "AppealNotified", "AppealAck")
    assert one.state == appealed
    assert after(one, "StatusUpdate:APPEAL_APPROVED").state == approved
    assert after(one, "StatusUpdate:APPEAL_REJECTED").state == rejected


@pytest.mark.parametrize("state", NOT_NEGATIVE)
def test_with_the_narrow_scope_the_policy_is_named_and_what_to_do(state: str) -> None:
    problem = refusal(leg(state), "AppealNotified", policies=NARROW)
    assert (problem.code, problem.value) == ("outside-policy", state)
    assert "backends.hdh.appeals = negative" in problem.detail
    assert 'backends.hdh.appeals = "all"' in problem.hint
    assert "D6.3 §7.10" in problem.rule


def test_a_refusal_is_appealed_with_either_scope() -> None:
    for policies in (NARROW, WIDE):
        assert after(leg("NEGATIVE_DECISION_ISSUED"), "AppealNotified", policies=policies).state == APPEALS[0][1]


@pytest.mark.parametrize("state", ["RECEIVED", "PRE_SCREENING", "AWAITING_INFO", "PROCESSING", "WITHDRAWN"])
@pytest.mark.parametrize("policies", [NARROW, WIDE])
def test_nothing_is_appealed_before_it_is_decided(state: str, policies: frozenset[str]) -> None:
    assert refusal(leg(state), "AppealNotified", policies=policies).code == "illegal-step"


@pytest.mark.parametrize(("state", "_appealed", "_approved", "rejected"), APPEALS[1:])
def test_one_decision_is_appealed_once(state: str, _appealed: str, _approved: str, rejected: str) -> None:
    """While the appeal is pending, and after it failed."""
    one = after(leg(state), "AppealNotified")
    assert refusal(one, "AppealNotified").code == "illegal-step"
    settled = after(one, "StatusUpdate:APPEAL_REJECTED")
    assert settled.state == rejected
    assert refusal(settled, "AppealNotified").code == "guard-unmet"


@pytest.mark.parametrize("group", ["positive", "negative"])
def test_a_decision_that_is_made_again_can_be_appealed_again(group: str) -> None:
    one = leg("POSITIVE_DECISION_ISSUED", **FEES)
    again = after(one, "AppealNotified", "StatusUpdate:APPEAL_APPROVED", f"DecisionIssued:{group}")
    assert after(again, "AppealNotified").state.endswith("DECISION_APPEALED")


@pytest.mark.parametrize("state", [row[1] for row in APPEALS])
@pytest.mark.parametrize("release", ["d6.4-v0.4", "d6.4-v0.5"])
def test_an_appeal_is_never_told_as_more_than_it_is(state: str, release: str) -> None:
    """v0.5 knows the appeal against a refusal alone; any other decision is told as it was until another is made."""
    told = LEG.status(release, state)
    assert ("APPEALED" in told) == (release == "d6.4-v0.5" and state == "NEGATIVE_DECISION_APPEALED")
    assert ("NEGATIVE" in told) <= ("NEGATIVE" in state)
    assert told in {"DECISION_ISSUED", "NEGATIVE_DECISION_APPEALED", "POSITIVE_DECISION_ISSUED"} | {
        "POSITIVE_DECISION_ACCEPTED"
    }


def test_a_permit_under_appeal_goes_on_living() -> None:
    """Whether an appeal suspends is national law; the broker holds nothing back."""
    one = after(leg("GRANTED"), "AppealNotified")
    for name in (
        "PersonsUpdate",
        "AmendmentRequest",
        "ExtensionRequest",
        "PermitStatusChange:AMENDED",
        "NationalStep:X",
    ):
        assert after(one, name).state == "PERMIT_APPEALED", name


def test_what_is_under_appeal_and_not_yet_a_permit_can_be_withdrawn() -> None:
    for state in ("NEGATIVE_DECISION_APPEALED", "POSITIVE_DECISION_APPEALED", "ACCEPTED_DECISION_APPEALED"):
        assert after(leg(state), "ApplicationWithdrawn").state == "WITHDRAWN"


EVENTS = sorted({step.on for step in LEG.steps})


@given(st.lists(st.sampled_from(EVENTS), max_size=40))
def test_the_narrow_scope_is_the_wide_one_without_some_steps(names: list[str]) -> None:
    """Whatever a body of the narrow scope may do, one of the wide scope may do, and it comes to the same."""
    one = leg("NONE")
    for name in names:
        try:
            narrow = after(one, name, policies=NARROW)
        except Refused:
            continue
        assert after(one, name, policies=WIDE) == narrow
        one = narrow
        assert one.state not in {row[1] for row in APPEALS[1:]}


def test_the_settings_offer_what_the_table_and_the_clocks_speak_of() -> None:
    clocks = tomllib.loads((FOLDER / "clocks.toml").read_text("utf-8"))["clock"]
    named = {step.policy for step in LEG.steps} | {
        clock.get(key, "") for clock in clocks for key in ("continues", "restarts")
    }
    named |= {policy for clock in clocks for policy in clock.get("anchors", ())}
    names = ("appeals", "completion", "anchor", "suspension")
    fields: dict[str, Any] = {name: BackendSection.model_fields[name] for name in names}
    offered = {f"{name}:{value}" for name, field in fields.items() for value in get_args(field.annotation)}
    assert named - {""} <= offered
    assert frozenset(f"{name}:{field.default}" for name, field in fields.items()) == POLICIES


def test_a_national_chain_is_not_asked_where_the_policy_says_no() -> None:
    one = replace(leg("GRANTED"), national_state="CONVENTION_SIGNEE")
    chain = read_lifecycle(tomllib.loads((FOLDER / "fr-hdh.toml").read_text("utf-8")))
    with pytest.raises(Refused, match="outside the policy"):
        advance(one, Event("AppealNotified"), lifecycle=LEG, national=chain, at=AT, policies=NARROW)
    wide = advance(one, Event("AppealNotified"), lifecycle=LEG, national=chain, at=AT, policies=WIDE).leg
    assert (wide.state, wide.national_state) == ("PERMIT_APPEALED", "CONVENTION_SIGNEE")
