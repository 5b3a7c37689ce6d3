"""Mistakes that other nodes made with messages, by the number in the list of them: none is made here, each is found.

Every promise holds for our flow, and fails as soon as the mistake is planted in it.
"""

from __future__ import annotations

import ast
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from broker.errors import ConfigurationError, Garbled
from broker.flow import fetch
from broker.flow.answers import Receipts
from broker.flow.case_views import case_view
from broker.model.exchanges import WAITING_FOR_A_PERSON, Exchange, Outcome, State
from broker.settings import WorkSection, load_settings
from tests.support import flow_mistakes
from tests.support.flow_node import Flow, case_in, dossier, eu, eu_application
from tests.support.flow_troubles import (
    MOCK_PARTY,
    ZIP,
    Desk,
    Stage,
    at_the_mock,
    decided,
    dies_at,
    fetched,
    handed_over,
    received,
    restarted,
    silence,
    submitted,
    told_of,
    verdict,
)
from tests.support.mock_node import mock_node

JSON: Final = "application/json"
TRIES_OF_THE_ACCESS_POINT: Final = 12
TESTS: Final = Path(__file__).parents[2]


@pytest.fixture
def stage(flow: Flow, sqlite_url: str, tmp_path: Path) -> Stage:
    return Stage(flow, sqlite_url, tmp_path)


async def a_crash_between_receiving_and_handing_over_loses_nothing(stage: Stage) -> None:
    around = stage.flow
    around.point.inbox["app"] = received("app", ZIP, eu_application())
    for owner, name in ((fetch, "keep"), (around.point, "mark_downloaded"), (around.hdh, "deliver")):
        async with restarted(stage) as flow:
            with dies_at(owner, name):
                await flow.fetcher().drain()
                await flow.run()
    async with restarted(stage) as flow:
        await flow.fetcher().drain()
        await flow.run()
        [taken] = around.hdh.of("ApplicationSubmitted")
        assert [one.id for one in await flow.all(type="ApplicationSubmitted")] == [taken.id]
        assert around.point.marked == ["app"]
        assert len(around.told_central("ValidationResult")) == 1


async def a_bad_message_is_set_aside_with_its_bytes_and_those_behind_it_pass(stage: Stage) -> None:
    flow = stage.flow
    flow.point.script["retrieve poison"].extend([Garbled("cut off")] * 3)
    for name, kind, data in (("poison", JSON, b""), ("rubbish", JSON, b"{"), ("good", ZIP, eu_application())):
        flow.point.inbox[name] = received(name, kind, data)
    fetcher = flow.fetcher()
    for _ in range(3):
        await fetcher.drain()
        await flow.run()
        flow.clock.advance(100)
    assert len(flow.hdh.of("ApplicationSubmitted")) == 1
    for state, code, data in (
        (State.PARKED, "unreadable-answer", b"what came of poison"),
        (State.REFUSED, "not-json", b"{"),
    ):
        [bad] = await flow.all(states=(state,))
        assert [problem["code"] for problem in bad.problems] == [code]
        assert await flow.bytes(bad.message_id) == data


async def a_500_of_a_back_end_is_tried_again(stage: Stage) -> None:
    desk = Desk([500, 500])
    flow, exchange = await handed_over(stage, desk, patience=20)
    assert exchange.state is State.ACKNOWLEDGED
    assert desk.came == [exchange.id] * 3
    assert [attempt.outcome for attempt in await flow.attempts(exchange.id)] == ["later", "later", "acknowledged"]


async def a_webhook_that_times_out_once_is_called_again_with_the_same_id(stage: Stage) -> None:
    desk = Desk([0])
    flow, exchange = await handed_over(stage, desk, patience=0.5)
    assert exchange.state is State.ACKNOWLEDGED
    assert set(desk.came) == {exchange.id}
    first, *_, last = await flow.attempts(exchange.id)
    assert ("TimeoutError" in first.detail, last.outcome) == (True, "acknowledged")


async def a_204_is_no_success_where_a_body_is_due(stage: Stage) -> None:
    await case_in(stage.flow, "RECEIVED")
    async with mock_node(stage.folder / "mock") as mock, at_the_mock(stage.flow, mock) as flow:
        fault = await mock.arm("http-204", nation="fr", type="submitMessage", nth=1)
        sent = await flow.exchange(await flow.from_office(dossier("ApplicationAck")))
        assert await mock.fired(fault) == 1
        assert sent.submitted_at is None
        [work] = await flow.work(sent.id)
        assert work.next_attempt_at > flow.clock.now()
        flow.clock.at = work.next_attempt_at
        await flow.run()
        assert (await flow.exchange(sent.message_id)).state is State.SUBMITTED
        assert await mock.nation("fr").status(sent.wire_message_id) != "NOT_FOUND"


