"""The webhook of the demonstration's back ends, as a back end of one's own would be written after it."""

from __future__ import annotations

import gzip
import hmac
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from adapters.demo.backend import Desk, webhook_runner

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adapters.demo.office import Paper, Received

SECRET = b"only-for-tests"
BODY = b"<Dossier/>"


class Silent:
    """An office that never reacts."""

    papers: list[Paper] = []  # noqa: RUF012 -- nobody adds to it

    def react(self, _: Received) -> Sequence[bytes]:
        return []


async def answered(folder: Path, packed: bytes, **headers: str) -> tuple[int, dict[str, str], str]:
    async def nothing(*_: object) -> str:
        return ""

    runner = webhook_runner(Desk(Silent(), folder, nothing, nothing), SECRET)  # type: ignore[arg-type] # it sends nothing
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hdh"
    signed = {"hdeu-signature": "sha256=" + hmac.new(SECRET, BODY, "sha256").hexdigest(), "ce-id": "1", **headers}
    try:
        async with aiohttp.ClientSession() as session, session.post(url, data=packed, headers=signed) as response:
            return response.status, await response.json(), response.headers.get("Accept-Encoding", "")
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "gzip, gzip", "klingon"])
async def test_a_packed_body_is_answered_with_what_is_taken(tmp_path: Path, coding: str) -> None:
    status, told, taken = await answered(tmp_path, gzip.compress(BODY), **{"Content-Encoding": coding})
    assert (status, told["code"], taken) == (415, "content-encoding-unsupported", "identity")
    assert not (tmp_path / "received").exists()


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "identity"}])
async def test_a_plain_body_is_filed(tmp_path: Path, headers: dict[str, str]) -> None:
    assert (await answered(tmp_path, BODY, **headers))[:2] == (200, {"received": True})
    [filed] = (tmp_path / "received").iterdir()
    assert filed.read_bytes() == BODY
