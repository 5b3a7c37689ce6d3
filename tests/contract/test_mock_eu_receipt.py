"""The receipt that the mock signs holds before the broker's own check, and one that a fault spoils does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.access_point.receipts import prove
from broker.errors import Refused
from tests.support.mock_node import mock_node

if TYPE_CHECKING:
    from pathlib import Path

PART = ("cid:message", "application/json", b"{}")


async def test_the_brokers_check_proves_the_mocks_receipt_and_no_spoilt_one(tmp_path: Path) -> None:
    async with mock_node(tmp_path) as node:
        france = node.nation("fr")
        await france.submit("proven-1", PART)
        await france.until_status("proven-1", "ACKNOWLEDGED")
        async with node.session.get(f"{node.base}/certificate") as response:
            certificate = await response.read()
        path = "messages/usermessages/proven-1/signalEnvelope"
        receipt = prove((await france.ext("GET", path)).body, certificate, "proven-1")
        envelope = (await france.ext("GET", path.replace("signalEnvelope", "envelope"))).body
        await france.submit("other-1", PART)
        another = (await france.ext("GET", "messages/usermessages/other-1/envelope")).body
        await node.arm("wrong-signature")
        with pytest.raises(Refused) as caught:
            prove((await france.ext("GET", path)).body, certificate, "proven-1")
    assert receipt.ref_to_message_id == "proven-1"
    assert set(receipt.digests) == {"#sent-messaging", "#sent-body", "cid:message"}
    assert receipt.compared_with(envelope)
    assert not receipt.compared_with(None)
    with pytest.raises(Refused) as other:
        receipt.compared_with(another)
    assert [problem.code for problem in other.value.problems] == ["receipt-other-content"]
    assert [problem.code for problem in caught.value.problems] == ["receipt-signature"]
