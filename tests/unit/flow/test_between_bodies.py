"""Two nodes that speak directly: what a body takes from a body, and what only the Central Platform may send."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.flow_node import Flow, eu, eu_application, make_flow

if TYPE_CHECKING:
    from adapters.store.sql import SqlStore
    from adapters.xml import XmlDocuments
    from tests.support.samples import SetClock


@pytest.fixture
def body(store: SqlStore, documents: XmlDocuments, clock: SetClock) -> Flow:
    """A node before another body's."""
    made = make_flow(store, documents, clock)
    made.node = replace(made.node, wire=replace(made.node.wire, peer=True))
    return made


async def test_a_measure_of_another_body_is_answered_and_told_to_every_office(body: Flow) -> None:
    message_id = await body.from_eu(eu("EnforcementRecord"))
    states = {one.addressee: one.state for one in await body.exchanges(message_id) if one.addressee != "cp"}
    assert states == {"hdh": "ACKNOWLEDGED", "findata": "ACKNOWLEDGED"}
    [verdict] = body.told_central("ValidationResult")
    assert verdict["content"]["validated"] is True
    handed = [delivery for office in (body.hdh, body.findata) for delivery in office.taken.values()]
    assert [delivery.type for delivery in handed] == ["EnforcementRecord"] * 2
    assert await body.cases() == ()


async def test_a_decision_of_another_body_about_a_case_that_nobody_knows_here_waits(body: Flow) -> None:
    message_id = await body.from_eu(eu("DecisionNoticeToPeers"))
    assert (await body.exchange(message_id)).state == "HELD"


async def test_a_body_lodges_no_applications_with_another_and_is_told_so(body: Flow) -> None:
    message_id = await body.from_eu(eu_application(), "application/zip")
    refused = next(one for one in await body.exchanges(message_id) if one.state == "REFUSED")
    assert refused.problems[0]["code"] == "unexpected-message-type"
    assert "another body" in refused.problems[0]["detail"]
    assert await body.cases() == ()


async def test_the_central_platform_sends_no_measures_of_bodies_as_its_own(flow: Flow) -> None:
    message_id = await flow.from_eu(eu("EnforcementRecord"))
    refused = next(one for one in await flow.exchanges(message_id) if one.state == "REFUSED")
    assert refused.problems[0]["code"] == "unexpected-message-type"
