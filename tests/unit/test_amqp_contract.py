"""The names in code, in `schemas/asyncapi.yaml` and in `config/definitions.json` are the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml
from aio_pika import IncomingMessage
from aiormq.abc import DeliveredMessage
from pamqp import commands
from pamqp.header import ContentHeader

from adapters.amqp.topology import EXCHANGES, NATIONAL_OUT, Topology, in_queue, work_queue
from adapters.backends.amqp import CLAIM_CHECK, CLAIM_CHECK_ABOVE, AmqpBackend, routing_key
from adapters.backends.amqp_door import error_notice
from adapters.backends.envelope import headers
from broker.errors import Problem
from broker.model.messages import MessageType
from broker.model.work import TICKETED
from tests.support.deliveries import a_delivery

ROOT = Path(__file__).parents[2]
BACKENDS = ("hdh", "findata")


@pytest.fixture(scope="module")
def asyncapi() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "schemas/asyncapi.yaml").read_text())


@pytest.fixture(scope="module")
def definitions() -> dict[str, Any]:
    return json.loads((ROOT / "config/definitions.json").read_text())


def payload_schema(asyncapi: dict[str, Any], message: str) -> dict[str, Any]:
    return {**asyncapi["components"]["messages"][message]["payload"], "components": asyncapi["components"]}


def an_incoming(**properties: Any) -> IncomingMessage:
    return IncomingMessage(
        DeliveredMessage(
            delivery=commands.Basic.Deliver("tag", 1, False, "hdeu.national.out", "hdh.StatusUpdate"),  # noqa: FBT003
            header=ContentHeader(properties=commands.Basic.Properties(**properties)),
            body=b"<Dossier/>",
            channel=None,  # type: ignore[arg-type]
        )
    )


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for value in node.values() for found in references(value)]
    return [found for value in node for found in references(value)] if isinstance(node, list) else []


def test_every_reference_in_the_contract_leads_somewhere(asyncapi: dict[str, Any]) -> None:
    found = references(asyncapi)
    assert len(found) > 20
    for reference in found:
        node = asyncapi
        for step in urlsplit(reference).fragment.strip("/").split("/"):
            node = node[step]


def test_the_contract_names_the_exchanges_of_the_code(asyncapi: dict[str, Any]) -> None:
    bindings = [channel["bindings"]["amqp"] for channel in asyncapi["channels"].values()]
    named = {one["exchange"]["name"]: one["exchange"]["type"] for one in bindings if "exchange" in one}
    assert named == {name: kind.value for name, kind in EXCHANGES.items()}
    assert all(one["exchange"]["durable"] for one in bindings if "exchange" in one)


def test_the_contract_names_the_queues_of_the_code_with_their_arguments(asyncapi: dict[str, Any]) -> None:
    channels = asyncapi["channels"].values()
    described = {
        channel["bindings"]["amqp"]["queue"]["name"]: channel["x-queue-arguments"]
        for channel in channels
        if "queue" in channel["bindings"]["amqp"]
    }
    live = {
        queue.name: queue.arguments for queue in Topology(("{backend}",)).queues if not queue.name.endswith(".dead")
    }
    assert described == live


def test_the_contract_describes_every_header_and_content_type_that_is_sent(asyncapi: dict[str, Any]) -> None:
    named = set(asyncapi["components"]["schemas"]["headers"]["properties"])
    sent = AmqpBackend("hdh", None, node="fr", api_base="")._message(  # type: ignore[arg-type]
        a_delivery(b"x" * (CLAIM_CHECK_ABOVE + 1), causation_id="m")
    )
    assert set(headers(a_delivery(causation_id="m"), node="fr")) | set(sent.headers) == named
    assert asyncapi["components"]["messages"]["claimCheck"]["contentType"] == CLAIM_CHECK == sent.content_type
    jsonschema.validate(json.loads(sent.body), payload_schema(asyncapi, "claimCheck"))


def test_error_notices_are_as_the_contract_says(asyncapi: dict[str, Any]) -> None:
    problem = Problem("not-xml", "no", path="/", rule="r", value="v", hint="h")
    notice = error_notice(an_incoming(message_id="m-1", user_id="hdh"), (problem,), node="fr")
    body = json.loads(notice.body)
    jsonschema.validate(body, payload_schema(asyncapi, "error"))
    assert body == {"key": "m-1", "message_id": "m-1", "problems": [problem.as_dict()]}
    assert set(notice.headers) <= set(asyncapi["components"]["schemas"]["headers"]["properties"])


def test_an_error_notice_has_the_same_id_for_the_same_message_and_another_for_another() -> None:
    def notice_id(message_id: str) -> str | None:
        return error_notice(an_incoming(message_id=message_id, user_id="hdh"), (), node="fr").message_id

    assert notice_id("m-1") == notice_id("m-1") != notice_id("m-2")


def test_every_message_type_has_a_routing_key_of_its_back_end() -> None:
    keys = {routing_key("hdh", kind) for kind in MessageType}
    assert len(keys) == len(MessageType)
    assert {"hdh.error", "hdh.outcome", "hdh.StatusUpdate"} <= keys


def test_work_queues_are_named_as_the_design_names_them() -> None:
    assert {work_queue(kind) for kind in TICKETED} == {"hdeu.work.prepare", "hdeu.work.deliver"}


def test_the_definitions_declare_what_the_code_declares(definitions: dict[str, Any]) -> None:
    queues = Topology(BACKENDS).queues
    assert {one["name"]: one["arguments"] for one in definitions["queues"]} == {q.name: q.arguments for q in queues}
    assert {one["name"]: one["type"] for one in definitions["exchanges"]} == {n: k.value for n, k in EXCHANGES.items()}
    bound = {(one["source"], one["destination"], one["routing_key"]) for one in definitions["bindings"]}
    assert bound == {(exchange, queue.name, key) for queue in queues for exchange, key in queue.bindings}
    everything = (one for kind in ("queues", "exchanges", "bindings") for one in definitions[kind])
    assert {one["vhost"] for one in everything} == {"/hdeu"}


def test_the_definitions_hold_no_secret(definitions: dict[str, Any]) -> None:
    users = definitions["users"]
    assert {user["name"] for user in users} == {"hdeu", *BACKENDS}
    assert all(user["password_hash"] == "" and not user["tags"] for user in users)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_back_end_may_write_its_own_keys_and_read_its_own_queue_only(
    definitions: dict[str, Any], backend: str
) -> None:
    [rights] = [one for one in definitions["permissions"] if one["user"] == backend]
    [topic] = [one for one in definitions["topic_permissions"] if one["user"] == backend]
    names = [*EXCHANGES, *(queue.name for queue in Topology(BACKENDS).queues), "amq.default", "amq.topic"]
    assert [name for name in names if re.search(rights["configure"], name)] == []
    assert [name for name in names if re.search(rights["write"], name)] == [NATIONAL_OUT]
    assert [name for name in names if re.search(rights["read"], name)] == [in_queue(backend)]
    keys = ["hdh.X", "findata.X", "hdhx.X", "X.hdh.X"]
    assert [key for key in keys if re.search(topic["write"], key)] == [f"{backend}.X"]
    assert topic["exchange"] == NATIONAL_OUT
