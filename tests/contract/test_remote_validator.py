"""The remote validator's adapter against a small server that speaks the Test Bed's REST API."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from adapters.validation.itb import ItbValidator
from broker.errors import Unavailable

ERRORS = [
    {"description": "status is not one of the list", "location": "status:3:0", "test": "enum", "value": "x"},
    {"description": "date is missing"},
]


class Server:
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.answer: Any = {"result": "SUCCESS", "date": "2026-11-25T12:00:00Z"}
        self.status, self.delay = 200, 0.0

    async def validate(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Accept"] == "application/json"
        self.asked.append(await request.json())
        await asyncio.sleep(self.delay)
        if isinstance(self.answer, bytes):
            return web.Response(body=self.answer, status=self.status)
        return web.json_response(self.answer, status=self.status)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def validator(server: Server) -> AsyncIterator[ItbValidator]:
    app = web.Application()
    app.router.add_post("/json/ehds/api/validate", server.validate)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as session:
        yield ItbValidator(session, f"http://127.0.0.1:{port}/json/ehds/api/validate", kind="status", seconds=0.5)
    await runner.cleanup()


async def test_the_content_goes_in_base64_and_a_success_has_no_problems(
    validator: ItbValidator, server: Server
) -> None:
    verdict = await validator.judge(b'{"a": "\xc3\xa9"}')
    assert verdict.valid
    assert verdict.by == "the validator at 127.0.0.1, report of 2026-11-25T12:00:00Z"
    [asked] = server.asked
    assert base64.b64decode(asked.pop("contentToValidate")) == b'{"a": "\xc3\xa9"}'
    assert asked == {"embeddingMethod": "BASE64", "validationType": "status"}


async def test_each_error_of_the_report_is_a_problem_with_its_place(validator: ItbValidator, server: Server) -> None:
    server.answer = {"result": "FAILURE", "reports": {"error": ERRORS, "warning": [{"description": "odd"}]}}
    problems = (await validator.judge(b"{}")).problems
    assert [(one.code, one.path, one.rule) for one in problems] == [
        ("remote-invalid", "status:3:0", "enum"),
        ("remote-invalid", "", ""),
    ]
    assert problems[1].detail == "date is missing"
    assert all(one.hint for one in problems)


async def test_a_warning_refuses_nothing(validator: ItbValidator, server: Server) -> None:
    server.answer = {"result": "WARNING", "reports": {"warning": [{"description": "odd"}]}}
    assert (await validator.judge(b"{}")).valid


@pytest.mark.parametrize("reports", [{}, None, {"error": "x"}, {"error": {"description": "alone"}}, {"error": [7]}])
async def test_a_failure_is_a_failure_however_it_is_told(validator: ItbValidator, server: Server, reports: Any) -> None:
    server.answer = {"result": "FAILURE", "reports": reports}
    assert len((await validator.judge(b"{}")).problems) == 1


async def test_no_more_than_fifty_problems_are_kept(validator: ItbValidator, server: Server) -> None:
    server.answer = {"result": "FAILURE", "reports": {"error": [{"description": "x" * 1000}] * 60}}
    problems = (await validator.judge(b"{}")).problems
    assert (len(problems), len(problems[0].detail)) == (50, 300)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (500, {"result": "SUCCESS"}),
        (302, {"result": "SUCCESS"}),
        (200, b"<html>busy</html>"),
        (200, b"[1]"),
        (200, {}),
        (200, {"result": "UNDEFINED"}),
        (200, b" " * 1_100_000),
    ],
    ids=["500", "redirect", "no JSON", "no object", "empty object", "cannot tell", "endless"],
)
async def test_an_answer_that_is_no_report_is_no_verdict(
    validator: ItbValidator, server: Server, status: int, answer: Any
) -> None:
    server.status, server.answer = status, answer
    with pytest.raises(Unavailable):
        await validator.judge(b"{}")


async def test_silence_ends_after_the_time_that_was_set(validator: ItbValidator, server: Server) -> None:
    server.delay = 3.0
    started = time.monotonic()
    with pytest.raises(Unavailable):
        await validator.judge(b"{}")
    assert time.monotonic() - started < 2


async def test_a_validator_that_is_not_there_is_unavailable() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(Unavailable):
            await ItbValidator(session, "http://127.0.0.1:9/validate").ping()
