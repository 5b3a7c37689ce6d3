"""What a back end gives back again and again is put before a person, who may hand it over again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from broker.errors import Unavailable
from broker.flow.acknowledge import acknowledge
from broker.flow.given_back import park_given_back
from broker.flow.staff import retry
from broker.model.exchanges import State
from tests.support.flow_node import Flow, eu_application

if TYPE_CHECKING:
    from broker.model.exchanges import Exchange


async def handed_over(flow: Flow) -> Exchange:
    """An application in the queue of the office, which has not said that it has it."""
    flow.hdh.acknowledges = False
    exchange = await flow.exchange(await flow.from_eu(eu_application(), "application/zip"))
    assert exchange.state is State.DELIVERED
    return exchange


async def test_a_delivery_that_is_given_back_waits_for_a_person_who_hands_it_over_again(flow: Flow) -> None:
    delivered = await handed_over(flow)
    assert await park_given_back(flow.node, "hdh", delivered.id)
    parked = await flow.exchange(delivered.message_id)
    assert (parked.state, [problem["code"] for problem in parked.problems]) == (State.PARKED, ["given-back"])
    assert parked.problems[0]["hint"]
    assert await park_given_back(flow.node, "hdh", delivered.id), "saying so again changes nothing"
    assert await flow.exchange(delivered.message_id) == parked
    assert await retry(flow.node, delivered.message_id, actor="tests") == State.READY
    await flow.run()
    assert (await flow.exchange(delivered.message_id)).state is State.DELIVERED
    assert flow.hdh.tries == [delivered.id] * 2
    assert [entry.detail for entry in await flow.journal("exchange.parked")] == [{"codes": "given-back"}]


async def test_what_the_back_end_has_by_now_stays_as_it_is(flow: Flow) -> None:
    delivered = await handed_over(flow)
    await acknowledge(flow.node, delivered.id, backend="hdh")
    assert await park_given_back(flow.node, "hdh", delivered.id)
    assert (await flow.exchange(delivered.message_id)).state is State.ACKNOWLEDGED


async def test_a_delivery_that_is_not_recorded_yet_is_waited_for(flow: Flow) -> None:
    flow.hdh.script.append(Unavailable("away"))
    exchange = await flow.exchange(await flow.from_eu(eu_application(), "application/zip"))
    assert exchange.state is State.READY
    with pytest.raises(Unavailable):
        await park_given_back(flow.node, "hdh", exchange.id)


async def test_what_was_never_delivered_to_this_back_end_is_not_its_to_give_back(flow: Flow) -> None:
    delivered = await handed_over(flow)
    assert not await park_given_back(flow.node, "findata", delivered.id)
    assert not await park_given_back(flow.node, "hdh", "nothing")
    assert await flow.exchange(delivered.message_id) == delivered
