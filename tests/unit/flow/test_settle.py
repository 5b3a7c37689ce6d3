"""What was put before a person of a message that is still awaited: since when, and how it settles itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from broker.errors import Garbled, NotFound, Unavailable
from broker.flow.close import close
from broker.flow.notified import notified
from broker.flow.settle import settled
from broker.flow.views import message_view, without_words
from broker.model.exchanges import State
from broker.ports import Notification, Part, Told, UserMessage
from broker.web.console import present
from broker.web.console.i18n import load_words
from tests.support.flow_node import CENTRAL_PARTY, Flow
from tests.support.samples import exchange as sample

if TYPE_CHECKING:
    from broker.flow.fetch import Fetcher
    from broker.model.exchanges import Exchange

CAME = "the message came after all"


def waiting(flow: Flow, message_id: str, data: bytes = b"{}") -> UserMessage:
    part = Part.of("cid:message", "application/json", data)
    flow.point.inbox[message_id] = UserMessage(message_id, (part,), from_party=CENTRAL_PARTY)
    return flow.point.inbox[message_id]


def fails(flow: Flow, error: Exception, message_id: str = "one") -> None:
    flow.point.script[f"retrieve {message_id}"].extend([error] * 10_000)


def mended(flow: Flow, message_id: str = "one") -> None:
    flow.point.script[f"retrieve {message_id}"].clear()


async def for_minutes(flow: Flow, fetcher: Fetcher, minutes: int) -> None:
    for _ in range(minutes):
        await fetcher.drain()
        flow.clock.advance(60)


async def parked(flow: Flow) -> list[str]:
    return [exchange.problems[0]["code"] for exchange in await flow.all(states=("PARKED",))]


def restarted(flow: Flow, *, poll: bool = True) -> Fetcher:
    """The fetcher of a new process: nothing of the old one's memory is left."""
    fetcher = flow.fetcher()
    fetcher.poll = poll
    return fetcher


@pytest.mark.parametrize("poll", [True, False])
async def test_a_node_that_is_restarted_every_50_minutes_tells_a_person_after_the_hour(
    flow: Flow, *, poll: bool
) -> None:
    waiting(flow, "one")
    fails(flow, Unavailable("a lock"))
    if not poll:
        await notified(flow.node, "ap-fr", Notification(Told.RECEIVED, ("one",)))
    await for_minutes(flow, restarted(flow, poll=poll), 50)
    assert await parked(flow) == []
    await for_minutes(flow, restarted(flow, poll=poll), 50)
    assert await parked(flow) == ["message-unavailable"]
    await for_minutes(flow, restarted(flow, poll=poll), 50)
    assert await parked(flow) == ["message-unavailable"]


async def test_the_first_failure_is_written_once_and_names_what_it_was(flow: Flow) -> None:
    waiting(flow, "one")
    fails(flow, Unavailable("a lock"))
    begun = flow.clock.now()
    for _ in range(3):
        await for_minutes(flow, restarted(flow), 10)
    [first] = await flow.attempts("ap-fr|one")
    assert (first.step, first.started_at, first.outcome, first.error_code) == ("fetch", begun, "later", "unavailable")


async def test_what_failed_before_a_message_was_kept_does_not_count_for_marking_it(flow: Flow) -> None:
    waiting(flow, "one")
    fails(flow, Unavailable("a lock"))
    await for_minutes(flow, restarted(flow), 50)
    mended(flow)
    flow.point.script["mark"].extend([Unavailable("away")] * 10_000)
    await for_minutes(flow, restarted(flow), 50)
    assert await parked(flow) == []
    await for_minutes(flow, restarted(flow), 50)
    assert await parked(flow) == ["message-unavailable"], "an hour after marking began to fail"


