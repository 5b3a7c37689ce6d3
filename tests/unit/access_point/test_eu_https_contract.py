"""The contract of eu-https (`schemas/eu-https.yaml`) says what both sides do: routes, messages, and what is none."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from hypothesis import given
from openapi_spec_validator import validate

from adapters.access_point.eu_https import documents, tokens
from adapters.mock_eu import Settings as MockSettings
from adapters.mock_eu import create_app
from broker.data_files import schemas_dir
from broker.web.auth import declared_of
from broker.web.counterpart import PATH, Counterpart, add_counterpart_routes
from tests.support.eu_https_contract import CONTRACT, schema
from tests.unit.access_point.test_eu_https_documents import BAD, GOOD, MESSAGES

if TYPE_CHECKING:
    from pathlib import Path

    from broker.ports import UserMessage

METHODS = {"get", "post", "delete", "put", "patch"}
#: What a schema cannot say: names twice, how deep, that parts have different names.
BEYOND = {"a name twice", "very deep", "one part twice"}
NOT_JSON = {"empty-document", "not-json", "bad-encoding"}


def described(*tags: str) -> set[tuple[str, str]]:
    found = {
        (method.upper(), path): operation
        for path, item in CONTRACT["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }
    return {place for place, operation in found.items() if set(operation["tags"]) & set(tags)}


def test_the_contract_is_valid_openapi() -> None:
    validate(CONTRACT)


def test_a_node_offers_what_everybody_offers_and_nothing_else() -> None:
    async def never(*_: object) -> Any:
        raise AssertionError

    app = web.Application()
    other = Counterpart(party="x", prove=never, use_up=never, take=never, known=never, keys={}, limit=1)
    add_counterpart_routes(app, other)
    assert {(method, path.removeprefix(PATH)) for method, path in declared_of(app)} == described("everybody")


def test_the_mock_offers_what_a_platform_offers(tmp_path: Path) -> None:
    app = create_app(MockSettings(data_dir=tmp_path))
    base = "/{nation}/eu-https"
    routes = {
        (route.method, re.sub(r"\{id\}", "{message_id}", route.resource.canonical.removeprefix(base)))
        for route in app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith(base) and route.method != "HEAD"
    }
    assert routes == described("everybody", "platform")


def test_every_operation_that_is_signed_has_its_name_in_the_tokens() -> None:
    names = {
        operation["operationId"]
        for item in CONTRACT["paths"].values()
        for method, operation in item.items()
        if method in METHODS and operation.get("security") != []
    }
    assert names == {"submit", "status", "pending", "retrieve", "downloaded"}
    page = (schemas_dir().parent / "docs" / "eu-https.md").read_text("utf-8")
    assert all(f"`{name}`" in page for name in names)
    assert f"`{tokens.REQUEST}`" in page
    assert f"`{tokens.RECEIPT}`" in page


@given(MESSAGES)
def test_every_message_that_is_written_is_one_of_the_contract(message: UserMessage) -> None:
    assert list(schema("Message").iter_errors(json.loads(documents.written(message)))) == []


def test_the_example_is_a_message_of_the_contract() -> None:
    assert schema("Message").is_valid(GOOD)


@pytest.mark.parametrize("name", [name for name, bad in BAD.items() if name not in BEYOND and bad[1] not in NOT_JSON])
def test_what_is_refused_for_its_shape_is_no_message_of_the_contract(name: str) -> None:
    given, _, _ = BAD[name]
    assert not schema("Message").is_valid(json.loads(given) if isinstance(given, bytes) else given)
