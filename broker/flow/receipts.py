"""Signed receipts: the other side's own proof that it has a message, fetched from the access point and kept.

The state of an exchange never waits for one. What the access point does not hand out, or hands out broken, is asked for
again for a week; a broken one is kept as well, aside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from broker.errors import BrokerError, NotFound, Refused
from broker.flow.node import Node, commit, log

if TYPE_CHECKING:
    from broker.model.exchanges import Exchange
    from broker.ports import AccessPoint, Transaction

#: Takes a signed receipt, the MessageId that it must acknowledge, and the envelope that was sent, where that is known.
#: Whether its digests are those of what was sent. Raises: Refused.
Prove = Callable[[bytes, str, bytes | None], bool]
KEPT: Final = "kept"  #: nobody's certificate is pinned, so that nothing is known of it
SIGNED: Final = "signed"  #: by the pinned certificate, for this MessageId; what was sent could not be compared
PROVEN: Final = "proven"  #: and its digests are those of what was sent
HOLDS: Final = frozenset({KEPT, SIGNED, PROVEN})
ASKED_FOR: Final = timedelta(days=7)
BATCH: Final = 20


@dataclass(frozen=True, slots=True)
class Receipt:
    """A signed receipt as it was kept, and what was found of it."""

    data: bytes
    sha256: str
    verdict: str

    @property
    def media_type(self) -> str:
        """A signal message of AS4, or the token of eu-https."""
        return "application/soap+xml" if self.data.lstrip()[:1] == b"<" else "application/jwt"


async def receipt_of(tx: Transaction, exchanges: tuple[Exchange, ...]) -> Receipt:
    """The first receipt that holds, else the newest that does not. Raises: NotFound."""
    for exchange in exchanges:
        if exchange.receipt_sha256:
            data = await tx.content(exchange.receipt_sha256)
            return Receipt(data, exchange.receipt_sha256, exchange.receipt_verdict)
    entries = await tx.entries_about(tuple(exchange.id for exchange in exchanges))
    broken = [entry for entry in entries if entry.action == "exchange.receipt_kept"]
    if not broken:
        raise NotFound("no signed receipt of this message is kept (yet)")
    digest = broken[-1].detail["sha256"]
    return Receipt(await tx.content(digest), digest, broken[-1].outcome)


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
            sent = await self.access_point.sent_envelope(wire_id) if signed and self.prove else None
        except BrokerError as problem:
            log.warning("receipts.not_fetched", exchange_id=exchange_id, code=problem.code)
            return False
        if not signed:
            return False
        verdict = self._verdict(wire_id, signed, sent)
        return await commit(self.node, partial(_keep, self.node, exchange_id, wire_id, signed, verdict))

    def _verdict(self, wire_id: str, signed: bytes, sent: bytes | None) -> str:
        """One of those that hold, or the code of what is wrong with it."""
        if self.prove is None:
            return KEPT
        try:
            return PROVEN if self.prove(signed, wire_id, sent) else SIGNED
        except Refused as refused:
            return refused.problems[0].code


async def _keep(node: Node, exchange_id: str, wire_id: str, signed: bytes, verdict: str, tx: Transaction) -> bool:
    """Whether it is the exchange's receipt from now on; one that does not hold is kept once, and another is awaited."""
    exchange = await tx.exchange(exchange_id)
    if exchange.receipt_sha256 or exchange.wire_message_id != wire_id:
        return False
    holds, digest = verdict in HOLDS, hashlib.sha256(signed).hexdigest()
    if not holds and exchange.receipt_verdict == verdict and await tx.has_content(digest):
        return False
    if not holds:
        log.error("receipts.not_proven", exchange_id=exchange_id, code=verdict)
    await tx.put_content(signed)
    after = replace(exchange, receipt_verdict=verdict, updated_at=node.clock.now())
    await tx.save_exchange(replace(after, receipt_sha256=digest) if holds else after)
    await tx.write_entry(node.entry("exchange.receipt_kept", exchange_id, verdict, sha256=digest, wire_id=wire_id))
    return holds
