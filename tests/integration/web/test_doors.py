"""The POST door and its neighbours: every refusal has its own code, and the next good request passes."""

import asyncio
import gzip
import hashlib
import io
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from multidict import CIMultiDict

from broker.errors import Conflict, Unavailable
from broker.flow.arrival import Accepted
from broker.flow.keep import KeyReused
from broker.model.identity import Role
from broker.model.messages import Door
from tests.support.web_node import (
    DOCUMENT,
    FINNISH,
    PLANTED,
    Flow,
    as_backend,
    as_role,
    message,
    refusal,
)

CONTRACT = yaml.safe_load((Path(__file__).parents[3] / "schemas/openapi.yaml").read_text("utf-8"))
XML = {"Content-Type": "application/xml", "Idempotency-Key": "k-1"}


async def problem_of(response: Any) -> dict[str, Any]:
    assert response.content_type == "application/problem+json"
    body: dict[str, Any] = await response.json(content_type=None)
    assert body["status"] == response.status
    assert body["type"].startswith("urn:hdeu:problem:")
    return body


async def post(client: Any, data: bytes = DOCUMENT, **headers: str) -> Any:
    return await client.post("/api/v1/messages", data=io.BytesIO(data), headers=as_backend(**XML) | headers)


async def test_a_message_is_accepted_with_its_address(client: Any, flow: Flow) -> None:
    response = await post(client)
    assert response.status == 202
    assert response.headers["Location"] == "/api/v1/messages/m-new"
    assert await response.json() == {"id": "m-new", "state": "QUEUED"}
    arrival = flow.arrivals[0]
    assert (arrival.door, arrival.party, arrival.key) == (Door.HTTP, "hdh", "k-1")
    assert (arrival.data, arrival.content_type) == (DOCUMENT, "application/xml")


async def test_json_is_taken_too(client: Any, flow: Flow) -> None:
    response = await post(client, b"{}", **{"Content-Type": "application/json; charset=utf-8"})
    assert response.status == 202
    assert flow.arrivals[0].content_type == "application/json"


async def test_a_refused_message_is_named_with_its_problems(client: Any, flow: Flow) -> None:
    flow.answer = Accepted("m-bad", fresh=True, state="REFUSED", problems=(refusal(),))
    response = await post(client)
    body = await problem_of(response)
    assert (response.status, body["type"], body["id"]) == (422, "urn:hdeu:problem:refused", "m-bad")
    assert response.headers["Location"] == body["instance"] == "/api/v1/messages/m-bad"
    assert body["problems"] == [refusal().as_dict()]


@pytest.mark.parametrize("state", ["QUEUED", "REFUSED"])
async def test_the_same_submission_again_gets_the_same_answer_and_says_so(client: Any, flow: Flow, state: str) -> None:
    answers = []
    for fresh in (True, False):
        flow.answer = Accepted("m-1", fresh=fresh, state=state, problems=(refusal(),) if state == "REFUSED" else ())
        response = await post(client)
        answers.append((response.status, await response.json(content_type=None)))
    assert answers[0] == answers[1]
    assert response.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("error", [KeyReused(message("m-1", sha256="0" * 64)), Conflict("taken")])
async def test_the_same_key_with_other_bytes_is_a_conflict(client: Any, flow: Flow, error: Exception) -> None:
    flow.answer = error
    response = await post(client)
    assert response.status == 409
    assert (await problem_of(response))["type"] == "urn:hdeu:problem:key-reused"