async def what_concerns_no_catalogue_or_country_here_is_seen(stage: Stage) -> None:
    nobody = {name: replace(link, default=False) for name, link in stage.flow.node.backends.items()}
    flow = replace(stage.flow, node=replace(stage.flow.node, backends=nobody))
    for number, message in enumerate((eu_application(), eu("PeerStatus", applicationId="never-heard-of"))):
        message_id = await flow.from_eu(message, (ZIP, JSON)[number])
        flow.clock.advance(2 * flow.node.hold_seconds)
        await flow.run()
        exchange = await flow.exchange(message_id)
        assert exchange.state in WAITING_FOR_A_PERSON, exchange
        assert exchange.reason
        assert await flow.bytes(message_id) == message
        assert exchange.id in {entry.target for entry in await flow.journal("exchange.parked")}


async def a_late_answer_overrules_a_presumed_failure(stage: Stage) -> None:
    flow = stage.flow
    sent = await submitted(flow)
    await silence(flow)
    assert (await flow.exchange(sent.message_id)).state is State.PRESUMED_FAILED
    flow.clock.advance(3600)
    await flow.from_eu(verdict(sent, good=True))
    after = await flow.exchange(sent.message_id)
    assert (after.state, after.outcome, after.validation_at) == (State.ENDED, Outcome.ACCEPTED, flow.clock.now())
    assert await told_of(flow, after, "exchange.presumed_failed", "exchange.answered") == 2


async def an_answer_of_the_mock_that_is_fetched_after_a_presumed_failure_counts(stage: Stage) -> None:
    """The clock is that of the flow: days go by while the platform's answer waits to be fetched."""
    async with mock_node(stage.folder / "mock") as mock, at_the_mock(stage.flow, mock) as flow:
        application = await mock.file()
        await fetched(flow, mock)
        changes = {"Entete/identifiantEU": application, "Demande/referenceEU": application}
        sent = await flow.exchange(await flow.from_office(dossier("ApplicationAck", **changes)))
        assert sent.state is State.SUBMITTED, sent
        await silence(flow)
        assert (await flow.exchange(sent.message_id)).state is State.PRESUMED_FAILED
        await fetched(flow, mock)
        after = await flow.exchange(sent.message_id)
        assert (after.state, after.outcome) == (State.ENDED, Outcome.ACCEPTED)
        assert (await mock.leg(application, "fr"))["ack"]


async def an_answer_to_a_settled_exchange_is_refused_and_journalled(stage: Stage) -> None:
    """Word for a person: after a yes, and after an answer that settled it without a verdict."""
    flow = stage.flow
    sent, decision = await decided(flow)
    await flow.from_eu(verdict(sent, good=True))
    await flow.from_eu(eu("DecisionAck", inReplyTo=decision.wire_message_id, originalMessageId=None))
    for one in (sent, decision):
        settled = await flow.exchange(one.message_id)
        assert (settled.state, settled.outcome) == (State.ENDED, Outcome.ACCEPTED)
        late = await flow.exchange(await flow.from_eu(verdict(one, good=False)))
        assert late.state is State.PARKED, late
        assert "not-validated" in late.reason
        assert await told_of(flow, late, "exchange.parked") == 1
        assert await flow.exchange(one.message_id) == settled


async def a_yes_after_an_automatic_no_leaves_both_and_says_which_stands(stage: Stage) -> None:
    flow = stage.flow
    sent, decision = await decided(flow)
    acknowledged = eu("DecisionAck", inReplyTo=decision.wire_message_id, originalMessageId=None)
    for one, yes in ((sent, verdict(sent, good=True)), (decision, acknowledged)):
        await flow.from_eu(verdict(one, good=False))
        flow.clock.advance(60)
        late = await flow.exchange(await flow.from_eu(yes))
        after = await flow.exchange(one.message_id)
        assert (after.outcome, after.validation, after.answer) == (Outcome.REJECTED, "not-validated", "")
        assert (late.state, await flow.bytes(late.message_id)) == (State.PARKED, yes)
        assert "a message that was" in late.reason
        assert late.reason.endswith("not-validated")


async def what_the_access_point_gave_up_is_seen_in_its_case_within_a_minute(stage: Stage) -> None:
    flow = stage.flow
    sent = await submitted(flow)
    receipts = Receipts(flow.node, flow.point)
    for status in (*["WAITING_FOR_RETRY"] * TRIES_OF_THE_ACCESS_POINT, "SEND_FAILURE"):
        assert await seen_in_its_case(flow, sent) == State.SUBMITTED
        flow.point.statuses[sent.wire_message_id] = status
        await receipts.watch()
    assert await seen_in_its_case(flow, sent) == State.SEND_FAILED
    assert State.SEND_FAILED in WAITING_FOR_A_PERSON
    assert WorkSection().receipts < 60


async def seen_in_its_case(flow: Flow, sent: Exchange) -> str:
    async with flow.store.transaction() as tx:
        case = await case_view(tx, sent.case_key, flow.clock.now().date())
    [state] = [row["state"] for row in case["messages"] if row["id"] == sent.message_id]
    return str(state)


