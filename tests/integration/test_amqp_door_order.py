"""What one back end publishes is kept in the order in which it was published; back ends wait for themselves alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from broker.errors import Unavailable
from tests.support.amqp_door import Keeper, opened, publish, until

if TYPE_CHECKING:
    from adapters.amqp.connection import Rabbit
    from broker.flow.arrival import Arrival
    from tests.support.amqp_fixtures import Vhost


class SlowKeeper(Keeper):
    """Takes its time over one message."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = asyncio.Event()

    async def keep(self, arrival: Arrival) -> None:
        if arrival.key == "slow":
            await self.may_go_on.wait()
        await super().keep(arrival)


@pytest.fixture
def amqp_url(vhost: Vhost) -> str:
    """These tests need users of their own."""
    return vhost.url()


async def test_a_message_is_kept_after_those_that_its_sender_published_before(rabbit: Rabbit, vhost: Vhost) -> None:
    hdh, findata, keeper = vhost.add_user("hdh"), vhost.add_user("findata"), SlowKeeper()
    async with opened(rabbit, keeper):
        await publish(hdh, "hdh", (b"<A/>", "slow", {}), (b"<B/>", "quick", {}))
        await publish(findata, "findata", (b"<C/>", "other", {}))
        await until(lambda: keeper.keys() == {"other"})
        await asyncio.sleep(0.2)
        assert keeper.keys() == {"other"}
        keeper.may_go_on.set()
        await until(lambda: len(keeper.kept) == 3)
    assert [key for _, key in keeper.kept] == ["other", "slow", "quick"]


async def test_the_order_holds_while_the_store_is_away(rabbit: Rabbit, vhost: Vhost) -> None:
    hdh, keeper = vhost.add_user("hdh"), Keeper()

    def away(arrival: Arrival) -> None:
        if arrival.key == "m-0" and keeper.tries < 4:
            raise Unavailable

    keeper.answer = away
    async with opened(rabbit, keeper):
        await publish(hdh, "hdh", *((f"<D{number}/>".encode(), f"m-{number}", {}) for number in range(10)))
        await until(lambda: len(keeper.kept) == 10)
    assert [key for _, key in keeper.kept] == [f"m-{number}" for number in range(10)]


async def test_what_was_delivered_before_is_handed_over_as_such(rabbit: Rabbit, vhost: Vhost) -> None:
    hdh, keeper = vhost.add_user("hdh"), Keeper()

    def fails_once(_: Arrival) -> None:
        if keeper.tries == 1:
            raise ZeroDivisionError

    keeper.answer = fails_once
    async with opened(rabbit, keeper):
        await publish(hdh, "hdh", (b"<A/>", "again", {}))
        await until(lambda: len(keeper.kept) == 1)
        await publish(hdh, "hdh", (b"<B/>", "once", {}))
        await until(lambda: len(keeper.kept) == 2)
    assert keeper.kept["hdh", "again"].headers["redelivered"] == "true"
    assert "redelivered" not in keeper.kept["hdh", "once"].headers
