"""What the access point pushes is durable before it is answered, has one effect, and says what became of our own."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from broker.errors import Garbled, Problem, Unavailable
from broker.flow.fetch import CONCURRENCY, MOST_IN_HAND
from broker.flow.notified import notified, unreadable
from broker.model.exchanges import State
from broker.model.work import WorkKind
from broker.payloads import Payload
from broker.ports import Notification, Part, Told, UserMessage
from tests.support.flow_node import CENTRAL_PARTY, Flow, case_in, dossier, eu, eu_application

AP = "ap-fr"
HTML = Problem("soap-html", "a web page stands in the place of SOAP", "line 1")


def waiting(flow: Flow, message_id: str, data: bytes = b"{}") -> None:
    part = Part.of("cid:message", "application/json", data)
    flow.point.inbox[message_id] = UserMessage(message_id, (part,), from_party=CENTRAL_PARTY)


async def tell(flow: Flow, told: Told, *message_ids: str, status: str = "") -> None:
    await notified(flow.node, AP, Notification(told, message_ids, status))


async def rows(flow: Flow) -> list[str]:
    async with flow.store.transaction() as tx:
        return [work.subject for work in await tx.due_work(flow.clock.now(), 100, (WorkKind.FETCH,))]


def retrieved(flow: Flow) -> list[str]:
    return [message_id for name, message_id in flow.point.calls if name == "retrieve"]


async def test_what_was_notified_is_a_row_before_anything_is_fetched(flow: Flow) -> None:
    await tell(flow, Told.RECEIVED, "one")
    assert await rows(flow) == ["one"]
    assert flow.point.calls == []


async def test_with_polling_off_what_was_notified_is_fetched_and_nothing_is_asked_for(flow: Flow) -> None:
    waiting(flow, "one")
    waiting(flow, "silent")
    fetcher = replace(flow.fetcher(), poll=False)
    await tell(flow, Told.RECEIVED, "one")
    assert await fetcher.drain() == 1
    assert flow.point.marked == ["one"]
    assert ("pending", "") not in flow.point.calls
    assert await rows(flow) == []


async def test_an_id_that_is_notified_many_times_at_once_is_fetched_once(flow: Flow) -> None:
    waiting(flow, "one")
    await asyncio.gather(*(tell(flow, Told.RECEIVED, "one") for _ in range(5)))
    fetcher = replace(flow.fetcher(), poll=False)
    await asyncio.gather(*(fetcher.drain() for _ in range(5)))
    await tell(flow, Told.RECEIVED, "one")
    assert await fetcher.drain() == 0
    assert retrieved(flow) == ["one"]
    assert len(await flow.all(direction="inbound")) == 1


async def test_a_notification_that_comes_while_the_poll_fetches_brings_no_second_fetch(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(flow, "one")
    retrieve = flow.point.retrieve

    async def notified_meanwhile(message_id: str) -> UserMessage:
        await tell(flow, Told.RECEIVED, message_id)
        return await retrieve(message_id)

    monkeypatch.setattr(flow.point, "retrieve", notified_meanwhile)
    fetcher = flow.fetcher()
    await fetcher.drain()
    assert await rows(flow) == ["one"]
    await fetcher.drain()
    assert await rows(flow) == []
    assert retrieved(flow) == ["one"]


async def test_twenty_notifications_at_once_bring_twenty_messages(flow: Flow) -> None:
    names = [f"m-{number}" for number in range(20)]
    for name in names:
        waiting(flow, name, eu("PeerStatus"))
    await asyncio.gather(*(tell(flow, Told.RECEIVED, name) for name in names))
    assert await replace(flow.fetcher(), poll=False).drain() == 20
    assert sorted(flow.point.marked) == sorted(names)


async def test_what_was_kept_and_not_marked_is_marked_without_being_fetched_again(flow: Flow) -> None:
    waiting(flow, "one")
    flow.point.script["mark"].append(Unavailable("away"))
    await tell(flow, Told.RECEIVED, "one")
    fetcher = replace(flow.fetcher(), poll=False)
    assert await fetcher.drain() == 0
    flow.clock.advance(60)
    assert await fetcher.drain() == 1
    assert retrieved(flow) == ["one"]
    assert flow.point.marked == ["one"]


async def test_an_id_that_does_not_exist_is_reported_once_and_not_looped_on(flow: Flow) -> None:
    await tell(flow, Told.RECEIVED, "nowhere")
    fetcher = replace(flow.fetcher(), poll=False)
    for _ in range(8):
        await fetcher.drain()
        flow.clock.advance(600)
    [entry] = await flow.journal("fetch.gone")
    assert entry.target == "nowhere"
    assert retrieved(flow) == ["nowhere"] * 3
    assert await rows(flow) == []
    assert await parked(flow) == [("nowhere", "message-gone")]


async def test_a_message_that_cannot_be_fetched_waits_in_its_row_and_the_others_pass(flow: Flow) -> None:
    for name in ("bad", "good"):
        waiting(flow, name)
    flow.point.script["retrieve bad"].extend([Unavailable("conflict")] * 2)
    await tell(flow, Told.RECEIVED, "bad", "good")
    fetcher = replace(flow.fetcher(), poll=False)
    assert await fetcher.drain() == 1
    assert await rows(flow) == []
    [row] = await flow.work("bad")
    assert row.next_attempt_at > flow.clock.now()
    assert row.last_error == "unavailable"
    flow.clock.advance(900)
    await fetcher.drain()
    flow.clock.advance(900)
    assert await fetcher.drain() == 1


@pytest.mark.parametrize("poll", [True, False])
async def test_what_cannot_be_read_is_set_aside_with_its_bytes_and_fetched_when_it_can_be_read(
    flow: Flow, *, poll: bool
) -> None:
    for name in ("poison", "good"):
        waiting(flow, name)
    flow.point.script["retrieve poison"].extend([Garbled("unreadable")] * 5)
    await tell(flow, Told.RECEIVED, *(() if poll else ("poison", "good")))
    fetcher = replace(flow.fetcher(), poll=poll)
    assert await fetcher.drain() == 1
    for _ in range(4):
        flow.clock.advance(900)
        assert await fetcher.drain() == 0
    [parked] = await flow.all(direction="inbound", states=("PARKED",))
    assert parked.problems[0]["code"] == "unreadable-answer"
    assert await flow.bytes(parked.message_id) == b"what came of poison"
    assert flow.point.marked == ["good"]
    flow.clock.advance(900)
    assert await fetcher.drain() == 1
    assert flow.point.marked == ["good", "poison"]


async def test_a_slow_message_leaves_its_place_to_those_behind_it(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go, honest = asyncio.Event(), flow.point.retrieve
    for number in range(12):
        waiting(flow, f"m-{number}")

    async def retrieve(message_id: str) -> UserMessage:
        if int(message_id[2:]) < 6:
            await let_go.wait()
        return await honest(message_id)

    monkeypatch.setattr(flow.point, "retrieve", retrieve)
    fetcher = replace(flow.fetcher(), patience=0.05)
    async with asyncio.timeout(30):
        await fetcher.drain()
        waiting(flow, "m-99")
        await fetcher.drain()
        await asyncio.gather(*(task for name, task in fetcher.in_hand.items() if int(name[2:]) >= 6))
        assert len(flow.point.marked) == 7
        assert len(fetcher.in_hand) == 6
        let_go.set()
        await asyncio.gather(*fetcher.in_hand.values())
    assert len(set(flow.point.marked)) == 13


async def test_ever_so_many_slow_messages_are_not_all_in_hand_at_once(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, at_once, most = flow.point.retrieve, 0, 0
    for number in range(100):
        waiting(flow, f"m-{number}")

    async def retrieve(message_id: str) -> UserMessage:
        nonlocal at_once, most
        at_once, most = at_once + 1, max(most, at_once + 1)
        await asyncio.sleep(0.02)
        at_once -= 1
        return await honest(message_id)

    monkeypatch.setattr(flow.point, "retrieve", retrieve)
    fetcher = replace(flow.fetcher(), patience=0.001)
    async with asyncio.timeout(60):
        await fetcher.drain()
        await asyncio.gather(*fetcher.in_hand.values())
    assert CONCURRENCY < most <= MOST_IN_HAND
    assert len(set(flow.point.marked)) == 100


async def test_what_is_still_being_fetched_is_let_go_at_the_end(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(flow, "one")

    async def never(_: str) -> UserMessage:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(flow.point, "retrieve", never)
    fetcher = replace(flow.fetcher(), patience=0.01)
    assert await fetcher.drain() == 0
    async with asyncio.timeout(5):
        await fetcher.close()
    assert fetcher.in_hand == {}


async def test_a_whole_message_is_kept_as_if_it_had_been_fetched(flow: Flow) -> None:
    message = UserMessage(
        "app", (Part.of("cid:message", "application/zip", eu_application()),), from_party=CENTRAL_PARTY
    )
    for _ in range(3):
        await notified(flow.node, AP, Notification(Told.MESSAGE, ("app",), message=message))
    await flow.run()
    [answer] = flow.told_central("ValidationResult")
    assert (answer["content"]["originalMessageId"], answer["content"]["validated"]) == ("app", True)
    flow.point.inbox["app"] = message
    assert await flow.fetcher().drain() == 1
    assert len(await flow.all(type="ApplicationSubmitted", direction="inbound")) == 1


async def sent(flow: Flow) -> str:
    """The MessageId of a status update that went out."""
    await case_in(flow, "RECEIVED")
    message_id = await flow.from_office(dossier("ApplicationAck"))
    exchange = await flow.exchange(message_id)
    assert exchange.state is State.SUBMITTED
    return exchange.wire_message_id


async def of_wire(flow: Flow, wire_id: str) -> State:
    [exchange] = await flow.all(text=wire_id)
    return exchange.state


async def test_the_access_points_word_that_it_arrived_is_a_receipt(flow: Flow) -> None:
    wire_id = await sent(flow)
    for _ in range(2):
        await tell(flow, Told.SENT, wire_id)
    [exchange] = await flow.all(text=wire_id)
    assert exchange.receipt_at == flow.clock.now()
    assert len([entry for entry in await flow.journal("exchange.receipt") if entry.target == exchange.id]) == 1


@pytest.mark.parametrize(("told", "status"), [(Told.SEND_FAILED, ""), (Told.STATUS, "SEND_FAILURE")])
async def test_the_access_points_word_that_it_gave_up_asks_for_a_person(flow: Flow, told: Told, status: str) -> None:
    wire_id = await sent(flow)
    await tell(flow, told, wire_id, status=status)
    assert await of_wire(flow, wire_id) is State.SEND_FAILED


async def test_a_status_on_the_way_changes_nothing(flow: Flow) -> None:
    wire_id = await sent(flow)
    for status in ("SEND_ENQUEUED", "WAITING_FOR_RETRY", "SEND_ATTEMPT_FAILED"):
        await tell(flow, Told.STATUS, wire_id, status=status)
    assert await of_wire(flow, wire_id) is State.SUBMITTED


async def parked(flow: Flow) -> list[tuple[str, str]]:
    """MessageId and code of what a person must look at."""
    waiting = await flow.all(states=("PARKED",))
    messages = [await flow.message(exchange.message_id) for exchange in waiting]
    codes = [exchange.problems[0]["code"] for exchange in waiting]
    return [(message.headers["message_id"], code) for message, code in zip(messages, codes, strict=True)]


@pytest.mark.parametrize(
    ("told", "code"), [(Told.RECEIVE_FAILED, "message-not-received"), (Told.DELETED, "message-deleted")]
)
async def test_a_message_that_will_not_come_is_put_before_a_person_once(flow: Flow, told: Told, code: str) -> None:
    counted: list[tuple[str, str]] = []
    flow.node = replace(flow.node, observe=lambda step, outcome, _: counted.append((step, outcome)))
    waiting(flow, "kept")
    await flow.fetcher().drain()
    ours = await sent(flow)
    counted.clear()
    for _ in range(2):
        await tell(flow, told, "lost", "kept", ours)
    assert await parked(flow) == [("lost", code)]
    assert ("fetch", "lost") in counted
    [entry, *_] = await flow.journal(f"push.{told}")
    assert (entry.target, entry.detail["known"]) == ("lost", "no")


@pytest.mark.parametrize("told", [Told.SENT, Told.SEND_FAILED])
async def test_word_of_what_is_not_ours_is_noted_and_has_no_effect(flow: Flow, told: Told) -> None:
    await tell(flow, told, "stranger")
    [entry] = await flow.journal(f"push.{told}")
    assert (entry.target, entry.detail["known"]) == ("stranger", "no")
    assert await flow.all() == ()


async def test_what_cannot_be_read_is_kept_with_its_bytes_once(flow: Flow) -> None:
    for _ in range(3):
        await unreadable(flow.node, AP, "text/html", Payload(b"<html>"), HTML)
    [exchange] = await flow.all()
    assert exchange.state is State.PARKED
    [problem] = exchange.problems
    assert (problem["code"], problem["path"], problem["rule"]) == ("soap-html", "line 1", "BackendService")
    assert problem["hint"].endswith("may still be pending at the access point.")
    assert await flow.bytes(exchange.message_id) == b"<html>"


async def test_nothing_is_answered_when_nothing_could_be_committed(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise Unavailable("the store is away")

    monkeypatch.setattr("broker.flow.notified.commit", away)
    with pytest.raises(Unavailable):
        await tell(flow, Told.RECEIVED, "one")
