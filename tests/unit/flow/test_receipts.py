"""The other side's signed receipt is kept with the exchange when it can be had; nothing waits for it."""

from __future__ import annotations

import pytest

from broker.errors import NotFound, Problem, Refused, Unavailable
from broker.flow.answers import Receipts
from broker.flow.receipts import Receipt, SignedReceipts, receipt_of
from broker.flow.views import message_view
from broker.model.exchanges import Exchange
from tests.support.flow_node import Flow, case_in, dossier, sha256

SIGNED = b"<signed receipt/>"


async def acknowledged(flow: Flow) -> Exchange:
    """Sent, and the access point says that it arrived."""
    await case_in(flow, "RECEIVED")
    message_id = await flow.from_office(dossier("ApplicationAck"))
    flow.point.statuses = dict.fromkeys(flow.point.sent, "ACKNOWLEDGED")
    await Receipts(flow.node, flow.point).watch()
    return await flow.exchange(message_id)


async def test_a_signed_receipt_is_kept_once_with_its_exchange_and_in_the_journal(flow: Flow) -> None:
    sent = await acknowledged(flow)
    signed = SignedReceipts(flow.node, flow.point)
    flow.point.receipts[sent.wire_message_id] = SIGNED
    assert [await signed.fetch() for _ in range(3)] == [1, 0, 0]
    kept = await flow.exchange(sent.message_id)
    async with flow.store.transaction() as tx:
        assert await tx.content(kept.receipt_sha256) == SIGNED
    [entry] = await flow.journal("exchange.receipt_kept")
    assert (entry.target, entry.detail["sha256"]) == (sent.id, kept.receipt_sha256)


async def test_a_receipt_that_is_not_there_yet_is_asked_for_again(flow: Flow) -> None:
    sent = await acknowledged(flow)
    signed = SignedReceipts(flow.node, flow.point)
    flow.point.script[f"receipt {sent.wire_message_id}"].append(Unavailable("away"))
    assert [await signed.fetch() for _ in range(2)] == [0, 0]
    assert (await flow.exchange(sent.message_id)).state == sent.state
    flow.point.receipts[sent.wire_message_id] = SIGNED
    assert await signed.fetch() == 1


async def test_after_a_week_nobody_asks_any_more(flow: Flow) -> None:
    sent = await acknowledged(flow)
    flow.clock.advance(8 * 86400)
    flow.point.receipts[sent.wire_message_id] = SIGNED
    assert await SignedReceipts(flow.node, flow.point).fetch() == 0
    assert ("receipt", sent.wire_message_id) not in flow.point.calls


async def test_one_that_does_not_hold_is_kept_aside_and_a_good_one_is_awaited(flow: Flow) -> None:
    sent = await acknowledged(flow)
    flow.point.receipts = dict.fromkeys(flow.point.sent, SIGNED) | {sent.wire_message_id: b"<bad/>"}

    def prove(signed: bytes, message_id: str, envelope: bytes | None) -> bool:
        assert envelope == f"<envelope of {message_id}/>".encode()
        if signed != SIGNED:
            raise Refused((Problem("receipt-signature", "another certificate"),))
        return message_id == sent.wire_message_id

    signed = SignedReceipts(flow.node, flow.point, prove)
    assert [await signed.fetch() for _ in range(3)] == [1, 0, 0]  # the other one's
    bad = await flow.exchange(sent.message_id)
    assert (bad.receipt_sha256, bad.receipt_verdict) == ("", "receipt-signature")
    async with flow.store.transaction() as tx:
        assert (await message_view(tx, sent.message_id))["exchanges"][0]["receipt"] == "receipt-signature"
    flow.point.receipts[sent.wire_message_id] = SIGNED
    assert await signed.fetch() == 1
    good = await flow.exchange(sent.message_id)
    assert (good.receipt_sha256, good.receipt_verdict) == (sha256(SIGNED), "proven")
    entries = await flow.journal("exchange.receipt_kept")
    told = [(entry.outcome, entry.detail["sha256"]) for entry in entries if entry.target == sent.id]
    assert told == [("receipt-signature", sha256(b"<bad/>")), ("proven", sha256(SIGNED))]
    assert [entry.outcome for entry in entries if entry.target != sent.id] == ["signed"]


async def test_without_a_pinned_certificate_nothing_is_said_of_it(flow: Flow) -> None:
    sent = await acknowledged(flow)
    flow.point.receipts = dict.fromkeys(flow.point.sent, SIGNED)
    assert await SignedReceipts(flow.node, flow.point).fetch() == 2
    assert (await flow.exchange(sent.message_id)).receipt_verdict == "kept"
    assert "envelope" not in {name for name, _ in flow.point.calls}


async def given_out(flow: Flow, message_id: str) -> Receipt:
    async with flow.store.transaction() as tx:
        return await receipt_of(tx, await tx.exchanges_of_message(message_id))


async def test_the_receipt_that_holds_is_given_out_and_before_it_the_newest_that_does_not(flow: Flow) -> None:
    sent = await acknowledged(flow)
    with pytest.raises(NotFound):
        await given_out(flow, sent.message_id)

    def prove(signed: bytes, _: str, __: bytes | None) -> bool:
        if signed != SIGNED:
            raise Refused((Problem("receipt-signature", "another certificate"),))
        return True

    for data, verdict in ((b"<bad/>", "receipt-signature"), (b"<worse/>", "receipt-signature"), (SIGNED, "proven")):
        flow.point.receipts[sent.wire_message_id] = data
        flow.clock.advance(1)
        await SignedReceipts(flow.node, flow.point, prove).fetch()
        receipt = await given_out(flow, sent.message_id)
        assert (receipt.data, receipt.sha256, receipt.verdict) == (data, sha256(data), verdict)
        assert receipt.media_type == "application/soap+xml"
