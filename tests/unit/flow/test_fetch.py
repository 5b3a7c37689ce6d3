"""Fetching in two phases: what the access point was told is ours, is ours."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from broker.errors import Garbled, NotFound, Problem, Unavailable
from broker.flow.notified import notified
from broker.flow.staff import sign_off
from broker.model.exchanges import State
from broker.model.messages import Door, Message
from broker.ports import Notification, Part, Told, UserMessage
from tests.support.flow_node import CENTRAL_PARTY, Flow, eu, eu_application, sha256

if TYPE_CHECKING:
    from broker.flow.fetch import Fetcher


def waiting(flow: Flow, message_id: str, data: bytes = b"{}", **more: object) -> None:
    part = Part.of("cid:message", "application/json", data)
    flow.point.inbox[message_id] = replace(
        UserMessage(message_id, (part,), from_party=CENTRAL_PARTY),
        **more,  # type: ignore[arg-type]
    )


async def kept(flow: Flow) -> dict[str, str]:
    """SHA-256 by MessageId."""
    messages = [await flow.message(exchange.message_id) for exchange in await flow.all(direction="inbound")]
    return {message.headers["message_id"]: message.sha256 for message in messages if message.door is Door.ACCESS_POINT}


async def test_a_message_is_marked_after_it_is_kept_and_never_before(flow: Flow) -> None:
    waiting(flow, "one")
    flow.point.script["mark"].append(Unavailable("away"))
    assert await flow.fetcher().drain() == 0
    assert list(await kept(flow)) == ["one"]
    assert flow.point.marked == []
    assert await flow.fetcher().drain() == 1
    assert flow.point.marked == ["one"]
    assert len(await flow.all(direction="inbound")) == 1


async def test_what_cannot_be_kept_is_not_marked(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(flow, "one")

    async def away(*_: object) -> None:
        raise Unavailable("the store is away")

    with monkeypatch.context() as patched:
        patched.setattr("broker.flow.fetch.keep", away)
        assert await flow.fetcher().drain() == 0
    assert flow.point.marked == []
    assert await flow.fetcher().drain() == 1


async def test_a_message_listed_twice_is_fetched_once(flow: Flow) -> None:
    waiting(flow, "one")

    async def twice(*_: object) -> tuple[str, ...]:
        return ("one", "one")

    flow.point.pending = twice  # type: ignore[method-assign]
    assert await flow.fetcher().drain() == 1
    assert [call for call in flow.point.calls if call[0] == "retrieve"] == [("retrieve", "one")]


async def test_one_that_cannot_be_fetched_does_not_hold_up_the_others_and_rests_longer_and_longer(flow: Flow) -> None:
    for number in range(10):
        waiting(flow, f"m-{number}")
    flow.point.script["retrieve m-0"].extend([Unavailable("conflict")] * 3)
    fetcher = flow.fetcher()
    assert await fetcher.drain() == 9
    rests = []
    for _ in range(3):
        assert await fetcher.drain() == 0  # it rests
        tries, until = fetcher.resting["m-0"]
        rests.append((until - flow.clock.now()).total_seconds())
        assert tries == len(rests)
        flow.clock.at = until
        if tries < 3:
            assert await fetcher.drain() == 0
    assert rests == sorted(rests)
    assert await fetcher.drain() == 1
    assert fetcher.resting == {}
    assert len(await kept(flow)) == 10


def asked_for(flow: Flow, message_id: str) -> int:
    return flow.point.calls.count(("retrieve", message_id))


async def test_what_is_kept_and_could_not_be_marked_is_marked_and_not_fetched_a_second_time(flow: Flow) -> None:
    waiting(flow, "one")
    flow.point.script["mark"].extend([Unavailable("away"), Garbled("cut"), Garbled("cut"), Garbled("cut")])
    fetcher = flow.fetcher()
    for _ in range(5):
        await fetcher.drain()
        flow.clock.advance(1000)
    assert (flow.point.marked, asked_for(flow, "one")) == (["one"], 1)
    assert await flow.all(states=("PARKED",)) == (), "what came of marking it is not the message's answer"


async def test_an_answer_that_is_set_aside_is_the_one_that_was_read_and_nothing_is_fetched_for_it(flow: Flow) -> None:
    waiting(flow, "bad")
    flow.point.script["retrieve bad"].extend([Garbled("not base64")] * 3)
    fetcher = flow.fetcher()
    for _ in range(3):
        assert await flow.all(states=("PARKED",)) == ()
        await fetcher.drain()
        flow.clock.advance(60)
    [aside] = await flow.all(states=("PARKED",))
    assert await flow.bytes(aside.message_id) == b"what came of bad"
    assert asked_for(flow, "bad") == 3


async def test_a_message_that_was_pushed_whole_is_marked_and_not_fetched(flow: Flow) -> None:
    waiting(flow, "one")
    pushed = Notification(Told.MESSAGE, ("one",), message=flow.point.inbox["one"])
    await notified(flow.node, "ap-fr", pushed)
    fetcher = flow.fetcher()
    for _ in range(2):
        await fetcher.drain()
    assert (flow.point.marked, asked_for(flow, "one")) == (["one"], 0)
    assert list(await kept(flow)) == ["one"]


def away(flow: Flow, message_id: str, times: int = 1000) -> None:
    flow.point.script[f"retrieve {message_id}"].extend(Unavailable("a lock") for _ in range(times))


async def for_hours(flow: Flow, fetcher: Fetcher, hours: float) -> int:
    """How often it was asked for."""
    before = len([call for call in flow.point.calls if call[0] == "retrieve"])
    end = flow.clock.now() + timedelta(hours=hours)
    while flow.clock.now() < end:
        await fetcher.drain()
        flow.clock.advance(60)
    return len([call for call in flow.point.calls if call[0] == "retrieve"]) - before


@pytest.mark.parametrize("notified_first", [False, True])
async def test_one_that_is_listed_and_never_to_be_had_is_put_before_a_person_once_and_settles_itself(
    flow: Flow, *, notified_first: bool
) -> None:
    waiting(flow, "one")
    away(flow, "one")
    if notified_first:
        await notified(flow.node, "ap-fr", Notification(Told.RECEIVED, ("one",)))
    fetcher = flow.fetcher()
    fetcher.poll = not notified_first
    assert await for_hours(flow, fetcher, 0.9) > 5
    assert await flow.all(states=("PARKED",)) == ()
    await for_hours(flow, fetcher, 1)
    [put] = await flow.all(states=("PARKED",))
    [problem] = put.problems
    assert (problem["code"], problem["value"]) == ("message-unavailable", "unavailable")
    assert json.loads(await flow.bytes(put.message_id)) == {"access_point": "ap-fr", "message_id": "one"}
    assert 9 <= await for_hours(flow, fetcher, 10) <= 11
    assert [one.id for one in await flow.all(states=("PARKED",))] == [put.id]
    flow.point.script["retrieve one"].clear()
    await for_hours(flow, fetcher, 1.1)
    assert await flow.all(states=("PARKED",)) == ()
    settled = await flow.exchange(put.message_id)
    assert (settled.state, settled.reason) == (State.CANCELLED, "the message came after all")
    [entry] = await flow.journal("exchange.settled")
    assert (entry.target, entry.actor) == (put.id, f"node:{flow.node.name}")
    assert flow.point.marked == ["one"]
    assert fetcher.failing == {}


async def test_while_nothing_can_be_had_of_the_access_point_no_single_message_is_to_blame(flow: Flow) -> None:
    waiting(flow, "one")
    away(flow, "one")
    await notified(flow.node, "ap-fr", Notification(Told.RECEIVED, ("one",)))
    fetcher = flow.fetcher()
    fetcher.poll = False
    flow.point.script["pending"].extend(Unavailable("away") for _ in range(1000))
    await for_hours(flow, fetcher, 5)
    assert await flow.all(states=("PARKED",)) == ()
    flow.point.script["pending"].clear()
    await for_hours(flow, fetcher, 0.5)
    assert [one.problems[0]["code"] for one in await flow.all(states=("PARKED",))] == ["message-unavailable"]


async def test_one_that_is_gone_in_the_end_is_put_before_a_person_as_gone_alone(flow: Flow) -> None:
    waiting(flow, "one")
    away(flow, "one", 20)
    await notified(flow.node, "ap-fr", Notification(Told.RECEIVED, ("one",)))
    fetcher = flow.fetcher()
    fetcher.poll = False
    while not await flow.all(states=("PARKED",)):
        await for_hours(flow, fetcher, 0.5)
    flow.point.script["retrieve one"].clear()
    del flow.point.inbox["one"]
    await for_hours(flow, fetcher, 4)
    [parked] = await flow.all(states=("PARKED",))
    assert parked.problems[0]["code"] == "message-gone"


async def test_what_nobody_foresaw_of_one_message_holds_up_no_other(flow: Flow) -> None:
    for number in range(5):
        waiting(flow, f"m-{number}")
    flow.point.script["retrieve m-2"].append(ZeroDivisionError("inner words"))
    fetcher = flow.fetcher()
    assert await fetcher.drain() == 4
    assert list(fetcher.resting) == ["m-2"]
    flow.clock.advance(10)
    assert await fetcher.drain() == 1


async def test_one_that_is_gone_between_list_and_retrieval_is_reported_once(flow: Flow) -> None:
    waiting(flow, "gone")
    waiting(flow, "here")
    del flow.point.inbox["gone"]

    async def stale(*_: object) -> tuple[str, ...]:
        return ("gone", "here")

    flow.point.pending = stale  # type: ignore[method-assign]
    fetcher = flow.fetcher()
    for _ in range(5):
        await fetcher.drain()
        flow.clock.advance(1000)
    [entry] = await flow.journal("fetch.gone")
    assert (entry.target, entry.outcome, entry.detail["access_point"]) == ("gone", "not-found", "ap-fr")
    [lost] = await flow.all(states=("PARKED",))
    assert lost.problems[0]["code"] == "message-gone"
    assert sorted(await kept(flow)) == ["gone", "here"]
    assert json.loads(await flow.bytes(lost.message_id)) == {"access_point": "ap-fr", "message_id": "gone"}


async def test_one_that_is_not_found_while_it_is_listed_is_waited_for(flow: Flow) -> None:
    waiting(flow, "early")
    flow.point.script["retrieve"].append(NotFound("not yet"))
    fetcher = flow.fetcher()
    assert await fetcher.drain() == 0
    flow.clock.advance(1000)
    assert await fetcher.drain() == 1
    assert await flow.journal("fetch.gone") == []
    assert await flow.all(states=("PARKED",)) == ()
    assert list(await kept(flow)) == ["early"]


async def test_one_that_is_no_longer_listed_is_reported_at_once(flow: Flow) -> None:
    waiting(flow, "gone")
    listed = iter([("gone",)])

    async def once(*_: object) -> tuple[str, ...]:
        return next(listed, ())

    flow.point.pending = once  # type: ignore[method-assign]
    del flow.point.inbox["gone"]
    await flow.fetcher().drain()
    [entry] = await flow.journal("fetch.gone")
    assert entry.target == "gone"


async def test_other_bytes_under_a_known_message_id_are_set_aside_and_marked(flow: Flow) -> None:
    waiting(flow, "one", b"first")
    await flow.fetcher().drain()
    flow.point.marked.clear()
    for _ in range(2):
        waiting(flow, "one", b"second")
        assert await flow.fetcher().drain() == 1
        flow.point.marked.clear()
    exchanges = await flow.all(direction="inbound")
    assert [exchange.state for exchange in exchanges] == [State.RECEIVED, State.PARKED]
    assert exchanges[1].problems[0]["code"] == "key-reused"
    assert await flow.bytes(exchanges[1].message_id) == b"second"
    assert await flow.bytes(exchanges[0].message_id) == b"first"


@pytest.mark.parametrize("parts", [(), (Part.of("cid:message", "application/json", b""),)])
async def test_a_message_without_a_document_is_answered_not_validated(flow: Flow, parts: tuple[Part, ...]) -> None:
    waiting(flow, "empty", parts=parts)
    assert await flow.fetcher().drain() == 1
    await flow.run()
    [answer] = flow.told_central("ValidationResult")
    assert answer["content"]["originalMessageId"] == "empty"
    assert [error["code"] for error in answer["content"]["error"]] == ["missing-part"]


HEADER = {
    "ref_to_message_id": "before@example.org",
    "conversation_id": "talk-1",
    "timestamp": "2026-11-20T08:00:00.000Z",
    "from_role": "urn:example:initiator",
    "to_party": "urn:example:ap:fr",
    "to_role": "urn:example:responder",
    "agreement": "A1",
    "service": "bdx:noprocess",
    "service_type": "tc1",
    "action": "TC1Leg1",
}
SENDERS = {"originalSender": "urn:example:C1", "finalRecipient": "urn:example:C4", "trackingIdentifier": "t-1"}


def two_parts() -> tuple[Part, Part]:
    other = Part.of("cid:structured", "application/xml", b"<structured/>")
    return other, Part.of("CID:Message", "application/zip", eu_application())


async def the_only(flow: Flow) -> Message:
    [exchange] = await flow.all(direction="inbound", addressee="")
    return await flow.message(exchange.message_id)


async def test_every_part_and_every_fact_of_the_header_is_kept_and_named_by_the_journal(flow: Flow) -> None:
    other, document = two_parts()
    waiting(flow, "app", parts=(other, document), properties=SENDERS, **HEADER)
    assert await flow.fetcher().drain() == 1
    message = await the_only(flow)
    assert [(part.cid, part.media_type, part.size, part.sha256) for part in message.parts] == [
        (part.href, part.media_type, len(part.data), sha256(part.data)) for part in (other, document)
    ]
    assert (message.sha256, message.document_number) == (sha256(document.data), 2)
    said = {"message_id": "app", "from_party": CENTRAL_PARTY, **HEADER}
    assert message.headers == said | {f"property.{name}": value for name, value in SENDERS.items()}
    [entry] = await flow.journal("message.kept")
    named = {name: value for name, value in entry.detail.items() if name.endswith("sha256")}
    async with flow.store.transaction() as tx:
        kept = {name: await tx.content(value) for name, value in named.items()}
        header = json.loads(kept.pop("header_sha256"))
    assert kept == {"sha256": document.data, "part_1_sha256": other.data, "part_2_sha256": document.data}
    assert header["header"] == message.headers
    assert [part["sha256"] for part in header["parts"]] == [part.sha256 for part in message.parts]


async def test_a_part_that_nobody_reads_waits_for_a_person_and_goes_on_when_she_agrees(flow: Flow) -> None:
    waiting(flow, "app", parts=two_parts())
    await flow.fetcher().drain()
    await flow.run()
    message = await the_only(flow)
    exchange = await flow.exchange(message.id)
    assert exchange.state is State.PARKED
    assert [(problem["code"], problem["path"]) for problem in exchange.problems] == [("unread-part", "parts/1")]
    assert "--part 1" in exchange.problems[0]["hint"]
    assert flow.told_central("ValidationResult") == []
    await sign_off(flow.node, message.id, actor="tests", reason="the platform says the same twice")
    await flow.run()
    assert [answer["content"]["validated"] for answer in flow.told_central("ValidationResult")] == [True]
    assert len(flow.hdh.of("ApplicationSubmitted")) == 1


async def test_a_part_without_bytes_is_kept_as_one(flow: Flow) -> None:
    waiting(
        flow, "app", parts=(Part.of("cid:message", "application/zip", eu_application()), Part.of("", "text/xml", b""))
    )
    assert await flow.fetcher().drain() == 1
    assert [(part.cid, part.size) for part in (await the_only(flow)).parts][1:] == [("", 0)]


async def test_another_second_part_under_a_known_message_id_is_set_aside_and_the_same_is_no_news(flow: Flow) -> None:
    document = Part.of("cid:message", "application/zip", eu_application())
    for text in (b"<a/>", b"<a/>", b"<b/>", b"<c/>", b"<b/>"):
        waiting(flow, "app", parts=(document, Part.of("cid:structured", "application/xml", text)))
        await flow.fetcher().drain()
        flow.point.marked.clear()
    exchanges = await flow.all(direction="inbound")
    assert [exchange.state for exchange in exchanges] == [State.RECEIVED, State.PARKED, State.PARKED]
    messages = [await flow.message(exchange.message_id) for exchange in exchanges]
    assert [message.parts[1].sha256 for message in messages] == [sha256(text) for text in (b"<a/>", b"<b/>", b"<c/>")]


async def test_a_list_that_cannot_be_had_is_told_to_the_loop(flow: Flow) -> None:
    flow.point.script["pending"].append(Unavailable("away"))
    with pytest.raises(Unavailable):
        await flow.fetcher().drain()


async def test_what_stays_unreadable_fills_the_list_and_hides_nothing(flow: Flow) -> None:
    """The list holds three ids, and five that cannot be read came first, within one minute or over weeks."""
    flow.point.list_max = 3
    start = flow.clock.now()
    came = {"bad-0": -20 * 86400, "bad-1": -60, "bad-2": -60.5, "bad-3": -59, "bad-4": -30, "good-0": -30, "good-1": -1}
    for name, seconds in came.items():
        waiting(flow, name)
        flow.point.received[name] = start + timedelta(seconds=seconds)
        if name.startswith("bad"):
            flow.point.script[f"retrieve {name}"].extend([Garbled("not base64")] * 100)
    fetcher = flow.fetcher()
    await fetcher.drain()
    assert sorted(flow.point.marked) == ["good-0", "good-1"]
    for _ in range(3):
        flow.clock.advance(30)
        await fetcher.drain()
    aside = [await flow.message(exchange.message_id) for exchange in await flow.all(states=("PARKED",))]
    assert sorted(message.key for message in aside) == [f"bad-{number}|UNREADABLE" for number in range(5)]
    waiting(flow, "late")
    flow.clock.advance(20)
    flow.point.received["late"] = flow.clock.now()
    del flow.point.script["retrieve bad-3"]  # the access point was mended
    await fetcher.drain()
    flow.clock.advance(60)
    await fetcher.drain()
    assert sorted(flow.point.marked) == ["bad-3", "good-0", "good-1", "late"]


async def test_a_full_list_is_looked_behind_now_and_then_and_not_each_time(flow: Flow) -> None:
    waiting(flow, "bad")
    flow.point.received["bad"] = flow.clock.now()
    flow.point.script["retrieve bad"].extend([Garbled("not base64")] * 100)
    fetcher = flow.fetcher()
    asked = []
    for _ in range(4):
        flow.point.calls.clear()
        await fetcher.drain()
        asked.append(sum(name == "pending" for name, _ in flow.point.calls))
        flow.clock.advance(2)
    assert asked[0] < 80
    assert asked[1:] == [2, 2, 2]


async def test_a_hundred_messages_come_in_one_drain(flow: Flow) -> None:
    for number in range(100):
        waiting(flow, f"m-{number}", eu("PeerStatus"))
    assert await flow.fetcher().drain() == 100
    assert len(await kept(flow)) == 100
    assert len(set(flow.point.marked)) == 100


def too_large() -> Garbled:
    return Garbled("larger", (Problem("answer-too-large", "the answer is larger than 92 bytes", "HTTP body"),))


async def the_aside(flow: Flow) -> dict[str, str]:
    [exchange] = await flow.all(states=("PARKED",))
    [problem] = exchange.problems
    return dict(problem)


@pytest.mark.parametrize("notified_first", [False, True])
async def test_an_answer_that_is_too_large_is_told_of_once_and_asked_for_once_a_day(
    flow: Flow, *, notified_first: bool
) -> None:
    waiting(flow, "huge")
    waiting(flow, "good")
    flow.point.script["retrieve huge"].extend(too_large() for _ in range(4))
    if notified_first:
        await notified(flow.node, "ap-fr", Notification(Told.RECEIVED, ("huge",)))
    fetcher = flow.fetcher()
    fetcher.poll = not notified_first
    for _ in range(60):
        await fetcher.drain()
        flow.clock.advance(60)
    problem = await the_aside(flow)
    assert (problem["code"], problem["path"]) == ("answer-too-large", "HTTP body")
    assert "still pending at the access point" in problem["hint"]
    assert len([call for call in flow.point.calls if call == ("retrieve", "huge")]) == 3
    assert ("good" in flow.point.marked) is not notified_first
    flow.clock.advance(86400)
    await fetcher.drain()
    assert await the_aside(flow) == problem
    assert len([call for call in flow.point.calls if call == ("retrieve", "huge")]) == 4
    flow.clock.advance(86400)
    await fetcher.drain()  # it shrank
    assert "huge" in flow.point.marked


async def test_all_that_is_wrong_with_an_answer_is_told(flow: Flow) -> None:
    waiting(flow, "bad")
    wrong = (Problem("bad-base64", "no base64", "/parts/0/data"), Problem("bad-shape", "no text", "/action"))
    flow.point.script["retrieve bad"].extend([Garbled("unreadable", wrong)] * 3)
    fetcher = flow.fetcher()
    for _ in range(3):
        await fetcher.drain()
        flow.clock.advance(60)
    [exchange] = await flow.all(states=("PARKED",))
    assert [(one["code"], one["path"]) for one in exchange.problems] == [(one.code, one.path) for one in wrong]
