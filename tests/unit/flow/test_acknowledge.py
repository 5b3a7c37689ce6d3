"""A back end says that it has a message: by a call, before or after its answer to the delivery."""

from __future__ import annotations

import pytest

from broker.errors import Conflict, NotFound, Unavailable
from broker.flow.acknowledge import acknowledge
from broker.model.exchanges import State
from broker.ports import Delivery
from tests.support.flow_node import Flow, eu_application

ZIP = "application/zip"


async def handed_over(flow: Flow) -> str:
    flow.hdh.acknowledges = False
    message_id = await flow.from_eu(eu_application(), ZIP)
    assert (await flow.exchange(message_id)).state is State.DELIVERED
    return message_id


async def test_what_was_handed_over_is_acknowledged_once_and_journalled(flow: Flow) -> None:
    message_id = await handed_over(flow)
    assert await acknowledge(flow.node, message_id, backend="hdh") == State.ACKNOWLEDGED
    first = await flow.exchange(message_id)
    assert first.acknowledged_at == flow.clock.now()
    assert await acknowledge(flow.node, message_id, backend="hdh") == State.ACKNOWLEDGED
    assert await flow.exchange(message_id) == first
    [entry] = await flow.journal("exchange.acknowledged")
    assert (entry.target, entry.actor) == (first.id, "hdh")


async def test_the_id_of_the_delivery_will_do(flow: Flow) -> None:
    message_id = await handed_over(flow)
    [delivery] = flow.hdh.taken
    assert await acknowledge(flow.node, delivery, backend="hdh") == State.ACKNOWLEDGED
    assert (await flow.exchange(message_id)).state is State.ACKNOWLEDGED


async def test_nobody_acknowledges_what_is_not_his(flow: Flow) -> None:
    message_id = await handed_over(flow)
    [delivery] = flow.hdh.taken
    for named in (message_id, delivery, "no-such-id"):
        with pytest.raises(NotFound):
            await acknowledge(flow.node, named, backend="findata")
    assert (await flow.exchange(message_id)).state is State.DELIVERED


async def test_what_was_not_handed_over_cannot_be_acknowledged(flow: Flow) -> None:
    message_id = await flow.from_office(b"not XML")
    with pytest.raises(Conflict):
        await acknowledge(flow.node, message_id, backend="hdh")


@pytest.mark.parametrize("then", [None, Unavailable("the answer was cut off")], ids=["answers", "is cut off"])
async def test_an_acknowledgement_that_is_faster_than_the_answer_to_the_delivery_stays(
    flow: Flow, then: Exception | None
) -> None:
    deliver = flow.hdh.deliver

    async def slow(delivery: Delivery) -> bool:
        await acknowledge(flow.node, delivery.id, backend="hdh")
        await deliver(delivery)
        if then is not None:
            raise then
        return False

    flow.hdh.deliver = slow  # type: ignore[method-assign]  # an office that calls before it answers
    message_id = await flow.from_eu(eu_application(), ZIP)
    flow.clock.advance(3600)
    await flow.run()
    exchange = await flow.exchange(message_id)
    assert (exchange.state, exchange.acknowledged_at is not None) == (State.ACKNOWLEDGED, True)
    assert flow.hdh.tries == [exchange.id]
    assert await flow.work(exchange.id) == ()