async def test_while_the_store_is_away_the_fetcher_goes_on_and_writes_it_later(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(flow, "one")
    fails(flow, Unavailable("a lock"))
    fetcher = restarted(flow)

    async def away(*_: object) -> None:
        raise Unavailable("the store is away")

    with monkeypatch.context() as patched:
        patched.setattr("broker.flow.fetch.failing_since", away)
        assert await fetcher.drain() == 0
    assert await flow.attempts("ap-fr|one") == ()
    flow.clock.advance(60)
    await fetcher.drain()
    assert len(await flow.attempts("ap-fr|one")) == 1


async def unreadable(flow: Flow) -> Exchange:
    waiting(flow, "one")
    fails(flow, Garbled("not base64"))
    await for_minutes(flow, restarted(flow), 10)
    [exchange] = await flow.all(states=("PARKED",))
    mended(flow)
    return exchange


async def lost(flow: Flow) -> Exchange:
    message = waiting(flow, "one")
    await notified(flow.node, "ap-fr", Notification(Told.RECEIVED, ("one",)))
    fails(flow, NotFound("not there"))
    await for_minutes(flow, restarted(flow, poll=False), 30)
    [exchange] = await flow.all(states=("PARKED",))
    assert exchange.problems[0]["code"] == "message-gone"
    mended(flow)
    flow.point.inbox["one"] = message
    return exchange


async def deleted(flow: Flow) -> Exchange:
    waiting(flow, "one")
    await notified(flow.node, "ap-fr", Notification(Told.DELETED, ("one",)))
    [exchange] = await flow.all(states=("PARKED",))
    return exchange


PUT_BEFORE = {"an answer that cannot be read": unreadable, "a message that is gone": lost, "a deleted one": deleted}


@pytest.mark.parametrize("name", PUT_BEFORE)
async def test_it_settles_itself_when_the_message_comes_after_all(flow: Flow, name: str) -> None:
    put = await PUT_BEFORE[name](flow)
    assert "this ends by itself" in put.problems[0]["hint"]
    await for_minutes(flow, restarted(flow), 24 * 60)
    assert flow.point.marked == ["one"]
    after = await flow.exchange(put.message_id)
    assert (after.state, after.reason) == (State.CANCELLED, CAME)
    [entry] = await flow.journal("exchange.settled")
    assert (entry.target, entry.outcome, entry.actor) == (put.id, "CANCELLED", f"node:{flow.node.name}")
    async with flow.store.transaction() as tx:
        assert await tx.content(entry.detail["reason_sha256"]) == CAME.encode()
    assert await flow.journal("exchange.closed") == []


async def test_it_settles_itself_when_the_message_is_pushed_whole(flow: Flow) -> None:
    put = await lost(flow)
    pushed = Notification(Told.MESSAGE, ("one",), message=flow.point.inbox["one"])
    await notified(flow.node, "ap-fr", pushed)
    await restarted(flow, poll=False).drain()
    assert (await flow.exchange(put.message_id)).reason == CAME


async def test_what_a_person_has_closed_stays_closed_by_her(flow: Flow) -> None:
    put = await unreadable(flow)
    await close(flow.node, put.message_id, actor="urn:example:staff", reason=CAME)
    await for_minutes(flow, restarted(flow), 60)
    assert flow.point.marked == ["one"]
    assert (await flow.exchange(put.message_id)).reason == f"closed: {CAME}"
    assert await flow.journal("exchange.settled") == []


async def test_of_another_message_nothing_settles(flow: Flow) -> None:
    put = await lost(flow)
    del flow.point.inbox["one"]
    waiting(flow, "one-more")
    await for_minutes(flow, restarted(flow), 60)
    assert flow.point.marked == ["one-more"]
    assert (await flow.exchange(put.message_id)).state is State.PARKED


@pytest.mark.parametrize(
    ("language", "name", "meaning", "event"),
    [
        ("en", "Settled", "It settled by itself: the message came after all.", "Settled by itself"),
        ("fr", "Réglé", "Réglé de lui-même : le message est finalement arrivé.", "Réglé de lui-même"),
    ],
)
async def test_the_console_says_that_it_settled_itself_and_not_that_a_person_ended_it(
    flow: Flow, language: str, name: str, meaning: str, event: str
) -> None:
    put = await unreadable(flow)
    await for_minutes(flow, restarted(flow), 60)
    async with flow.store.transaction() as tx:
        view = without_words(await message_view(tx, put.message_id))
    page = present.message_page(view, load_words()[language])
    assert (page["state"]["text"], page["state"]["tone"], page["meaning"]) == (name, "done", meaning)
    assert [exchange["meaning"] for exchange in page["exchanges"]] == [meaning]
    assert event in [row["what"] for row in page["timeline"]]
    assert view["settled"] == view["exchanges"][0]["settled"] == "came"


async def test_what_a_person_closed_is_shown_as_hers(flow: Flow) -> None:
    put = await unreadable(flow)
    await close(flow.node, put.message_id, actor="urn:example:staff", reason=CAME)
    async with flow.store.transaction() as tx:
        view = await message_view(tx, put.message_id)
    assert view["settled"] == ""
    assert present.message_page(view, load_words()["en"])["meaning"] == "A person ended this exchange."


async def test_an_hour_is_what_is_configured(flow: Flow) -> None:
    waiting(flow, "one")
    fails(flow, Unavailable("a lock"))
    short = timedelta(minutes=10)
    await for_minutes(flow, replace(restarted(flow), unavailable_after=short), 8)
    assert await parked(flow) == []
    await for_minutes(flow, replace(restarted(flow), unavailable_after=short), 8)
    assert await parked(flow) == ["message-unavailable"]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(("reason", "word"), [(CAME, "came"), ("a person looked", "")])
def test_only_what_was_cancelled_settled_itself(state: State, reason: str, word: str) -> None:
    told = word if state is State.CANCELLED else ""
    assert settled(sample(state=state, reason=reason)) == told