async def a_production_node_believes_no_mock(stage: Stage) -> None:
    """It does not start with the mock as its network; and takes nothing of the mock, wherever that is reached."""
    flow = stage.flow
    for name in (MOCK_PARTY, MOCK_PARTY.upper()):
        for key in ("PARTY", "CENTRAL_PARTY"):
            with pytest.MonkeyPatch.context() as patch:
                patch.delenv("HDEU_CONFIG", raising=False)
                patch.setenv("HDEU_ENVIRONMENT", "production")
                patch.setenv(f"HDEU_ACCESS_POINT__{key}", name)
                assert "mock EU node" in refusal_of_settings()
    sent = await submitted(flow)
    before = len(flow.point.sent)
    for data, kind in ((verdict(sent, good=True), JSON), (eu_application(applicationId="mock-1"), ZIP)):
        exchange = await flow.exchange(await flow.from_eu(data, kind, from_party=MOCK_PARTY))
        assert exchange.state is State.PARKED
        assert MOCK_PARTY in exchange.reason
    assert (await flow.exchange(sent.message_id)).state is State.SUBMITTED
    assert (len(flow.point.sent), len(await flow.cases())) == (before, 1)


def refusal_of_settings() -> str:
    try:
        load_settings()
    except ConfigurationError as refused:
        return str(refused)
    return ""


@dataclass(frozen=True)
class Promise:
    """What must hold, and the mistake that breaks it once it is planted."""

    number: int
    holds: Callable[[Stage], Awaitable[None]]
    mistake: Callable[[Stage, pytest.MonkeyPatch], None]


PROMISES: Final = (
    Promise(1, a_crash_between_receiving_and_handing_over_loses_nothing, flow_mistakes.fetching_takes_it_off_the_list),
    Promise(
        2,
        a_bad_message_is_set_aside_with_its_bytes_and_those_behind_it_pass,
        flow_mistakes.the_first_failure_ends_the_round,
    ),
    Promise(4, a_500_of_a_back_end_is_tried_again, flow_mistakes.any_status_is_taken_for_success),
    Promise(4, a_204_is_no_success_where_a_body_is_due, flow_mistakes.any_2xx_is_taken_for_success),
    Promise(5, what_concerns_no_catalogue_or_country_here_is_seen, flow_mistakes.what_is_nobodys_is_dropped),
    Promise(20, a_late_answer_overrules_a_presumed_failure, flow_mistakes.presumed_is_final),
    Promise(20, an_answer_of_the_mock_that_is_fetched_after_a_presumed_failure_counts, flow_mistakes.presumed_is_final),
    Promise(21, an_answer_to_a_settled_exchange_is_refused_and_journalled, flow_mistakes.the_last_word_wins),
    Promise(
        26,
        a_webhook_that_times_out_once_is_called_again_with_the_same_id,
        flow_mistakes.a_failed_call_is_logged_and_forgotten,
    ),
    Promise(
        30,
        what_the_access_point_gave_up_is_seen_in_its_case_within_a_minute,
        flow_mistakes.what_was_handed_to_the_access_point_is_believed_sent,
    ),
    Promise(31, a_production_node_believes_no_mock, flow_mistakes.whoever_sent_it_is_believed),
    Promise(34, a_yes_after_an_automatic_no_leaves_both_and_says_which_stands, flow_mistakes.the_last_word_wins),
)
each_promise = pytest.mark.parametrize("promise", PROMISES, ids=lambda one: f"{one.number}-{one.holds.__name__}")

#: Where running nodes show the same.
SHOWN_BY_RUNNING_NODES: Final = {
    1: (
        "integration/access_point/test_push_durability.py::test_what_was_answered_200_survives_sigkill_and_is_fetched_once",
        "integration/access_point/test_push_durability.py::test_a_whole_message_that_was_answered_200_survives_sigkill",
    ),
    2: (
        "integration/bad_input/test_bad_access_point.py::test_what_the_access_point_hands_out_unreadably_is_parked_under_its_own_code_and_holds_up_nothing",
        "integration/bad_input/test_bad_eu.py::test_the_platform_hears_not_validated_with_the_reason",
    ),
    4: (
        "contract/test_access_point.py::test_a_bad_answer_to_a_fetch_is_known_for_what_it_is_and_the_next_fetch_is_fine",
    ),
    21: (
        "integration/bad_input/test_bad_access_point.py::test_a_second_answer_that_says_the_opposite_waits_for_a_person",
    ),
    26: ("integration/test_webhook.py::test_a_passing_failure_is_tried_again_with_the_same_id",),
    30: ("contract/test_access_point_operations.py::test_what_was_given_up_has_errors_and_is_restored",),
}


@each_promise
async def test_a_mistake_of_others_is_not_made_here(promise: Promise, stage: Stage) -> None:
    await promise.holds(stage)


@each_promise
async def test_the_mistake_would_be_found(promise: Promise, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    promise.mistake(stage, monkeypatch)
    with pytest.raises(AssertionError):
        await promise.holds(stage)


@pytest.mark.parametrize("name", [name for names in SHOWN_BY_RUNNING_NODES.values() for name in names])
def test_what_is_shown_elsewhere_is_shown_there(name: str) -> None:
    path, _, function = name.partition("::")
    found = ast.parse((TESTS / path).read_text("utf-8")).body
    assert function in {one.name for one in found if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
