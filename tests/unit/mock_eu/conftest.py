from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from tests.support.mock_node import MockNode, mock_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest_asyncio.fixture
async def node(tmp_path: Path) -> AsyncIterator[MockNode]:
    async with mock_node(tmp_path) as running:
        yield running