BAD: dict[str, tuple[dict[str, str | None], int, str]] = {
    "no key": ({"Idempotency-Key": None}, 400, "idempotency-key-missing"),
    "an empty key": ({"Idempotency-Key": "  "}, 400, "idempotency-key-missing"),
    "a key that is too long": ({"Idempotency-Key": "k" * 256}, 400, "idempotency-key-invalid"),
    "a key with a space": ({"Idempotency-Key": "a b"}, 400, "idempotency-key-invalid"),
    "text": ({"Content-Type": "text/plain"}, 415, "unsupported-media-type"),
    "a form": ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported-media-type"),
    "packed in words alone": ({"Content-Encoding": "gzip"}, 400, "body-unreadable"),
    "packed by brotli": ({"Content-Encoding": "br"}, 415, "content-encoding-unsupported"),
    "packed by zstd": ({"Content-Encoding": "zstd"}, 415, "content-encoding-unsupported"),
    "packed twice": ({"Content-Encoding": "gzip, gzip"}, 415, "content-encoding-unsupported"),
    "packed in a way that nobody knows": ({"Content-Encoding": "x-urn:example"}, 415, "content-encoding-unsupported"),
    "packed beyond ASCII": ({"Content-Encoding": "gzíp"}, 415, "content-encoding-unsupported"),
    "no token": ({"Authorization": None}, 401, "unauthenticated"),
    "a token of another kind": ({"Authorization": "Basic aGRoOmhkaA=="}, 401, "unauthenticated"),
    "a word for a token": ({"Authorization": "Bearer hdh"}, 401, "unauthenticated"),
    "an empty token": ({"Authorization": "Bearer "}, 401, "unauthenticated"),
    "an unknown back end": (as_backend("urn:example:other"), 403, "unknown-backend"),
    "staff": (as_role(Role.CASEWORKER), 403, "forbidden"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_wrong_request_has_its_own_code_and_the_next_good_one_passes(
    client: Any, flow: Flow, name: str
) -> None:
    changes, status, code = BAD[name]
    headers = {key: value for key, value in (as_backend(**XML) | changes).items() if value is not None}
    response = await client.post("/api/v1/messages", data=DOCUMENT, headers=headers)
    body = await problem_of(response)
    assert (response.status, body["type"]) == (status, f"urn:hdeu:problem:{code}")
    assert not flow.arrivals
    assert PLANTED not in str(body)
    assert ("WWW-Authenticate" in response.headers) == (status == 401)
    assert (await post(client)).status == 202


async def test_an_unknown_coding_is_answered_with_those_that_are_taken_and_what_to_do(client: Any) -> None:
    response = await post(client, b"\x1b\x02", **{"Content-Encoding": "br"})
    [problem] = (await problem_of(response))["problems"]
    assert response.headers["Accept-Encoding"] == "gzip, deflate, identity"
    assert (problem["path"], problem["value"]) == ("Content-Encoding", "br")
    assert "Accept-Encoding" in problem["hint"]


WITH_BODIES = [
    ("POST", "/api/v1/messages", "/api/v1/messages", as_backend(**XML)),
    ("PUT", "/api/v1/attachments/{sha256}", f"/api/v1/attachments/{'0' * 64}", as_backend()),
    ("POST", "/api/v1/messages/{id}/sign-off", "/api/v1/messages/m-1/sign-off", as_role(Role.CASEWORKER)),
    ("POST", "/api/v1/messages/{id}/close", "/api/v1/messages/m-1/close", as_role(Role.OPERATOR)),
    ("POST", "/api/v1/destinations/{name}/pause", "/api/v1/destinations/cp/pause", as_role(Role.OPERATOR)),
]


@pytest.mark.parametrize(("method", "pattern", "path", "headers"), WITH_BODIES)
async def test_every_address_that_reads_a_body_refuses_an_unknown_coding_and_says_so_in_the_contract(
    client: Any, flow: Flow, method: str, pattern: str, path: str, headers: dict[str, str]
) -> None:
    response = await client.request(method, path, data=b"\x1b", headers=headers | {"Content-Encoding": "br"})
    assert (await problem_of(response))["type"] == "urn:hdeu:problem:content-encoding-unsupported"
    assert (response.status, flow.arrivals, flow.done) == (415, [], [])
    assert "415" in CONTRACT["paths"][pattern][method.lower()]["responses"]


def test_no_other_address_reads_a_body() -> None:
    reading = {
        (method.upper(), path)
        for path, operations in CONTRACT["paths"].items()
        for method, operation in operations.items()
        if "requestBody" in operation
    }
    assert reading == {(method, pattern) for method, pattern, _, _ in WITH_BODIES}


async def test_headers_that_name_a_coding_twice_are_one_list(client: Any, flow: Flow) -> None:
    headers = CIMultiDict([*as_backend(**XML).items(), ("Content-Encoding", "gzip"), ("Content-Encoding", "gzip")])
    twice = gzip.compress(gzip.compress(DOCUMENT))
    response = await client.post("/api/v1/messages", data=io.BytesIO(twice), headers=headers)
    assert (response.status, flow.arrivals) == (415, [])


def _bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKED = {
    "gzip": ("gzip", gzip.compress(DOCUMENT, mtime=0)),
    "GZIP": ("GZIP", gzip.compress(DOCUMENT)),
    "x-gzip": ("x-gzip", gzip.compress(DOCUMENT)),
    "gzip in two members": ("gzip", gzip.compress(DOCUMENT[:9]) + gzip.compress(DOCUMENT[9:])),
    "deflate": ("deflate", zlib.compress(DOCUMENT)),
    "deflate without its frame": ("deflate", _bare_deflate(DOCUMENT)),
    "identity": ("identity", DOCUMENT),
    "an empty list": (" , ", DOCUMENT),
}


@pytest.mark.parametrize("name", PACKED)
async def test_a_packed_document_is_kept_unpacked(client: Any, flow: Flow, name: str) -> None:
    coding, sent = PACKED[name]
    assert (await post(client, sent, **{"Content-Encoding": coding})).status == 202
    assert flow.arrivals[0].data == DOCUMENT


async def test_a_large_packed_document_comes_out_whole(client: Any, flow: Flow) -> None:
    data = b"".join(hashlib.sha256(number.to_bytes(4)).digest() for number in range(100_000)) + bytes(6_000_000)
    assert (await post(client, gzip.compress(data, 1), **{"Content-Encoding": "gzip"})).status == 202
    assert flow.arrivals[0].data == data


@pytest.mark.parametrize(
    ("coding", "sent"),
    [
        ("gzip", gzip.compress(DOCUMENT, mtime=0)[:-1]),
        ("gzip", gzip.compress(DOCUMENT, mtime=0)[:15]),
        ("gzip", gzip.compress(DOCUMENT, mtime=0) + b"more"),
        ("gzip", gzip.compress(DOCUMENT, mtime=0)[:-8] + bytes(8)),
        ("deflate", zlib.compress(DOCUMENT) + b"more"),
        ("deflate", zlib.compress(DOCUMENT)[:-1]),
        ("deflate", DOCUMENT),
    ],
)
async def test_a_body_that_is_packed_wrongly_or_breaks_off_is_refused(
    client: Any, flow: Flow, coding: str, sent: bytes
) -> None:
    response = await post(client, sent, **{"Content-Encoding": coding})
    body = await problem_of(response)
    assert (response.status, body["type"]) == (400, "urn:hdeu:problem:body-unreadable")
    assert body["problems"][0]["hint"]
    assert not flow.arrivals
    assert (await post(client)).status == 202


async def test_ten_megabytes_pass_and_one_byte_more_does_not(client: Any, flow: Flow) -> None:
    assert (await post(client, b"x" * 10_000_000)).status == 202
    response = await post(client, b"x" * 10_000_001)
    assert response.status == 413
    assert (await problem_of(response))["problems"][0]["code"] == "document-too-large"
    assert len(flow.arrivals) == 1
    assert (await post(client)).status == 202


async def test_a_body_of_unknown_or_packed_length_is_limited_as_well(client: Any, flow: Flow) -> None:
    async def endless() -> Any:
        for _ in range(200):
            yield b"x" * 100_000
            await asyncio.sleep(0)

    response = await client.post("/api/v1/messages", data=endless(), headers=as_backend(**XML))
    assert response.status == 413
    bomb = gzip.compress(bytes(50_000_000))
    packed = await post(client, bomb, **{"Content-Encoding": "gzip"})
    assert packed.status == 413
    assert not flow.arrivals


async def test_what_is_not_available_may_be_tried_again(client: Any, flow: Flow) -> None:
    flow.answer = Unavailable("postgresql://user:secret@db is away")
    response = await post(client)
    body = await problem_of(response)
    assert (response.status, response.headers["Retry-After"]) == (503, "5")
    assert "secret" not in str(body)


async def test_the_unforeseen_is_told_by_an_incident_only(
    client: Any, flow: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    flow.answer = RuntimeError("inner words")
    response = await post(client)
    body = await problem_of(response)
    assert (response.status, body["type"]) == (500, "urn:hdeu:problem:internal-error")
    assert "inner words" not in str(body)
    assert body["instance"].startswith("urn:uuid:")
    assert body["instance"] in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not-found"),
        ("DELETE", "/api/v1/messages", 405, "method-not-allowed"),
        ("GET", "/", 404, "not-found"),
    ],
)
async def test_unknown_addresses_are_problems_too(client: Any, method: str, path: str, status: int, code: str) -> None:
    response = await client.request(method, path)
    body = await problem_of(response)
    assert (response.status, body["type"]) == (status, f"urn:hdeu:problem:{code}")
    assert ("Allow" in response.headers) == (status == 405)


async def test_an_attachment_is_kept_once_under_its_own_hash(client: Any, flow: Flow) -> None:
    data = b"%PDF of an attachment"
    address = f"/api/v1/attachments/{hashlib.sha256(data).hexdigest()}"
    answers = [await client.put(address, data=data, headers=as_backend()) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 200]
    assert (await answers[0].json())["size"] == len(data)
    assert flow.done == [("file", "hdh", str(len(data)))] * 2


@pytest.mark.parametrize(
    ("data", "hashed", "status", "code"),
    [
        (b"a", b"b", 422, "hash-mismatch"),
        (b"x" * 1_000_001, b"x" * 1_000_001, 413, "attachment-too-large"),
    ],
)
async def test_an_attachment_that_is_not_what_it_says_is_refused(
    client: Any, data: bytes, hashed: bytes, status: int, code: str
) -> None:
    address = f"/api/v1/attachments/{hashlib.sha256(hashed).hexdigest()}"
    response = await client.put(address, data=data, headers=as_backend())
    body = await problem_of(response)
    assert (response.status, body["problems"][0]["code"]) == (status, code)


async def test_a_hash_in_capitals_is_another_hash(client: Any) -> None:
    address = f"/api/v1/attachments/{hashlib.sha256(b'a').hexdigest().upper()}"
    assert (await client.put(address, data=b"a", headers=as_backend())).status == 422


async def test_a_claim_check_is_for_its_addressee_only(client: Any) -> None:
    address = f"/api/v1/contents/{hashlib.sha256(FINNISH).hexdigest()}"
    mine = await client.get(address, headers=as_backend("findata"))
    assert (mine.status, await mine.read()) == (200, FINNISH)
    for headers, status in ((as_backend("hdh"), 404), (as_role(Role.CASEWORKER), 403), (as_role(Role.READER), 403)):
        assert (await client.get(address, headers=headers)).status == status
    unknown = await client.get(f"/api/v1/contents/{'0' * 64}", headers=as_backend("findata"))
    assert unknown.status == 404
