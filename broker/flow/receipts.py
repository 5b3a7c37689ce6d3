"""Signed receipts: the other side's own proof that it has a message, fetched from the access point and kept.

The state of an exchange never waits for one. What the access point does not hand out is asked for again for a week.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from broker.errors import BrokerError, Refused
from broker.flow.node import Node, commit, log

if TYPE_CHECKING:
    from broker.ports import AccessPoint, Transaction

#: Takes a signed receipt and the MessageId that it must acknowledge. Raises: Refused.
Prove = Callable[[bytes, str], object]
ASKED_FOR: Final = timedelta(days=7)
BATCH: Final = 20


@dataclass(slots=True)
class SignedReceipts:
    """Fetches signed receipts, a batch at a time, round and round."""

    node: Node
    access_point: AccessPoint
    prove: Prove | None = None  #: where the signer's certificate is known
    after: str = ""

    async def fetch(self) -> int:
        """Ask for the next batch; how many were kept."""
        since = self.node.clock.now() - ASKED_FOR
        async with self.node.store.transaction() as tx:
            waiting = await tx.unproven_exchanges(since, BATCH, after=self.after)
        self.after = waiting[-1].id if len(waiting) == BATCH else ""
        return sum([await self._one(exchange.id, exchange.wire_message_id) for exchange in waiting])

    async def _one(self, exchange_id: str, wire_id: str) -> bool:
        try:
            signed = await self.access_point.receipt(wire_id)
        except BrokerError as problem:
            log.warning("receipts.not_fetched", exchange_id=exchange_id, code=problem.code)
            return False
        if not signed:
            return False
        return await commit(
            self.node, partial(_keep, self.node, exchange_id, wire_id, signed, self._verdict(wire_id, signed))
        )

    def _verdict(self, wire_id: str, signed: bytes) -> str:
        """What the journal says of it: `kept` unproven, `proven`, or the code of what is wrong with it."""
        if self.prove is None:
            return "kept"
        try:
            self.prove(signed, wire_id)
        except Refused as refused:
            code = refused.problems[0].code
            log.error("receipts.not_proven", code=code)
            return code
        return "proven"


async def _keep(node: Node, exchange_id: str, wire_id: str, signed: bytes, verdict: str, tx: Transaction) -> bool:
    exchange = await tx.exchange(exchange_id)
    if exchange.receipt_sha256 or exchange.wire_message_id != wire_id:
        return False
    digest = await tx.put_content(signed)
    await tx.save_exchange(replace(exchange, receipt_sha256=digest, updated_at=node.clock.now()))
    await tx.write_entry(node.entry("exchange.receipt_kept", exchange_id, verdict, sha256=digest, wire_id=wire_id))
    return True
