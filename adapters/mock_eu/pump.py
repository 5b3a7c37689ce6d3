"""The way from a nation's access point to the platform: the receipt, then the platform's work, in one commit."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.mock_eu import checks

if TYPE_CHECKING:
    from adapters.mock_eu.model import Chance, Held
    from adapters.mock_eu.platform import Platform
    from adapters.mock_eu.store import Store

_log = logging.getLogger(__name__)


class Pump:
    """Deals with what nations submitted, oldest first; what SIGKILL interrupted is taken up at the next start."""

    def __init__(self, store: Store, platform: Platform, chance: Chance, *, receipt_seconds: float) -> None:
        self._store, self._platform, self._chance = store, platform, chance
        self._delay = timedelta(seconds=receipt_seconds)
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            self.step()
            if self._store.any_unhandled():
                await asyncio.sleep(max(self._delay.total_seconds() / 4, 0.01))
            else:
                await self._wake.wait()

    def step(self) -> None:
        """Everything whose receipt is due."""
        due = (self._chance.now() - self._delay).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        for held in self._store.unhandled(due):
            self._deal_with(held)

    def _deal_with(self, held: Held) -> None:
        try:
            with self._store.commit():
                self._platform.receive(held)
                self._store.set_handled(held)
        except Exception:  # noqa: BLE001 -- one message that trips the mock must not hold up those behind it
            _log.exception("the mock could not deal with message %s", held.header.message_id)
            with self._store.commit():
                self._platform.answer(held, "", [checks.error("mock-internal-error", "the mock failed on it")])
                self._store.set_handled(held)
