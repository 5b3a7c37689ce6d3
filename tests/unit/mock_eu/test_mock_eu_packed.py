"""Bodies that come packed: each door of the mock reads them, or says in its own words that it does not."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.mock_node import MockNode


CODINGS = ("br", "zstd", "gzip, br", "nonsense")


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_submit_that_is_packed_in_no_known_way_is_a_soap_fault_and_noted(node: MockNode, coding: str) -> None:
    headers = {"Content-Encoding": coding, "Content-Type": "application/soap+xml"}
    url = f"{node.base}/fr/domibus/services/wsplugin"
    async with node.session.post(url, data=b"\x1b\x02", headers=headers) as answer:
        said = await answer.text()
        assert (answer.status, answer.headers["Accept-Encoding"]) == (500, "gzip, deflate, identity")
    assert "Fault" in said
    assert f"packed by {coding}" in said
    [entry] = (await node.get("/log"))["entries"]
    assert entry["outcome"] == "fault without detail"


@pytest.mark.parametrize("coding", CODINGS)
async def test_every_other_door_of_the_mock_refuses_such_a_body_in_its_own_words(node: MockNode, coding: str) -> None:
    form = {"Content-Encoding": coding, "Content-Type": "application/x-www-form-urlencoded"}
    for path in ("/faults", "/applicant/applications", "/faults/page", "/applicant/", "/retention/page"):
        async with node.session.post(f"{node.base}{path}", data=b"\x1b", headers=form) as answer:
            problem = await answer.json(content_type="application/problem+json")
            assert (answer.status, answer.headers["Accept-Encoding"]) == (415, "gzip, deflate, identity")
            assert problem["code"] == "content-encoding-unsupported"


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_what_is_packed_as_the_header_says_is_read(node: MockNode, coding: str, pack: Any) -> None:
    data = pack(json.dumps({"name": "slow"}).encode())
    headers = {"Content-Encoding": coding}
    async with node.session.post(f"{node.base}/faults", data=io.BytesIO(data), headers=headers) as answer:
        assert answer.status == 201
    async with node.session.post(f"{node.base}/faults", data=io.BytesIO(data[:-1]), headers=headers) as answer:
        assert answer.status == 400


async def test_eu_https_takes_no_packed_body(node: MockNode) -> None:
    url = f"{node.base}/fr/eu-https/messages/urn:example:1"
    for coding in ("gzip", *CODINGS):
        async with node.session.post(url, data=b"\x1b", headers={"Content-Encoding": coding}) as answer:
            problem = await answer.json(content_type="application/problem+json")
            assert (answer.status, answer.headers["Accept-Encoding"]) == (415, "identity")
            assert problem["type"] == "urn:hdeu:problem:content-encoding-unsupported"
