"""Every route: who may call it, that forged tokens never get in, and that the contract names it."""

from datetime import timedelta
from typing import Any

import pytest
import yaml
from aiohttp import web
from openapi_spec_validator import validate

from adapters.identity.keys import generate
from adapters.identity.tokens import Grant, issue
from adapters.store.sql import SqlStore
from broker.data_files import schemas_dir
from broker.errors import ConfigurationError
from broker.model.identity import PERMITTED, Action, Role
from broker.web.auth import PUBLIC, Access, api_key, bearer, check_routes, declare, declared_of, guard
from tests.support.web_node import API_KEY, NOW, RING, Flow, TestClock, application, as_role, services, token
from tests.unit.identity.test_tokens import FORGED

NODE: Any = services(store=None, flow=Flow())  # type: ignore[arg-type]  # no request reaches the store
ROUTES: list[tuple[str, str, Access]] = [
    (method, path, access) for (method, path), access in declared_of(application(NODE)).items()
]
BEARER = [(method, path, access) for method, path, access in ROUTES if access.scheme is bearer]


def address(pattern: str) -> str:
    """A path that the pattern matches and nothing is kept under."""
    return pattern.replace("{", "no-").replace("}", "")


def contract() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((schemas_dir() / "openapi.yaml").read_text())
    return document


def test_there_are_routes_to_look_at() -> None:
    assert len(BEARER) == 23
    assert {access.scheme for _, _, access in ROUTES} == {bearer, api_key}


@pytest.mark.parametrize("name", FORGED)
async def test_no_forged_token_gets_in_anywhere(client: Any, name: str) -> None:
    forged = FORGED[name][0].encode("ascii", "replace").decode()
    for method, path, access in ROUTES:
        headers = {"Authorization": f"Bearer {forged}"} | ({"X-API-key": forged} if access.scheme is api_key else {})
        response = await client.request(method, address(path), headers=headers)
        body = await response.json(content_type=None)
        assert (response.status, response.content_type) == (401, "application/problem+json"), (method, path)
        assert body["type"] == "urn:hdeu:problem:unauthenticated"
        assert not forged or forged not in str(body)


async def test_without_a_token_or_with_one_in_query_or_cookie_nobody_gets_in(client: Any) -> None:
    good = token(*(set(Role) - {Role.BACKEND}))
    for method, path, _ in ROUTES:
        for more in ({}, {"params": {"access_token": good, "token": good}}, {"cookies": {"token": good}}):
            response = await client.request(method, address(path), **more)
            assert response.status == 401, (method, path)


@pytest.mark.parametrize("role", Role)
async def test_a_role_may_do_what_the_table_says_and_nothing_else(client: Any, role: Role) -> None:
    subject = "hdh" if role is Role.BACKEND else "urn:example:staff"
    for method, path, access in BEARER:
        response = await client.request(method, address(path), headers=as_role(role, subject=subject))
        body = await response.text()
        assert response.status != 401, (method, path)
        if path.startswith("/api/v1/contents") and role is Role.CASEWORKER:
            assert "unknown-backend" in body  # it may read documents, but is no back end
        else:
            assert (response.status == 403) == (access.action not in PERMITTED[role]), (method, path, body)


def test_every_action_guards_a_route() -> None:
    beside = {Action.ACCESS_POINT_PUSH}  # guards a route only where the access point pushes: test_push.py
    assert {access.action for _, _, access in ROUTES} == set(Action) - beside


@pytest.mark.parametrize("path", ["/national-dispatcher/applications", "/national-dispatcher/applications/x"])
async def test_the_dispatcher_takes_api_keys_only(client: Any, path: str) -> None:
    everything = as_role(*(set(Role) - {Role.BACKEND}))
    assert (await client.get(path, headers=everything)).status == 401
    assert (await client.get(path, headers={"X-API-key": API_KEY})).status in {200, 404}


async def test_a_token_expires_while_the_node_runs(client: Any, clock: TestClock) -> None:
    headers = as_role(Role.READER)
    assert (await client.get("/api/v1/cases", headers=headers)).status == 200
    clock.at += timedelta(hours=1, seconds=6)
    response = await client.get("/api/v1/cases", headers=headers)
    assert (response.status, (await response.json(content_type=None))["detail"]) == (401, "the token has expired")


async def test_a_one_time_token_is_good_for_one_request(client: Any) -> None:
    headers = {"Authorization": f"Bearer {token(Role.READER, one_time=True, name='once')}"}
    answers = [(await client.get("/api/v1/cases", headers=headers)).status for _ in range(3)]
    assert answers == [200, 401, 401]


async def test_a_key_that_is_not_the_nodes_does_not_help_at_another_node(client: Any) -> None:
    grant = Grant("urn:example:staff", frozenset({Role.OPERATOR}), timedelta(hours=1))
    for key, node in ((generate(), "fr"), (RING.current, "fi")):
        foreign = issue(key, grant, issuer="https://fr.example.org", node=node, now=NOW, token_id="t")
        response = await client.get("/api/v1/cases", headers={"Authorization": f"Bearer {foreign}"})
        assert response.status == 401


async def test_a_route_that_declares_nothing_stops_the_start(store: SqlStore) -> None:
    async def bare(_: web.Request) -> web.Response:
        return web.Response()

    app = application(services(store, Flow()))
    app.router.add_get("/bare", bare)
    with pytest.raises(ConfigurationError, match="/bare"):
        await check_routes(app)


async def test_a_public_route_needs_nothing_but_says_so(aiohttp_client: Any) -> None:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application(middlewares=[guard])
    declare(app, "GET", "/hello", PUBLIC, hello)
    app.on_startup.append(check_routes)
    client = await aiohttp_client(app)
    assert (await client.get("/hello")).status == 200


def test_the_contract_is_valid_openapi() -> None:
    validate(contract())


def test_the_contract_names_exactly_the_routes_there_are() -> None:
    described = {
        (method.upper(), path)
        for path, item in contract()["paths"].items()
        for method in item
        if method in {"get", "put", "post", "delete", "patch"}
    }
    assert described == {(method, path) for method, path, _ in ROUTES}


def test_the_contract_names_the_permission_each_route_needs() -> None:
    for method, path, access in BEARER:
        operation = contract()["paths"][path][method.lower()]
        assert access.action is not None
        assert f"`{access.action.value}`" in operation["description"], (method, path)
