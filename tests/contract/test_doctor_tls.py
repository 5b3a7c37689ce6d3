"""The doctor before a server with a certificate: how long it is good, and why nothing can be said to it."""

from __future__ import annotations

import asyncio
import ssl
from asyncio.subprocess import DEVNULL
from typing import TYPE_CHECKING, Any

import pytest

from adapters.demo.processes import free_port, is_taken
from broker.commands.findings import Finding, Seen
from broker.commands.probing import probe
from broker.settings import AccessPointSection, Settings
from tests.support.authority import Authority, Server, serving

if TYPE_CHECKING:
    from pathlib import Path

CERTIFICATE = "access point's certificate"
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def central(tmp_path: Path) -> Authority:
    return Authority("Example Authority", tmp_path)


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    return Authority("Stranger", tmp_path)


async def examine(server: Server, central: Authority, **section: Any) -> dict[str, Finding]:
    usual = {"url": f"{server.url}/wsplugin", "tls_ca": central.file, "username": "fr", **section}
    found = await probe(Settings(access_point=AccessPointSection(**usual)), ())
    return {finding.name: finding for finding in found}


@pytest.mark.parametrize(
    ("days", "state", "said"),
    [(91.5, Seen.WORKS, "good for 91 days"), (30.5, Seen.WORKS, "30 days"), (10.5, Seen.FAILS, "in 10 days: renew")],
)
async def test_the_days_that_are_left_are_those_of_the_certificate(
    central: Authority, days: float, state: Seen, said: str
) -> None:
    async with serving(central, central.issue("access-point", ends=days), asks=False) as server:
        found = await examine(server, central)
    assert (found[CERTIFICATE].seen, said in found[CERTIFICATE].detail) == (state, True)
    assert found["access point"].seen is Seen.WORKS
    assert found["clock skew"].seen is Seen.WORKS
    assert found["anonymous login"].seen is Seen.FAILS, "this server answers everybody"


@pytest.mark.parametrize("newest", VERSIONS, ids=lambda one: one.name)
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"begins": -20, "ends": -3}, "it ended on "),
        ({"begins": 3, "ends": 20}, "it begins on "),
        ({"address": "127.0.0.9"}, "it is for 127.0.0.9 and not for 127.0.0.1: name such a host in access_point.url"),
    ],
    ids=["expired", "not yet valid", "for another host"],
)
async def test_a_certificate_that_does_not_hold_is_told_with_what_stands_in_it(
    central: Authority, given: dict[str, Any], said: str, newest: ssl.TLSVersion
) -> None:
    async with serving(central, central.issue("access-point", **given), asks=False, newest=newest) as server:
        found = await examine(server, central)
        assert server.callers == [], "nothing is said to a server that does not prove itself"
    assert found[CERTIFICATE].seen is Seen.FAILS
    assert found[CERTIFICATE].detail.startswith(said)
    assert found["access point"].seen is Seen.FAILS
    assert set(found) == {"access point", CERTIFICATE}


async def test_an_issuer_that_nobody_knows_is_named(central: Authority, stranger: Authority) -> None:
    async with serving(central, stranger.issue("access-point"), asks=False) as server:
        found = await examine(server, central)
        by_default = await examine(server, central, tls_ca="")
    for one in (found, by_default):
        assert one[CERTIFICATE].seen is Seen.FAILS
        assert "its issuer (Stranger) is not known here: name it in access_point.tls_ca" in one[CERTIFICATE].detail


@pytest.mark.parametrize("newest", VERSIONS, ids=lambda one: one.name)
@pytest.mark.parametrize("ours", ["none", "of another authority"])
async def test_a_client_certificate_that_is_missing_or_not_accepted_is_told(
    central: Authority, stranger: Authority, newest: ssl.TLSVersion, ours: str
) -> None:
    certificate, key = ("", "") if ours == "none" else stranger.issue("hdeu-node", ends=90)
    files = {"tls_certificate": certificate, "tls_key": key}
    async with serving(central, central.issue("access-point", ends=90), newest=newest) as server:
        found = await examine(server, central, **files)
        assert server.callers == []
    wanted = "set access_point.tls_certificate" if ours == "none" else "does not accept access_point.tls_certificate"
    assert found[CERTIFICATE].seen is Seen.FAILS
    assert wanted in found[CERTIFICATE].detail


@pytest.mark.parametrize("newest", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("ours", ["none", "of another authority"])
async def test_openssls_own_server_is_understood_where_it_wants_a_client_certificate(
    central: Authority, stranger: Authority, newest: str, ours: str
) -> None:
    certificate, key = ("", "") if ours == "none" else stranger.issue("hdeu-node", ends=90)
    shown, secret = central.issue("access-point", ends=90)
    port = free_port()
    asking = ["-Verify", "1", "-verify_return_error", "-CAfile", central.file, newest, "-quiet"]
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", shown, "-key", secret, *asking]
    server = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=DEVNULL)
    try:
        await listening(port)
        files = {"tls_certificate": certificate, "tls_key": key}
        found = await examine(Server(f"https://127.0.0.1:{port}"), central, **files)
    finally:
        server.kill()
        await server.wait()
    wanted = "set access_point.tls_certificate" if ours == "none" else "does not accept access_point.tls_certificate"
    assert wanted in found[CERTIFICATE].detail
    assert ("perhaps" in found[CERTIFICATE].detail) is ((newest, ours) == ("-tls1_2", "none")), (
        "TLS 1.2 has no word for it"
    )


async def listening(port: int) -> None:
    async with asyncio.timeout(10):
        while not is_taken(port):  # noqa: ASYNC110 -- the server does not say when
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("days", "state"), [(90.5, Seen.WORKS), (10.5, Seen.FAILS)])
async def test_our_own_certificate_is_looked_at_beside_theirs(central: Authority, days: float, state: Seen) -> None:
    certificate, key = central.issue("hdeu-node", ends=days)
    async with serving(central, central.issue("access-point", ends=90)) as server:
        found = await examine(server, central, tls_certificate=certificate, tls_key=key)
    assert found[CERTIFICATE].seen is Seen.WORKS
    assert found["access point"].seen is Seen.WORKS
    assert found["client certificate"].seen is state


async def test_a_server_that_speaks_no_tls_is_told(central: Authority) -> None:
    async with serving(central, central.issue("access-point"), asks=False) as server:
        plain = server.url.replace("https", "http")
        found = await examine(Server(plain), central)
        assert found["access point"].seen is Seen.FAILS
