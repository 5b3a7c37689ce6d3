"""Mistakes that other nodes made with messages, by the number in the list of them: none is made here, each is found.

Every promise holds for our flow, and fails as soon as the mistake is planted in it.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.access_point.domibus_ws import DomibusSettings, DomibusWs, Header, Patience, requests
from adapters.backends.webhook import WebhookBackend, WebhookSettings
from adapters.store.sql import open_store
from broker.errors import ConfigurationError, Garbled, Unavailable
from broker.flow import answers, apply, fetch, read
from broker.flow.answers import Receipts, presume_failed
from broker.flow.fetch import Fetcher
from broker.flow.staff import sign_off
from broker.flow.views import case_view
from broker.model.exchanges import STEPS, WAITING_FOR_A_PERSON, Direction, Exchange, Outcome, State
from broker.ports import Part, UserMessage
from broker.settings import WorkSection, load_settings
from tests.support.flow_node import (
    CENTRAL_PARTY,
    EXAMPLE_ID,
    Flow,
    case_in,
    dossier,
    eu,
    eu_application,
    partial_grant,
)
from tests.support.mock_node import MockNode, mock_node

if TYPE_CHECKING:
    from broker.flow.passage import Passage
    from broker.ports import Delivery

ZIP: Final = "application/zip"
JSON: Final = "application/json"
MOCK_PARTY: Final = "hdeu:mock:ap:central"
TRIES_OF_THE_ACCESS_POINT: Final = 12
TESTS: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Stage:
    """A flow, and where its database and other data lie."""

    flow: Flow
    database: str
    folder: Path


@pytest.fixture
def stage(flow: Flow, sqlite_url: str, tmp_path: Path) -> Stage:
    return Stage(flow, sqlite_url, tmp_path)


class Killed(BaseException):
    """The process is gone: nothing in it may react to that."""


async def killed(*_: object, **__: object) -> None:
    raise Killed


@contextmanager
def dies_at(owner: object, name: str) -> Iterator[None]:
    """The process dies when it comes to this call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, killed)
        try:
            yield
        except Killed:
            return
    raise AssertionError(f"nothing was in hand when the process should have died at {name}")


@asynccontextmanager
async def restarted(stage: Stage) -> AsyncIterator[Flow]:
    """A process that has nothing of the one before but the database; all leases of that one have ended."""
    flow = stage.flow
    store = open_store(stage.database, clock=flow.clock)
    flow.clock.advance(flow.node.retry.lease + 1)
    try:
        yield replace(flow, store=store, node=replace(flow.node, store=store))
    finally:
        await store.close()


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


@dataclass
class Desk:
    """An office behind a real webhook: answers these statuses in turn (0: never), then 200."""

    planned: list[int]
    came: list[str] = field(default_factory=list)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.Response:
        self.came.append(request.headers["ce-id"])
        status = self.planned.pop(0) if self.planned else 200
        if not status:
            await self.closing.wait()
        return web.Response(status=status or 200)


