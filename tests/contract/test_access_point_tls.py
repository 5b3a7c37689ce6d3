"""The access point over TLS (`access_point.tls_*`): who it is, who we are, and what nobody falls back to."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from broker.access_point import access_point_of
from broker.errors import ConfigurationError, Unavailable
from broker.settings import AccessPointSection
from tests.support.authority import Authority, Server, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from adapters.access_point.domibus_ws import DomibusWs


@pytest.fixture
def central(tmp_path: Path) -> Authority:
    return Authority("central", tmp_path)


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    return Authority("stranger", tmp_path)


@asynccontextmanager
async def caller(server: Server, **tls: str) -> AsyncIterator[DomibusWs]:
    """The adapter as the configuration makes it."""
    section = AccessPointSection(url=f"{server.url}/wsplugin", ext_url=f"{server.url}/ext", **tls)  # type: ignore[arg-type] # texts all
    adapter = access_point_of(section)
    assert adapter is not None
    try:
        yield adapter
    finally:
        await adapter.close()


@pytest.mark.parametrize("files", ["two", "one"])
async def test_the_access_point_knows_us_by_our_certificate(central: Authority, tmp_path: Path, files: str) -> None:
    certificate, key = central.issue("hdeu-node")
    if files == "one":
        both = tmp_path / "both.pem"
        both.write_text((tmp_path / certificate).read_text("ascii") + (tmp_path / key).read_text("ascii"), "ascii")
        certificate, key = str(both), ""
    async with serving(central, central.issue("access-point")) as server:
        async with caller(server, tls_ca=central.file, tls_certificate=certificate, tls_key=key) as adapter:
            await adapter.ping()
            assert await adapter.receipt("sent-1") == b"<receipt/>"
        assert server.callers == [("hdeu-node", "")] * 2


async def test_a_password_goes_beside_the_certificate_where_both_are_wanted(central: Authority) -> None:
    certificate, key = central.issue("hdeu-node")
    async with serving(central, central.issue("access-point")) as server:
        files = {"tls_ca": central.file, "tls_certificate": certificate, "tls_key": key}
        async with caller(server, username="fr", password="example", **files) as adapter:
            await adapter.ping()
        [(subject, credentials)] = server.callers
        assert (subject, credentials.partition(" ")[0]) == ("hdeu-node", "Basic")


@pytest.mark.parametrize("ours", ["none", "of another authority"])
async def test_without_a_certificate_of_its_authority_nothing_is_said_to_us(
    central: Authority, stranger: Authority, ours: str
) -> None:
    certificate, key = ("", "") if ours == "none" else stranger.issue("hdeu-node")
    async with serving(central, central.issue("access-point")) as server:
        async with caller(server, tls_ca=central.file, tls_certificate=certificate, tls_key=key) as adapter:
            with pytest.raises(Unavailable):
                await adapter.ping()
        assert server.callers == []


@pytest.mark.parametrize("theirs", ["of another authority", "for another address"])
async def test_an_access_point_that_does_not_prove_itself_hears_nothing_of_us(
    central: Authority, stranger: Authority, theirs: str
) -> None:
    shown = stranger.issue("access-point") if "authority" in theirs else central.issue("elsewhere", "127.0.0.9")
    certificate, key = central.issue("hdeu-node")
    async with serving(central, shown) as server:
        async with caller(server, tls_ca=central.file, tls_certificate=certificate, tls_key=key) as adapter:
            with pytest.raises(Unavailable, match="no connection"):
                await adapter.ping()
        assert server.callers == []


@pytest.mark.parametrize("mistake", ["missing", "no PEM", "key of another"])
def test_files_that_cannot_be_right_are_told_at_the_start(central: Authority, tmp_path: Path, mistake: str) -> None:
    certificate, key = central.issue("hdeu-node")
    (tmp_path / "rubbish.pem").write_text("rubbish", "ascii")
    wrong = {
        "missing": {"tls_ca": str(tmp_path / "nowhere.pem")},
        "no PEM": {"tls_certificate": str(tmp_path / "rubbish.pem")},
        "key of another": {"tls_certificate": certificate, "tls_key": central.issue("another")[1]},
    }
    right = {"tls_ca": central.file, "tls_certificate": certificate, "tls_key": key}
    with pytest.raises(ConfigurationError, match=r"access_point\.tls_ca, tls_certificate, tls_key"):
        access_point_of(AccessPointSection(url="https://127.0.0.1:1/", **{**right, **wrong[mistake]}))  # type: ignore[arg-type] # texts all
