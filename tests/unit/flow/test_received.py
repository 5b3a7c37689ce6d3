"""What a counterpart hands over itself: kept, or kept aside with all that is wrong with it."""

from __future__ import annotations

import pytest

from broker.errors import Problem, Refused
from broker.flow.received import received
from broker.model.exchanges import State
from broker.ports import Part, UserMessage
from tests.support.flow_node import CENTRAL_PARTY, Flow

WRONG = (Problem("bad-base64", "no base64", "/parts/0/data"), Problem("bad-shape", "no text", "/action"))


async def refusing(_: bytes) -> UserMessage:
    raise Refused(WRONG)


async def reading(body: bytes) -> UserMessage:
    return UserMessage("m-1", (Part.of("cid:message", "application/json", body),), from_party=CENTRAL_PARTY)


async def test_all_that_is_wrong_is_kept_with_the_bytes_and_told_to_the_sender(flow: Flow) -> None:
    told = await received(flow.node, "ap-fr", "m-1", b"whatever", refusing)
    assert (told.state, told.problems) == (State.PARKED, WRONG)
    exchange = await flow.exchange(told.message_id)
    assert list(exchange.problems) == [problem.as_dict() for problem in WRONG]
    assert await flow.bytes(told.message_id) == b"whatever"


async def test_what_is_sent_again_under_the_id_and_can_be_read_is_kept(flow: Flow) -> None:
    await received(flow.node, "ap-fr", "m-1", b"whatever", refusing)
    told = await received(flow.node, "ap-fr", "m-1", b"{}", reading)
    assert (told.state, told.problems, told.fresh) == (State.RECEIVED, (), True)


@pytest.mark.parametrize(
    ("message_id", "body", "code"), [("other", b"{}", "id-mismatch"), ("m-1", b"[]", "key-reused")]
)
async def test_what_contradicts_itself_or_what_came_before_is_kept_aside(
    flow: Flow, message_id: str, body: bytes, code: str
) -> None:
    await received(flow.node, "ap-fr", "m-1", b"{}", reading)
    told = await received(flow.node, "ap-fr", message_id, body, reading)
    assert [problem.code for problem in told.problems] == [code]
    assert (await flow.exchange(told.message_id)).state is State.PARKED
    assert await flow.bytes(told.message_id) == body
