"""The issuer's keys: fetched once however many wait, rarely for unknown ids, and kept while the issuer is away."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from adapters.identity.keys import KeyRing, generate
from adapters.identity.remote_keys import RemoteKeys, http_fetch, usable_keys
from broker.errors import ConfigurationError, Unavailable

RING = KeyRing(current=generate(), next=generate("ES256"))
LATER = generate()


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, tzinfo=UTC)

    def now(self) -> Any:
        return self.at

    def wait(self, **amount: Any) -> None:
        self.at += timedelta(**amount)


class Issuer:
    def __init__(self, keys: Any = RING) -> None:
        self.document, self.calls, self.down = keys.jwks(), 0, False

    async def __call__(self) -> Any:
        self.calls += 1
        await asyncio.sleep(0)
        if self.down:
            raise aiohttp.ClientConnectionError
        return self.document


def source() -> Any:
    clock, issuer = Clock(), Issuer()
    return RemoteKeys(issuer, clock), issuer, clock


async def test_many_callers_share_one_fetch() -> None:
    keys, issuer, _ = source()
    found = await asyncio.gather(*(keys(RING.current.id) for _ in range(50)))
    assert issuer.calls == 1
    assert {key.key_id for key in found} == {RING.current.id}


async def test_a_set_is_used_until_its_time_is_over() -> None:
    keys, issuer, clock = source()
    await keys(RING.current.id)
    clock.wait(minutes=9)
    await keys(RING.current.id)
    assert issuer.calls == 1
    clock.wait(minutes=1)
    await keys(RING.current.id)
    assert issuer.calls == 2
    assert keys.age() == timedelta(0)


async def test_an_unknown_key_is_asked_for_once_within_the_cool_down() -> None:
    keys, issuer, clock = source()
    await keys(RING.current.id)
    clock.wait(seconds=31)
    for _ in range(20):
        assert await keys("made-up") is None
    assert issuer.calls == 2


async def test_a_new_key_of_the_issuer_is_found_after_the_cool_down() -> None:
    keys, issuer, clock = source()
    assert await keys(LATER.id) is None
    issuer.document = KeyRing(current=LATER, next=RING.next).jwks()
    assert await keys(LATER.id) is None
    clock.wait(seconds=30)
    assert (await keys(LATER.id)).key_id == LATER.id
    assert await keys(RING.current.id) is None


async def test_the_last_good_set_serves_while_the_issuer_is_away() -> None:
    keys, issuer, clock = source()
    await keys(RING.current.id)
    issuer.down = True
    clock.wait(hours=3)
    for _ in range(5):
        assert (await keys(RING.current.id)).key_id == RING.current.id
    assert issuer.calls == 2
    assert keys.age() == timedelta(hours=3)


@pytest.mark.parametrize("rubbish", [[], "text", {"keys": []}, {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}, {}])
async def test_a_set_that_is_none_does_not_replace_the_good_one(rubbish: Any) -> None:
    keys, issuer, clock = source()
    await keys(RING.current.id)
    issuer.document = rubbish
    clock.wait(hours=1)
    found = await keys(RING.current.id)
    if rubbish == {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}:
        assert found is None
    else:
        assert found.key_id == RING.current.id


async def test_an_issuer_that_never_answered_is_unavailable_not_a_forged_token() -> None:
    keys, issuer, _ = source()
    issuer.down = True
    for _ in range(3):
        with pytest.raises(Unavailable):
            await keys(RING.current.id)
    assert issuer.calls == 1


def test_symmetric_and_unnamed_keys_are_not_used() -> None:
    nameless = {name: value for name, value in RING.current.public.items() if name != "kid"}
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "s", "alg": "HS256"}
    assert set(usable_keys({"keys": [nameless, secret, RING.next.public]})) == {RING.next.id}


@pytest.mark.parametrize("url", ["http://idp.example.org/jwks", "ftp://idp.example.org/jwks", "file:///etc/passwd"])
async def test_an_unprotected_address_is_a_configuration_error(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConfigurationError):
            http_fetch(session, url)


async def test_over_http_a_set_is_read_and_a_redirect_or_flood_is_not_followed(aiohttp_server: Any) -> None:
    async def jwks(_: Any) -> Any:
        return web.json_response(RING.jwks())

    async def elsewhere(_: Any) -> None:
        raise web.HTTPFound("/jwks")

    async def flood(_: Any) -> Any:
        return web.Response(body=b" " * 300_000)

    app = web.Application()
    app.router.add_get("/jwks", jwks)
    app.router.add_get("/elsewhere", elsewhere)
    app.router.add_get("/flood", flood)
    server = await aiohttp_server(app)
    async with aiohttp.ClientSession() as session:
        assert await http_fetch(session, str(server.make_url("/jwks")))() == RING.jwks()
        with pytest.raises(Unavailable):
            await http_fetch(session, str(server.make_url("/elsewhere")))()
        with pytest.raises(ValueError, match="too large"):
            await http_fetch(session, str(server.make_url("/flood")))()
