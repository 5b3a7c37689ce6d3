"""eu-https over TLS: keys and messages go over the same trust, and the doctor says what is wrong with it."""

from __future__ import annotations

import json
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from adapters.access_point.eu_https import tokens
from adapters.access_point.eu_https.tokens import Between
from adapters.identity.keys import KeyRing, generate, init_keys
from adapters.system import SystemClock
from broker.commands.findings import Seen
from broker.commands.probing_https import probe_https
from broker.errors import Unavailable
from broker.eu_https import eu_https_of
from broker.settings import AccessPointSection, Settings
from tests.support.authority import Authority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from broker.commands.findings import Finding

HERE, THERE = "urn:example:node:here", "urn:example:node:there"


@dataclass
class Counterpart:
    """Has one message and publishes its keys; everybody needs a client certificate of its authority."""

    url: str = ""
    ring: KeyRing = field(default_factory=lambda: KeyRing(current=generate(), next=generate()))
    asked: list[str] = field(default_factory=list)

    async def keys(self, _request: web.Request) -> web.Response:
        self.asked.append("keys")
        return web.json_response(self.ring.jwks())

    async def message(self, request: web.Request) -> web.Response:
        message_id = request.match_info["id"]
        self.asked.append(message_id)
        if message_id != "m-1":
            problem = {"type": "urn:hdeu:problem:not-found", "detail": "no such message", "problems": []}
            return web.Response(status=404, text=json.dumps(problem), content_type="application/problem+json")
        back = Between(issuer=THERE, audience=HERE)
        receipt = tokens.receipt(self.ring.current, "m-1", tokens.digest(b"{}"), back, at=SystemClock().now())
        return web.json_response({"message_id": "m-1", "status": "RECEIVED", "receipt": receipt})


@asynccontextmanager
async def serving(central: Authority, certificate: tuple[str, str]) -> AsyncIterator[Counterpart]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=central.file)
    context.load_cert_chain(*certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    there, app = Counterpart(), web.Application()
    app.router.add_get("/eu-https/keys", there.keys)
    app.router.add_get("/eu-https/messages/{id}", there.message)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        there.url = f"https://127.0.0.1:{runner.addresses[0][1]}/eu-https"
        yield there
    finally:
        await runner.cleanup()


@pytest.fixture
def central(tmp_path: Path) -> Authority:
    return Authority("Example Authority", tmp_path)


def section(central: Authority, there: Counterpart, **changes: Any) -> AccessPointSection:
    certificate, key = central.issue("here", ends=90)
    usual = {"kind": "eu-https", "url": there.url, "party": HERE, "central_party": THERE, "timeout": 5}
    files = {"tls_ca": central.file, "tls_certificate": certificate, "tls_key": key}
    return AccessPointSection(**{**usual, **files, **changes})


async def test_keys_and_messages_are_asked_for_over_the_configured_trust(central: Authority) -> None:
    async with serving(central, central.issue("there")) as there:
        adapter = eu_https_of(section(central, there), KeyRing(generate(), generate()), SystemClock())
        assert await adapter.status("m-1") == "ACKNOWLEDGED"
        assert await adapter.receipt("m-1")
        assert there.asked == ["m-1", "m-1", "keys"]
        await adapter.close()


async def test_nothing_is_said_to_a_counterpart_whose_issuer_nobody_knows(central: Authority, tmp_path: Path) -> None:
    stranger = Authority("Stranger", tmp_path)
    async with serving(central, stranger.issue("there")) as there:
        adapter = eu_https_of(section(central, there), KeyRing(generate(), generate()), SystemClock())
        with pytest.raises(Unavailable, match="no connection"):
            await adapter.ping()
        with pytest.raises(Unavailable):
            await adapter.keys("any")
        assert there.asked == []
        await adapter.close()


async def examined(central: Authority, there: Counterpart, folder: Path, **changes: Any) -> dict[str, Finding]:
    init_keys(folder / "keys")
    settings = Settings(data_dir=folder, access_point=section(central, there, **changes))
    return {finding.name: finding for finding in await probe_https(settings)}


async def test_the_doctor_counts_the_days_of_both_certificates(central: Authority, tmp_path: Path) -> None:
    async with serving(central, central.issue("there", ends=60.5)) as there:
        found = await examined(central, there, tmp_path)
    assert found["counterpart"].seen is Seen.WORKS
    assert found["counterpart's certificate"].detail == "good for 60 days"
    assert found["client certificate"].detail in {"good for 89 days", "good for 90 days"}
    assert found["counterpart's keys"].seen is Seen.WORKS
    assert found["clock skew"].seen is Seen.WORKS
    assert found["our keys"].seen is Seen.UNKNOWN, "this node does not run"


@pytest.mark.parametrize(
    ("given", "changes", "said"),
    [
        ({"begins": -9, "ends": -2}, {}, "it ended on"),
        ({"address": "127.0.0.9"}, {}, "it is for 127.0.0.9 and not for 127.0.0.1"),
        ({}, {"tls_ca": ""}, "its issuer (Example Authority) is not known here"),
        ({}, {"tls_certificate": "", "tls_key": ""}, "set access_point.tls_certificate"),
    ],
    ids=["expired", "another host", "unknown issuer", "no client certificate"],
)
async def test_the_doctor_says_what_is_wrong_with_the_counterparts_certificate(
    central: Authority, tmp_path: Path, given: dict[str, Any], changes: dict[str, Any], said: str
) -> None:
    async with serving(central, central.issue("there", **given)) as there:
        found = await examined(central, there, tmp_path, **changes)
        assert there.asked == []
    assert found["counterpart"].seen is Seen.FAILS
    assert said in found["counterpart's certificate"].detail
