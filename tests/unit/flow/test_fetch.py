"""Fetching in two phases: what the access point was told is ours, is ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.errors import Unavailable
from broker.model.exchanges import State
from broker.model.messages import Door
from broker.ports import Part, UserMessage
from tests.support.flow_node import CENTRAL_PARTY, Flow, eu, eu_application


def waiting(flow: Flow, message_id: str, data: bytes = b"{}", **more: object) -> None:
    part = Part("cid:message", "application/json", data)
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

    async def twice() -> tuple[str, ...]:
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

    async def stale() -> tuple[str, ...]:
        return ("gone", "here")

    flow.point.pending = stale  # type: ignore[method-assign]
    fetcher = flow.fetcher()
    for _ in range(5):
        await fetcher.drain()
        flow.clock.advance(1000)
    [entry] = await flow.journal("fetch.gone")
    assert (entry.target, entry.outcome, entry.detail["access_point"]) == ("gone", "not-found", "ap-fr")
    assert list(await kept(flow)) == ["here"]


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


@pytest.mark.parametrize("parts", [(), (Part("cid:message", "application/json", b""),)])
async def test_a_message_without_a_document_is_answered_not_validated(flow: Flow, parts: tuple[Part, ...]) -> None:
    waiting(flow, "empty", parts=parts)
    assert await flow.fetcher().drain() == 1
    await flow.run()
    [answer] = flow.told_central("ValidationResult")
    assert answer["content"]["originalMessageId"] == "empty"
    assert [error["code"] for error in answer["content"]["error"]] == ["missing-part"]


async def test_the_document_is_found_by_its_name_among_the_parts(flow: Flow) -> None:
    other = Part("cid:extra", "application/pdf", b"%PDF")
    main = Part("CID:Message", "application/zip", eu_application())
    waiting(flow, "app", parts=(other, main))
    await flow.fetcher().drain()
    await flow.run()
    assert [answer["content"]["validated"] for answer in flow.told_central("ValidationResult")] == [True]


async def test_a_list_that_cannot_be_had_is_told_to_the_loop(flow: Flow) -> None:
    flow.point.script["pending"].append(Unavailable("away"))
    with pytest.raises(Unavailable):
        await flow.fetcher().drain()


async def test_a_hundred_messages_come_in_one_drain(flow: Flow) -> None:
    for number in range(100):
        waiting(flow, f"m-{number}", eu("PeerStatus"))
    assert await flow.fetcher().drain() == 100
    assert len(await kept(flow)) == 100
    assert len(set(flow.point.marked)) == 100
