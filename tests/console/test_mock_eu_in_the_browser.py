"""The mock's pages in a real Chromium: nothing for axe to find, and an application filed by keyboard alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.async_playwright import Axe

from tests.support.mock_node import about, golden, mock_node

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser

AXE = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_the_mocks_pages(chromium: Browser, tmp_path: Path, scheme: str) -> None:
    async with mock_node(tmp_path) as mock:
        application_id = await mock.file()
        for number, name in enumerate(("additional-info-request", "fee-estimate", "decision-issued", "permit-issued")):
            await mock.nation("fr").say(f"news-{number}", about(application_id, golden(f"from-nation-{name}")))
            await mock.nation("fr").until_status(f"news-{number}", "ACKNOWLEDGED")
        page = await (await chromium.new_context(color_scheme=scheme)).new_page()
        await mock.arm("drop", nation="fi")
        for path in (
            "/applicant/",
            f"/applicant/pages/{application_id}",
            "/log/page",
            "/faults/page",
            "/retention/page",
        ):
            await page.goto(mock.base + path)
            found = await Axe().run(page, options=AXE)
            violations = found.response["violations"]
            assert violations == [], "\n".join(f"{each['id']}: {each['nodes']}" for each in violations)


async def test_an_application_is_filed_and_withdrawn_with_the_keyboard(chromium: Browser, tmp_path: Path) -> None:
    async with mock_node(tmp_path) as mock:
        page = await (await chromium.new_context()).new_page()
        await page.goto(f"{mock.base}/applicant/")
        await page.get_by_label("Title").focus()
        await page.keyboard.type("Typed, not clicked")
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="Typed, not clicked").wait_for()
        await page.get_by_role("button", name="Withdraw everywhere").focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="FR: WITHDRAWN").wait_for()
        (filed,) = (await mock.get("/applicant/applications"))["applications"]
    assert (filed["title"], filed["aggregate"]) == ("Typed, not clicked", "WITHDRAWN")


async def test_a_fault_is_armed_corrected_and_put_away_with_the_keyboard(chromium: Browser, tmp_path: Path) -> None:
    async with mock_node(tmp_path) as mock:
        page = await (await chromium.new_context()).new_page()
        await page.goto(f"{mock.base}/faults/page")
        await page.get_by_role("combobox").select_option("drop")
        await page.get_by_role("textbox", name="Nation (empty: all)").fill("de")
        await page.keyboard.press("Enter")
        assert "there are fr, fi" in await page.get_by_role("alert").inner_text()
        await page.get_by_role("textbox", name="Nation (empty: all)").fill("fr")
        await page.keyboard.press("Enter")
        away = page.get_by_role("button", name="Disarm drop")
        await away.wait_for()
        armed = (await mock.get("/faults"))["faults"]
        await away.focus()
        await page.keyboard.press("Enter")
        await away.wait_for(state="detached")
        assert (await mock.get("/faults"))["faults"] == []
    assert [(fault["name"], fault["nation"]) for fault in armed] == [("drop", "fr")]
