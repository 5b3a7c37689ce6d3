"""What a body chooses for itself, seen at the node: which appeals it takes, and what a second question gives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from broker.flow.staff import retry
from broker.model.exchanges import State
from tests.support.flow_node import Flow, case_in, dossier, eu, eu_application, partial_grant

if TYPE_CHECKING:
    from broker.model.cases import RunningClock
    from broker.model.exchanges import Exchange

APPEAL = eu("AppealNotified")
DAY = 86_400
APPEALS, ANEW = "appeals:all", "completion:anew"


def choosing(flow: Flow, *policies: str) -> Flow:
    """The same node, where the French body chose these."""
    hdh = replace(flow.node.backends["hdh"], policies=frozenset(policies))
    return replace(flow, node=replace(flow.node, backends={**flow.node.backends, "hdh": hdh}))


async def decided(flow: Flow) -> None:
    await case_in(flow, "READY_TO_DECIDE")
    await flow.from_office(partial_grant())
    assert (await flow.leg()).state == "POSITIVE_DECISION_ISSUED"


async def appealed(flow: Flow) -> Exchange:
    [found] = await flow.exchanges(await flow.from_eu(APPEAL))
    return found


def outcome(status: str) -> bytes:
    """The office tells how the appeal ended."""
    return dossier("StatusUpdate", **{"Entete/evenement": "SUIVI", "Instruction/suivi/statut": status})


async def clock(flow: Flow, name: str) -> RunningClock:
    [case] = await flow.cases()
    async with flow.store.transaction() as tx:
        return [one for one in await tx.clocks(case.key) if one.clock == name and one.leg == "hdh"][-1]


async def test_an_appeal_against_what_was_granted_reaches_the_body_that_takes_such_appeals(flow: Flow) -> None:
    flow = choosing(flow, APPEALS)
    await decided(flow)
    exchange = await appealed(flow)
    assert (exchange.state, exchange.addressee, exchange.problems) == (State.ACKNOWLEDGED, "hdh", ())
    assert (await flow.leg()).state == "POSITIVE_DECISION_APPEALED"
    assert (await clock(flow, "APPLICANT_28D")).state == "stopped"
    [answer] = flow.told_central("ValidationResult")[-1:]
    assert answer["content"]["validated"] is True
    await flow.from_office(dossier("AppealAck"))
    assert len(flow.told_central("AppealAck")) == 1


@pytest.mark.parametrize(
    ("status", "told", "state"),
    [
        ("RECOURS_ADMIS", "APPEAL_APPROVED", "PROCESSING"),
        ("RECOURS_REJETE", "APPEAL_REJECTED", "POSITIVE_DECISION_ISSUED"),
    ],
)
async def test_how_the_appeal_ends_is_told_as_the_body_says_it(flow: Flow, status: str, told: str, state: str) -> None:
    flow = choosing(flow, APPEALS)
    await decided(flow)
    await appealed(flow)
    exchange = await flow.exchange(await flow.from_office(outcome(status)))
    assert exchange.state is State.SUBMITTED, exchange
    assert flow.told_central("StatusUpdate")[-1]["content"]["status"] == told
    assert (await flow.leg()).state == state
    assert (await clock(flow, "APPLICANT_28D")).state == ("running" if state.startswith("POSITIVE") else "stopped")


async def test_an_appeal_outside_the_policy_waits_for_a_person_and_goes_on_when_the_policy_is_changed(
    flow: Flow,
) -> None:
    await decided(flow)
    exchange = await appealed(flow)
    assert (exchange.state, exchange.problems[0]["code"]) == (State.PARKED, "outside-policy")
    assert "backends.hdh.appeals = negative" in exchange.reason
    assert 'set backends.hdh.appeals = "all"' in exchange.problems[0]["hint"]
    assert flow.told_central("ValidationResult")[-1]["content"]["validated"] is True
    assert (await flow.leg()).state == "POSITIVE_DECISION_ISSUED"
    refused = await flow.exchange(await flow.from_office(dossier("AppealAck")))
    assert (refused.state, refused.problems[0]["code"]) == (State.REFUSED, "illegal-step")

    wide = choosing(flow, APPEALS)
    await retry(wide.node, exchange.message_id, actor="tests")
    await wide.run()
    assert [one.state for one in await wide.exchanges(exchange.message_id)] == [State.ACKNOWLEDGED]
    assert (await wide.leg()).state == "POSITIVE_DECISION_APPEALED"


@pytest.mark.parametrize("policy", ["appeals:negative", APPEALS])
async def test_an_appeal_before_any_decision_waits_for_a_person(flow: Flow, policy: str) -> None:
    flow = choosing(flow, policy)
    await case_in(flow, "PROCESSING")
    exchange = await appealed(flow)
    assert (exchange.state, exchange.problems[0]["code"]) == (State.PARKED, "illegal-step")


async def test_a_second_appeal_waits_for_a_person(flow: Flow) -> None:
    flow = choosing(flow, APPEALS)
    await decided(flow)
    await appealed(flow)
    again = await appealed(flow)
    assert (again.state, again.problems[0]["code"]) == (State.PARKED, "illegal-step")
    assert (await flow.leg()).state == "POSITIVE_DECISION_APPEALED"


async def test_an_appeal_after_twenty_eight_days_is_handed_on_with_a_word_about_it(flow: Flow) -> None:
    """Silence decides nothing, and 28 days are guidance: the body says whether it comes too late."""
    flow = choosing(flow, APPEALS)
    await decided(flow)
    last = (await clock(flow, "APPLICANT_28D")).due_on
    flow.clock.advance(40 * DAY)
    exchange = await appealed(flow)
    assert exchange.state is State.ACKNOWLEDGED
    [problem] = exchange.problems
    assert (problem["code"], problem["value"]) == ("period-over", last)
    assert "national law" in problem["hint"]


async def in_pre_screening(flow: Flow) -> None:
    await case_in(flow, "PRE_SCREENING")


async def ask(flow: Flow) -> Exchange:
    return await flow.exchange(await flow.from_office(dossier("AdditionalInfoRequest")))


async def answer(flow: Flow, version: int) -> None:
    exchanges = await flow.exchanges(
        await flow.from_eu(eu_application("AdditionalInformation", version=version), "application/zip")
    )
    assert all(one.state is State.ACKNOWLEDGED for one in exchanges), exchanges


@pytest.mark.parametrize(("policy", "same"), [("completion:one-window", True), (ANEW, False)])
async def test_a_second_question_shows_staff_the_day_that_holds(flow: Flow, policy: str, *, same: bool) -> None:
    flow = choosing(flow, policy)
    await in_pre_screening(flow)
    await ask(flow)
    first = await clock(flow, "COMPLETE_4W")
    flow.clock.advance(10 * DAY)
    await answer(flow, 2)
    assert (await clock(flow, "COMPLETE_4W")).state == "stopped"
    exchange = await ask(flow)
    second = await clock(flow, "COMPLETE_4W")
    assert (second.state, second.due_on == first.due_on) == ("running", same)
    assert (exchange.state, exchange.problems) == (State.SUBMITTED, ())


async def test_a_second_question_after_the_last_day_is_sent_with_a_word_about_it(flow: Flow) -> None:
    await in_pre_screening(flow)
    await ask(flow)
    last = (await clock(flow, "COMPLETE_4W")).due_on
    flow.clock.advance(20 * DAY)
    await answer(flow, 2)
    flow.clock.advance(20 * DAY)
    exchange = await ask(flow)
    assert (exchange.state, (await flow.leg()).state) == (State.SUBMITTED, "AWAITING_INFO")
    [problem] = exchange.problems
    assert (problem["code"], problem["value"], problem["rule"]) == ("period-over", last, "Art. 68(4)")
    assert (await clock(flow, "COMPLETE_4W")).due_on == last


async def test_an_answer_after_the_last_day_is_handed_on_with_a_word_about_it(flow: Flow) -> None:
    await in_pre_screening(flow)
    await ask(flow)
    flow.clock.advance(40 * DAY)
    message_id = await flow.from_eu(eu_application("AdditionalInformation", version=2), "application/zip")
    exchange = next(one for one in await flow.exchanges(message_id) if one.addressee == "hdh")
    assert exchange.state is State.ACKNOWLEDGED
    assert "period-over" in {problem["code"] for problem in exchange.problems}
