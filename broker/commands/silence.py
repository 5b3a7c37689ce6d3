"""Whether anything comes in: what another plugin of the access point takes is neither listed nor told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from broker.commands.findings import Finding, fails, unknown, works
from broker.commands.opening import store_of
from broker.errors import BrokerError
from broker.model.exchanges import Direction, State
from broker.ports import ExchangeFilter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from broker.model.exchanges import Exchange
    from broker.settings import Settings

LONGEST_SILENCE: Final = timedelta(hours=1)
_LOOKED_AT: Final = 200
_NAME: Final = "answers"


async def heard(settings: Settings) -> Finding:
    """What the node's own database says of it."""
    try:
        async with store_of(settings) as store, store.transaction() as tx:
            waiting = ExchangeFilter(states=(State.SUBMITTED,), direction=Direction.OUTBOUND, limit=_LOOKED_AT)
            sent = await tx.exchanges(waiting)
            came = await tx.exchanges(ExchangeFilter(direction=Direction.INBOUND, limit=1))
    except BrokerError as error:
        return unknown(_NAME, f"the database cannot be asked: {error.code}")
    return answers(sent, came[0].created_at if came else None, datetime.now(UTC))


def answers(sent: Iterable[Exchange], came_at: datetime | None, now: datetime) -> Finding:
    """Messages that arrived at the other side long ago and are not answered, while nothing at all came in since.

    One silent platform is possible; a platform that is silent to everybody is more likely one that nobody hears.
    """
    arrived = [one.receipt_at for one in sent if one.receipt_at and now - one.receipt_at > LONGEST_SILENCE]
    unheard = [at for at in arrived if came_at is None or came_at < at]
    if not unheard:
        return works(_NAME, "what arrived is answered, or may still be")
    return fails(
        _NAME,
        f"{len(unheard)} messages arrived more than an hour ago, and nothing came in since the first of them: look "
        "whether received messages lie at the access point, and whether the WS plugin is first under Message Filter",
    )
