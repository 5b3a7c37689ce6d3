"""The whole web of a node, as it is served: every route that needs anything turns forged tokens away.

Beside the API also the console, the push endpoint of the access point and that of REMS.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient

from adapters.system import TimeSortedIds
from broker.web.auth import PUBLIC, declared_of
from broker.web.console.session import cookie_name
from broker.web.health import Health, Heartbeats
from broker.web.metrics import Metrics
from broker.web.push import Push
from broker.web.rems import RemsDoor
from broker.web.server import Web, build_api_app
from tests.support.as_served import AsServed
from tests.support.console_node import settings
from tests.support.web_node import Flow, TestClock, services
from tests.unit.identity.test_tokens import FORGED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from adapters.store.sql import SqlStore

NODE = services(store=None, flow=Flow()).node  # type: ignore[arg-type]  # its name alone is asked for
#: Open to everybody: what a monitor asks, the keys of the node, how to sign in, and what a page is drawn with.
OPEN = {
    "/healthz",
    "/readyz",
    "/.well-known/jwks.json",
    "/console/login",
    "/console/language",
    "/console/static/{name}",
    "/console/accessibility",
}


@dataclass
class Takers:
    """Whatever came through to a door."""

    took: list[Any] = field(default_factory=list)

    async def take(self, *given: Any) -> None:
        self.took.append(given)

    set_aside = take


@pytest.fixture
def takers() -> Takers:
    return Takers()


@pytest.fixture
async def whole(store: SqlStore, flow: Flow, clock: TestClock, takers: Takers) -> AsyncIterator[Any]:
    made = Web(
        services=services(store, flow, clock),
        health=Health(clock, Heartbeats(clock)),
        metrics=Metrics(),
        ids=TimeSortedIds(lambda: 1),
        console=settings(),
        push=Push(
            name="ap",
            user="domibus",
            password="Push-Only-Tests-2026",
            take=takers.take,
            limit=1000,
            accepted=b"",
            media_type="text/xml",
        ),
        rems=RemsDoor(
            secrets={"rems": "Rems-Only-Tests-2026"}, take=takers.take, set_aside=takers.set_aside, limit=1000
        ),
    )
    async with TestClient(AsServed(build_api_app(made))) as client:
        yield client


def routes(client: Any) -> list[tuple[str, str]]:
    """Method and pattern of everything that is not open to everybody."""
    declared = declared_of(client.server.app)
    return [route for route, access in declared.items() if access != PUBLIC]


def address(pattern: str) -> str:
    return pattern.replace("{backend}", "rems").replace("{", "no-").replace("}", "")


def carried(forged: str) -> list[dict[str, Any]]:
    """Every way in which a token may be brought."""
    basic = b64encode(f"domibus:{forged}".encode()).decode()
    cookies = {"cookies": {cookie_name(NODE): forged}}
    return [
        {"headers": {"Authorization": f"Bearer {forged}"}},
        {"headers": {"Authorization": f"Basic {basic}"}},
        {"headers": {"X-API-key": forged}},
        cookies if forged else {},
    ]


async def test_all_doors_of_a_node_are_among_the_routes_and_what_is_open_is_known(whole: Any) -> None:
    patterns = {pattern for _, pattern in routes(whole)}
    assert {"/access-point/push", "/rems/{backend}/events", "/api/v1/messages"} <= patterns
    assert any(pattern.startswith("/console/") for pattern in patterns)
    assert any(pattern.startswith("/national-dispatcher/") for pattern in patterns)
    declared = declared_of(whole.server.app)
    assert {pattern for (_, pattern), access in declared.items() if access == PUBLIC} <= OPEN


@pytest.mark.parametrize("name", FORGED)
async def test_no_forged_token_gets_through_any_route(whole: Any, takers: Takers, flow: Flow, name: str) -> None:
    forged = FORGED[name][0].encode("ascii", "replace").decode()
    for method, pattern in routes(whole):
        for way in carried(forged):
            response = await whole.request(method, address(pattern), allow_redirects=False, data=b"{}", **way)
            assert response.status == 401, (method, pattern, way)
            assert not forged or forged not in await response.text()
    assert takers.took == []
    assert flow == Flow(), "nobody acted"


async def test_the_right_secrets_open_the_doors(whole: Any, takers: Takers) -> None:
    basic = b64encode(b"domibus:Push-Only-Tests-2026").decode()
    pushed = await whole.post("/access-point/push", data=b"<a/>", headers={"Authorization": f"Basic {basic}"})
    secret = {"Authorization": "Bearer Rems-Only-Tests-2026"}
    told = await whole.put("/rems/rems/events", data=b"{}", headers=secret)
    assert (pushed.status, told.status, len(takers.took)) == (200, 200, 2)
