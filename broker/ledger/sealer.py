"""The sealer: one lease holder numbers, chains and signs what transactions have written.

Entries and the checkpoint that covers them become true in one commit, so that no sealed entry is ever without a
signature: an entry beyond the last checkpoint was put there by somebody else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from broker.errors import ConfigurationError
from broker.ledger.entries import chain, sign_head
from broker.ledger.handover import FOLLOWED, handovers
from broker.ledger.keys import SigningKey
from broker.model.journal import Entry
from broker.ports import Clock, Store, Transaction

LEASE: Final = "journal-sealer"


def no_other(key_id: str) -> SigningKey:
    """Raises: ConfigurationError: only the first key is known."""
    raise ConfigurationError(f"The journal is signed by the key {key_id}, which is not here.")


@dataclass(frozen=True, slots=True)
class Sealer:
    """Who seals, with which key. `batch`: most entries under one checkpoint. `lease`: how long a claim lasts.

    `key` is the journal's first; `follow` gives the one of an id that followed it.
    """

    store: Store
    key: SigningKey
    clock: Clock
    holder: str
    batch: int = 500
    lease: timedelta = timedelta(seconds=30)
    follow: Callable[[str], SigningKey] = no_other

    async def seal(self) -> int:
        """Seal what waits, up to a batch, and sign the new head. Returns how many; 0 also if another one seals.

        Raises: Unavailable, Conflict (another sealer was first: nothing was changed).
        """
        async with self.store.transaction() as waiting:
            if not await waiting.unsealed(1):
                return 0
        async with self.store.transaction() as transaction:
            return await self._seal(transaction)

    async def seal_all(self) -> int:
        """Seal what waits, batch by batch, until the last one is not full. Raises: as `seal`."""
        total = count = await self.seal()
        while count == self.batch:
            count = await self.seal()
            total += count
        return total

    async def _seal(self, transaction: Transaction) -> int:
        now = self.clock.now()
        if not await transaction.take_lease(LEASE, self.holder, now=now, until=now + self.lease):
            return 0
        entries = up_to_handover(await transaction.unsealed(self.batch))
        if not entries:
            return 0
        key = await self._signing(transaction)
        sealed = chain(entries, await transaction.last_sealed())
        await transaction.seal(sealed)
        await transaction.add_checkpoint(sign_head(sealed[-1], key=key, at=now))
        return len(sealed)

    async def _signing(self, transaction: Transaction) -> SigningKey:
        """The key that signs now: one that follows does so after the entry that names it."""
        for entry in reversed(await handovers(transaction)):
            if await transaction.sealed_number(entry.id) is not None:
                return self.follow(entry.detail["new"])
        return self.key


def up_to_handover(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The entries up to the first that names a following key: its checkpoint is the old key's last."""
    for place, entry in enumerate(entries, start=1):
        if entry.action == FOLLOWED:
            return entries[:place]
    return entries
