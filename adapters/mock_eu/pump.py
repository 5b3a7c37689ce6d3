"""The way from a nation's access point to the platform: tries, the receipt, and the platform's work."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from adapters.mock_eu import checks
from adapters.mock_eu.model import RECEIVING

if TYPE_CHECKING:
    from adapters.mock_eu.mail import Mail
    from adapters.mock_eu.menu import Fault, Kitchen
    from adapters.mock_eu.model import Held
    from adapters.mock_eu.platform import Platform
    from adapters.mock_eu.states import States
    from adapters.mock_eu.store import Store

_log = logging.getLogger(__name__)
_LONGEST: Final = 0.25  # seconds between two looks at what is held back


class Pump:
    """Deals with what nations submitted, oldest first; what SIGKILL interrupted is taken up at the next start."""

    def __init__(self, store: Store, states: States, platform: Platform, mail: Mail, kitchen: Kitchen) -> None:
        self._store, self._states, self._platform = store, states, platform
        self._mail, self._kitchen = mail, kitchen
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            self.step()
            soon = [
                found for found in (self._states.seconds_to_next(), self._mail.seconds_to_next()) if found is not None
            ]
            await self._rest(min([*soon, _LONGEST]))

    def step(self) -> None:
        """Everything that is due."""
        for held in self._states.due():
            self._deal_with(held)
        self._mail.release()

    async def _rest(self, seconds: float) -> None:
        if not seconds:
            await asyncio.sleep(0)
            return
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    def _deal_with(self, held: Held) -> None:
        try:
            with self._store.commit():
                self._transmit(held)
        except Exception:  # noqa: BLE001 -- one message that trips the mock must not hold up those behind it
            _log.exception("the mock could not deal with message %s", held.header.message_id)
            with self._store.commit():
                self._platform.answer(held, "", [checks.error("mock-internal-error", "the mock failed on it")])
                self._states.acknowledge(held)

    def _transmit(self, held: Held) -> None:
        """One try, in one commit: what the platform makes of it, and the receipt."""
        if held.status == "WAITING_FOR_RECEIPT":
            self._states.acknowledge(held)
        elif self._fire("send-failure", held):
            self._states.give_up(held, "EBMS_0301", "The receipt is missing: a fault of the mock")
        elif fault := self._fire("waiting-for-retry", held):
            self._states.failed_try(held, "The connection failed: a fault of the mock", fault.seconds)
        elif self._fire("never-acknowledged", held):
            self._states.get_lost(held)
        elif self._fire("receipt-without-response", held):
            self._states.acknowledge(held)
        else:
            self._arrive(held)

    def _arrive(self, held: Held) -> None:
        self._platform.receive(held)
        if self._fire("loopback", held) and not self._store.message(held.nation, RECEIVING, held.header.message_id):
            self._states.arrive(held.nation, held.type, held.header, held.parts)
        if late := self._fire("late-receipt", held):
            self._states.await_receipt(held, late.seconds)
        else:
            self._states.acknowledge(held)

    def _fire(self, name: str, held: Held) -> Fault | None:
        return self._kitchen.fire(name, held.nation, "transmit", held.type)
