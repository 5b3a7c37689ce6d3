"""Who is let into the console, and what every answer carries; by plain requests."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.identity.keys import generate
from adapters.identity.tokens import Grant, issue
from broker.model.identity import Identity, Role
from broker.web.console import ROUTES
from broker.web.console import session as sessions
from broker.web.console.gate import where_to
from tests.console.conftest import running_console
from tests.support.console_node import CASE, DECISION, SESSION_KEY
from tests.support.web_node import NOW, RING, token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.console.conftest import ConsoleNode

READER = Identity("urn:example:reader", frozenset({Role.READER}))
GUARDED = [
    (method, path.replace("{id}", DECISION).replace("{key}", CASE))
    for method, path, access, _ in ROUTES
    if access.action is not None
]
COOKIE = sessions.cookie_name("fr")


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[ConsoleNode]:
    async with running_console(tmp_path) as started:
        yield started


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


def claims(**changes: Any) -> dict[str, Any]:
    at = int(NOW.timestamp())
    whole = {"iss": "https://fr.example.org", "aud": "hdeu:fr", "sub": "urn:example:staff", "roles": ["reader"]}
    return whole | {"iat": at, "nbf": at, "exp": at + 3600, "jti": "j"} | changes


def forged() -> dict[str, str]:
    grant = Grant("urn:example:staff", frozenset({Role.READER}), timedelta(hours=1))
    other, current = generate(), RING.current
    kid = current.id
    public = current.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    late = NOW - timedelta(hours=3)
    site = {"issuer": "https://fr.example.org", "token_id": "j"}
    lacking = {name: value for name, value in claims().items() if name != "roles"}
    return {
        "none": jwt.encode(claims(), None, algorithm="none", headers={"kid": kid}),
        "another key": issue(other, grant, node="fr", now=NOW, **site),
        "HS256 with the public key": jwt.encode(claims(), public, algorithm="HS256", headers={"kid": kid}),
        "expired": issue(current, grant, node="fr", now=late, **site),
        "another audience": issue(current, grant, node="fi", now=NOW, **site),
        "no roles": jwt.encode(lacking, current.private, algorithm=current.algorithm, headers={"kid": kid}),
        "garbage": "not.a.token",
        "empty": "",
    }


@pytest.mark.parametrize("kind", list(forged()))
async def test_a_forged_token_meets_the_login_page_on_every_route(
    node: ConsoleNode, http: aiohttp.ClientSession, kind: str
) -> None:
    for method, path in GUARDED:
        headers = {"Authorization": f"Bearer {forged()[kind]}"}
        async with http.request(method, node.at(path), headers=headers, allow_redirects=False) as answer:
            assert answer.status == 401, (method, path)
            assert "login" in await answer.text()
    async with http.post(node.at("/login"), data={"token": forged()[kind]}) as answer:
        assert answer.status == 401
        assert "Set-Cookie" not in answer.headers


async def test_without_a_token_every_route_is_closed(node: ConsoleNode, http: aiohttp.ClientSession) -> None:
    assert len(GUARDED) == len(ROUTES) - 2
    for method, path in GUARDED:
        async with http.request(method, node.at(path), allow_redirects=False) as answer:
            assert (answer.status, answer.content_type) == (401, "text/html"), (method, path)


async def test_a_bearer_token_opens_a_page_without_a_session(node: ConsoleNode, http: aiohttp.ClientSession) -> None:
    headers = {"Authorization": f"Bearer {token(Role.READER)}"}
    async with http.get(node.at(f"/messages/{DECISION}"), headers=headers) as answer:
        assert answer.status == 200
        assert DECISION in await answer.text()


async def test_a_bad_token_in_the_header_is_not_saved_by_a_good_session(
    node: ConsoleNode, http: aiohttp.ClientSession
) -> None:
    headers = {"Authorization": "Bearer not.a.token", "Cookie": f"{COOKIE}={good_session()}"}
    async with http.get(node.at("/messages"), headers=headers) as answer:
        assert answer.status == 401


async def test_a_back_end_has_no_business_here(node: ConsoleNode, http: aiohttp.ClientSession) -> None:
    secret = token(Role.BACKEND, subject="hdh")
    for path in ("/messages", f"/messages/{DECISION}", f"/cases/{CASE}"):
        async with http.get(node.at(path), headers={"Authorization": f"Bearer {secret}"}) as answer:
            assert answer.status == 403, path
    async with http.post(node.at("/login"), data={"token": secret}, allow_redirects=False) as answer:
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers


def good_session(**changes: Any) -> str:
    given = {"key": SESSION_KEY, "node": "fr", "now": NOW, "lifetime": timedelta(hours=1)} | changes
    return sessions.issue(READER, **given)


def tampered(secret: str) -> str:
    head, body, signature = secret.split(".")
    read = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = base64.urlsafe_b64encode(json.dumps(read | {"roles": ["operator"]}).encode()).decode().rstrip("=")
    return f"{head}.{changed}.{signature}"


async def test_only_a_session_of_this_node_that_is_not_over_opens_a_page(
    node: ConsoleNode, http: aiohttp.ClientSession
) -> None:
    cases = {
        good_session(): 200,
        good_session(key=bytes(32)): 401,
        good_session(node="fi"): 401,
        good_session(now=NOW - timedelta(hours=2)): 401,
        tampered(good_session()): 401,
        jwt.encode(claims(iss="hdeu-console", aud="hdeu-console:fr"), None, algorithm="none"): 401,
        token(Role.READER): 401,
        "": 401,
    }
    for secret, status in cases.items():
        async with http.get(node.at("/messages"), headers={"Cookie": f"{COOKIE}={secret}"}) as answer:
            assert answer.status == status, secret


async def test_a_session_is_no_token_for_the_api(node: ConsoleNode, http: aiohttp.ClientSession) -> None:
    async with http.get(node.at("/messages"), headers={"Authorization": f"Bearer {good_session()}"}) as answer:
        assert answer.status == 401


async def test_a_session_ends_by_itself(node: ConsoleNode, http: aiohttp.ClientSession) -> None:
    async with http.post(node.at("/login"), data={"token": token(Role.READER)}, allow_redirects=False) as answer:
        assert answer.status == 303
        cookie = answer.cookies[COOKIE]
    for hours, status in ((3, 200), (2, 401)):
        node.clock.at += timedelta(hours=hours)
        async with http.get(node.at("/messages"), headers={"Cookie": f"{COOKIE}={cookie.value}"}) as answer:
            assert answer.status == status


async def test_a_one_time_token_in_the_header_is_used_up_too(node: ConsoleNode, http: aiohttp.ClientSession) -> None:
    headers = {"Authorization": f"Bearer {token(Role.READER, one_time=True, name='once')}"}
    statuses = []
    for _ in range(2):
        async with http.get(node.at("/cases"), headers=headers) as answer:
            statuses.append(answer.status)
    assert statuses == [200, 401]


async def test_a_form_of_another_site_is_refused(node: ConsoleNode, http: aiohttp.ClientSession) -> None:
    session = {"Cookie": f"{COOKIE}={good_session()}"}
    for foreign in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example.org"}):
        for path in ("/login", "/logout"):
            async with http.post(node.at(path), data={"token": "x"}, headers=session | foreign) as answer:
                assert answer.status == 403
                assert "Set-Cookie" not in answer.headers


async def test_every_answer_carries_its_security_headers(node: ConsoleNode, http: aiohttp.ClientSession) -> None:
    session = {"Cookie": f"{COOKIE}={good_session()}"}
    for path in ("/messages", "/cases/unknown", "/no/such/page", "/static/console.css", "/static/none.css"):
        for headers in ({}, session):
            async with http.get(node.at(path), headers=headers) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'self'")
                assert "frame-ancestors 'none'" in policy
                assert "unsafe" not in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Referrer-Policy"] == "same-origin"
                assert answer.headers["Cache-Control"] == "no-store"


async def test_the_pages_files_are_what_the_pages_say_they_are(node: ConsoleNode, http: aiohttp.ClientSession) -> None:
    async with http.get(node.at("/messages")) as answer:
        page = await answer.text()
    for name in ("htmx.min.js", "console.js", "console.css"):
        tag = next(line for line in page.splitlines() if f"/console/static/{name}" in line)
        url = tag.partition("/console/static/")[2].partition('"')[0]
        async with http.get(node.at(f"/static/{url}")) as answer:
            data = await answer.read()
            assert "immutable" in answer.headers["Cache-Control"]
        assert base64.b64encode(hashlib.sha384(data).digest()).decode() in tag.replace("&#43;", "+")
    assert b"htmx" in data or name != "htmx.min.js"


async def test_pages_have_neither_script_nor_style_in_them(node: ConsoleNode, http: aiohttp.ClientSession) -> None:
    session = {"Cookie": f"{COOKIE}={good_session()}"}
    for path in ("/messages", f"/messages/{DECISION}", f"/cases/{CASE}", "/login?lang=fr"):
        async with http.get(node.at(path), headers=session) as answer:
            page = await answer.text()
        assert "<style" not in page
        assert " style=" not in page
        assert " onclick" not in page
        assert page.count("<script") == page.count("<script src=") == 2


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ("/console/cases?text=1", "/console/cases?text=1"),
        ("https://evil.example.org/console/", "/console/messages"),
        ("//evil.example.org", "/console/messages"),
        ("/console/\\evil", "/console/messages"),
        ("/console/a\r\nSet-Cookie: x=1", "/console/messages"),
        ("/console/login", "/console/messages"),
        ("", "/console/messages"),
    ],
)
def test_signing_in_leads_to_pages_of_the_console_only(asked: str, place: str) -> None:
    assert where_to(asked) == place


async def test_a_form_that_is_packed_is_read_and_one_that_nobody_can_unpack_is_answered_by_a_page(
    node: ConsoleNode, http: aiohttp.ClientSession
) -> None:
    sent = urlencode({"token": token(Role.READER)}).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    packed = {**form, "Content-Encoding": "gzip"}
    body = io.BytesIO(gzip.compress(sent))
    async with http.post(node.at("/login"), data=body, headers=packed, allow_redirects=False) as answer:
        assert (answer.status, COOKIE in answer.cookies) == (303, True)
    for coding, wanted in (("br", 415), ("gzip, gzip", 415), ("gzip", 400)):
        given = {**form, "Content-Encoding": coding}
        async with http.post(node.at("/login"), data=sent, headers=given, allow_redirects=False) as answer:
            assert (answer.status, answer.content_type, answer.cookies) == (wanted, "text/html", {})
            assert "Load the page anew" in await answer.text()
            accepted = answer.headers.get("Accept-Encoding")
            assert accepted == ("gzip, deflate, identity" if wanted == 415 else None)
