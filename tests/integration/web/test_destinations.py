"""Destinations over the staff API: shown to staff, paused and resumed by operators, with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from broker.model.identity import Role
from tests.support.web_node import as_role

if TYPE_CHECKING:
    from tests.support.web_node import Flow

OPERATOR = as_role(Role.OPERATOR)


async def test_staff_sees_where_messages_go(client: Any) -> None:
    for role in (Role.OPERATOR, Role.CASEWORKER):
        response = await client.get("/api/v1/destinations", headers=as_role(role))
        assert await response.json() == {"destinations": [{"name": "cp", "paused": False}]}


async def test_an_operator_pauses_and_resumes_in_its_own_name(client: Any, flow: Flow) -> None:
    body = {"reason": "Art. 75(12)"}
    response = await client.post("/api/v1/destinations/cp/pause", json=body, headers=OPERATOR)
    assert (response.status, (await response.json())["paused"]) == (200, True)
    response = await client.post("/api/v1/destinations/cp/resume", headers=OPERATOR)
    assert (response.status, (await response.json())["paused"]) == (200, False)
    staff = "urn:example:staff"
    assert flow.done == [("pause", "cp", staff, "Art. 75(12)"), ("resume", "cp", staff)]


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "x" * 501}, {"reason": 7}])
async def test_a_pause_needs_a_reason(client: Any, flow: Flow, body: dict[str, Any]) -> None:
    response = await client.post("/api/v1/destinations/cp/pause", json=body, headers=OPERATOR)
    assert response.status == 400
    assert flow.done == []


async def test_an_operator_lets_the_access_point_send_again(client: Any, flow: Flow) -> None:
    response = await client.post("/api/v1/messages/m-1/restore", headers=OPERATOR)
    assert (response.status, await response.json()) == (202, {"id": "m-1", "state": "SUBMITTED"})
    assert flow.done == [("restore", "m-1", "urn:example:staff")]
