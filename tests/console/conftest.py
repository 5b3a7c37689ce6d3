"""A console in this process on a real SQLite store, and a real Chromium in front of it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from adapters.store.sql import open_store
from broker.model.identity import Role
from tests.support.as_served import AsServed
from tests.support.console_node import application, seed
from tests.support.web_node import TestClock, token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class ConsoleNode:
    url: str
    store: Any
    clock: TestClock

    def at(self, path: str) -> str:
        return f"{self.url}/console{path}"


@asynccontextmanager
async def running_console(path: Path, *, filler: int = 0) -> AsyncIterator[ConsoleNode]:
    clock = TestClock()
    store = open_store(f"sqlite:///{path}/console.db", clock=clock)
    async with store.transaction() as tx:
        await seed(tx, filler=filler)
    server = AsServed(application(store, clock, refresh_seconds=1))
    await server.start_server()
    try:
        yield ConsoleNode(str(server.make_url("")).rstrip("/"), store, clock)
    finally:
        await server.close()
        await store.close()


@pytest_asyncio.fixture
async def node(tmp_path: Path) -> AsyncIterator[ConsoleNode]:
    async with running_console(tmp_path, filler=30) as started:
        yield started


@pytest.fixture
def chromium_path() -> Path:
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is missing: install Debian's package chromium", pytrace=False)
    return CHROMIUM


@pytest_asyncio.fixture
async def chromium(chromium_path: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        await browser.close()


@dataclass
class Visitor:
    """A person in front of the browser. `complaints` are what the browser's console said."""

    node: ConsoleNode
    page: Page
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str) -> int:
        response = await self.page.goto(self.node.at(path))
        assert response is not None
        return response.status

    async def sign_in(self, secret: str) -> None:
        await self.open("/login")
        await self.page.fill("#token", secret)
        await self.page.press("#token", "Enter")
        await self.page.wait_for_load_state()


@asynccontextmanager
async def visiting(browser: Browser, node: ConsoleNode, **context: Any) -> AsyncIterator[Visitor]:
    opened = await browser.new_context(**({"locale": "en-GB"} | context))
    visitor = Visitor(node, await opened.new_page())
    visitor.page.on("console", lambda said: visitor.complaints.append(said.text) if said.type == "error" else None)
    visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    try:
        yield visitor
    finally:
        await opened.close()


@pytest_asyncio.fixture
async def visitor(chromium: Browser, node: ConsoleNode) -> AsyncIterator[Visitor]:
    """Signed in as a reader."""
    async with visiting(chromium, node) as arrived:
        await arrived.sign_in(token(Role.READER))
        arrived.complaints.clear()
        yield arrived