async def handed_over(stage: Stage, desk: Desk, *, patience: float) -> tuple[Flow, Exchange]:
    """An application on its way to the desk, some time later."""
    app = web.Application()
    app.router.add_post("/", desk.answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        settings = WebhookSettings(str(server.make_url("/")), b"secret of the test", timeout=patience, tries=1)
        links = stage.flow.node.backends
        hook = WebhookBackend("hdh", settings, session=session, node="fr")
        node = replace(stage.flow.node, backends={**links, "hdh": replace(links["hdh"], backend=hook)})
        flow = replace(stage.flow, node=node)
        message_id = await flow.from_eu(eu_application(), ZIP)
        for _ in range(10):
            flow.clock.advance(60)
            await flow.run()
        desk.closing.set()
    return flow, await flow.exchange(message_id)


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


@asynccontextmanager
async def at_the_mock(flow: Flow, mock: MockNode) -> AsyncIterator[Flow]:
    """The flow with its real adapter, at the mock's access point."""
    nation = mock.settings.nations["fr"]
    url = f"{mock.base}/fr/domibus/services/wsplugin"
    header = Header(from_party="hdeu:mock:ap:fr", to_party=MOCK_PARTY)
    settings = DomibusSettings("ap-fr", url, nation.user, nation.password, header, patience=Patience(tries=1))
    adapter = DomibusWs(settings)
    wire = replace(flow.node.wire, party="hdeu:mock:ap:fr", central_party=MOCK_PARTY)
    try:
        yield replace(flow, node=replace(flow.node, access_point=adapter, wire=wire))
    finally:
        await adapter.close()


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
    assert await of_exchange(flow, after, "exchange.presumed_failed", "exchange.answered") == 2


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
        assert await of_exchange(flow, late, "exchange.parked") == 1
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
        case = await case_view(tx, sent.case_key)
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


def received(name: str, kind: str, data: bytes) -> UserMessage:
    return UserMessage(name, (Part("cid:message", kind, data),), from_party=CENTRAL_PARTY)


async def submitted(flow: Flow) -> Exchange:
    """An ApplicationAck on its way to the platform."""
    await case_in(flow, "RECEIVED")
    sent = await flow.exchange(await flow.from_office(dossier("ApplicationAck")))
    assert sent.state is State.SUBMITTED
    return sent


async def decided(flow: Flow) -> tuple[Exchange, Exchange]:
    """An ApplicationAck and the decision of its case, on their way to the platform. It owes the second an answer."""
    await case_in(flow, "READY_TO_DECIDE")
    message_id = await flow.from_office(partial_grant())
    await sign_off(flow.node, message_id, actor="tests", reason="example")
    await flow.run()
    [sent] = await flow.all(type="ApplicationAck")
    return sent, await flow.exchange(message_id)


def verdict(sent: Exchange, *, good: bool) -> bytes:
    error = None if good else [{"code": "bad-value", "message": "Unknown status", "path": "/content/status"}]
    content = {"originalMessageId": sent.wire_message_id, "validated": good, "error": error}
    return eu("ValidationResult", {**content, "applicationId": EXAMPLE_ID}, applicationId=EXAMPLE_ID)


async def silence(flow: Flow) -> None:
    flow.clock.advance(3 * 86_400)
    await presume_failed(flow.node)


async def of_exchange(flow: Flow, exchange: Exchange, *actions: str) -> int:
    """How many entries of the journal tell this of the exchange."""
    return len([entry for entry in await flow.journal() if entry.target == exchange.id and entry.action in actions])


# the mistakes


def fetching_takes_it_off_the_list(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    point = stage.flow.point
    keeping = point.retrieve

    async def consuming(message_id: str) -> UserMessage:
        message = await keeping(message_id)
        await point.mark_downloaded(message_id)
        return message

    patch.setattr(point, "retrieve", consuming)


def the_first_failure_ends_the_round(_: Stage, patch: pytest.MonkeyPatch) -> None:
    async def one_after_another(_: Fetcher, fetch_one: Callable[[str], Awaitable[bool]], ids: list[str]) -> int:
        for done, message_id in enumerate(ids):
            if not await fetch_one(message_id):
                return done
        return len(ids)

    patch.setattr(Fetcher, "_all", one_after_another)


def any_status_is_taken_for_success(_: Stage, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WebhookBackend, "_judge", lambda *_: None)


def any_2xx_is_taken_for_success(_: Stage, patch: pytest.MonkeyPatch) -> None:
    async def submit(self: DomibusWs, message: UserMessage) -> None:
        reply = await self._transport.post(requests.submit(message, self._settings.header, mtom=False))
        assert reply.status // 100 == 2

    patch.setattr(DomibusWs, "submit", submit)


def what_is_nobodys_is_dropped(_: Stage, patch: pytest.MonkeyPatch) -> None:
    def dropped(passage: Passage, reason: str, *_: Any) -> Passage:
        return replace(passage, recorded=reason)

    patch.setattr(apply, "_later_by_hand", dropped)


def presumed_is_final(_: Stage, patch: pytest.MonkeyPatch) -> None:
    patch.setitem(STEPS[Direction.OUTBOUND], State.PRESUMED_FAILED, ())


def the_last_word_wins(_: Stage, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(apply, "_against", lambda *_: "")


def a_failed_call_is_logged_and_forgotten(_: Stage, patch: pytest.MonkeyPatch) -> None:
    async def once(self: WebhookBackend, delivery: Delivery) -> bool:
        try:
            await self._post(delivery)
        except Unavailable:
            return False
        return True

    patch.setattr(WebhookBackend, "deliver", once)


def what_was_handed_to_the_access_point_is_believed_sent(_: Stage, patch: pytest.MonkeyPatch) -> None:
    async def deaf(*_: object) -> bool:
        return False

    patch.setattr(answers, "note_receipt", deaf)


def whoever_sent_it_is_believed(_: Stage, patch: pytest.MonkeyPatch) -> None:
    trusting = read._decode

    def decode(node: Any, passage: Passage) -> Any:
        message = passage.message
        headers = {**message.headers, "from_party": node.wire.central_party}
        return trusting(node, replace(passage, message=replace(message, headers=headers)))

    patch.setattr(read, "_decode", decode)


@dataclass(frozen=True)
class Promise:
    """What must hold, and the mistake that breaks it once it is planted."""

    number: int
    holds: Callable[[Stage], Awaitable[None]]
    mistake: Callable[[Stage, pytest.MonkeyPatch], None]


PROMISES: Final = (
    Promise(1, a_crash_between_receiving_and_handing_over_loses_nothing, fetching_takes_it_off_the_list),
    Promise(2, a_bad_message_is_set_aside_with_its_bytes_and_those_behind_it_pass, the_first_failure_ends_the_round),
    Promise(4, a_500_of_a_back_end_is_tried_again, any_status_is_taken_for_success),
    Promise(4, a_204_is_no_success_where_a_body_is_due, any_2xx_is_taken_for_success),
    Promise(5, what_concerns_no_catalogue_or_country_here_is_seen, what_is_nobodys_is_dropped),
    Promise(20, a_late_answer_overrules_a_presumed_failure, presumed_is_final),
    Promise(21, an_answer_to_a_settled_exchange_is_refused_and_journalled, the_last_word_wins),
    Promise(26, a_webhook_that_times_out_once_is_called_again_with_the_same_id, a_failed_call_is_logged_and_forgotten),
    Promise(
        30,
        what_the_access_point_gave_up_is_seen_in_its_case_within_a_minute,
        what_was_handed_to_the_access_point_is_believed_sent,
    ),
    Promise(31, a_production_node_believes_no_mock, whoever_sent_it_is_believed),
    Promise(34, a_yes_after_an_automatic_no_leaves_both_and_says_which_stands, the_last_word_wins),
)
each_promise = pytest.mark.parametrize("promise", PROMISES, ids=lambda one: f"{one.number}-{one.holds.__name__}")

#: Where running nodes show the same.
SHOWN_BY_RUNNING_NODES: Final = {
    1: (
        "integration/access_point/test_push_durability.py::test_what_was_answered_200_survives_sigkill_and_is_fetched_once",
        "integration/access_point/test_push_durability.py::test_a_whole_message_that_was_answered_200_survives_sigkill",
    ),
    2: (
        "integration/bad_input/test_bad_access_point.py::test_what_the_access_point_cannot_hand_out_readably_is_parked_with_its_bytes",
        "integration/bad_input/test_bad_eu.py::test_the_platform_hears_not_validated_with_the_reason",
    ),
    4: (
        "contract/test_access_point_operations.py::test_a_bad_answer_to_a_fetch_is_known_for_what_it_is_and_the_next_fetch_is_fine",
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
