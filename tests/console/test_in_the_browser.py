"""What staff does in the console, in a real Chromium."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from broker.model.identity import Role
from tests.console.conftest import visiting
from tests.support.console_node import CASE, DECISION, FAR, PLATFORM_ID, QUEUED, REFUSED, uid
from tests.support.web_node import PLANTED, token

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

    from tests.console.conftest import ConsoleNode, Visitor

PAGES = (
    "/messages",
    "/messages?state=person&refresh=on",
    "/messages?text=nothing-like-this",
    f"/messages/{uid(201)}",
    f"/messages/{DECISION}",
    f"/messages/{REFUSED}",
    f"/messages/{QUEUED}",
    "/cases",
    "/cases?text=nothing-like-this",
    f"/cases/{CASE}",
    f"/cases/{FAR}",
    "/due",
    "/due?within=7",
    "/accessibility",
    "/cases/unknown",
)
AXE = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}
#: The rules that see whether a page is light or dark.
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
PAPER = "getComputedStyle(document.body).backgroundColor"
CUT_OFF = """
[...document.querySelectorAll('main *:not(.unseen, thead, thead *)')]
  .filter(one => one.getBoundingClientRect().right > 321).map(one => one.outerHTML).slice(0, 3)
"""
ROWS = "#results tbody tr"


def said(violations: list[dict[str, object]]) -> str:
    return "\n".join(f"{found['id']}: {found['nodes']}" for found in violations)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("language", ["en", "fr"])
async def test_axe_finds_nothing_on_any_page_be_it_light_or_dark(
    chromium: Browser, node: ConsoleNode, language: str
) -> None:
    async with visiting(chromium, node, bypass_csp=True, locale=language) as visitor:
        found = {}

        async def look(at: str) -> None:
            await visitor.page.emulate_media(color_scheme="light")
            paper = await visitor.page.evaluate(PAPER)
            found[at, "light"] = (await Axe().run(visitor.page, options=AXE)).response
            await visitor.page.emulate_media(color_scheme="dark")
            assert await visitor.page.evaluate(PAPER) != paper
            found[at, "dark"] = (await Axe().run(visitor.page, options=COLOURS)).response

        await visitor.open("/login")
        await look("/login")
        await visitor.sign_in("wrong")
        await look("/login refused")
        await visitor.sign_in(token(Role.READER))
        for path in PAGES:
            await visitor.open(path)
            assert await visitor.page.get_attribute("html", "lang") == language
            await look(path)

    assert {seen: said(response["violations"]) for seen, response in found.items() if response["violations"]} == {}
    assert all(len(response["passes"]) > 10 for (_, scheme), response in found.items() if scheme == "light")
    assert all(response["passes"] for (_, scheme), response in found.items() if scheme == "dark")


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_nothing_scrolls_sideways_at_320_pixels(chromium: Browser, node: ConsoleNode, language: str) -> None:
    narrow = {"viewport": {"width": 320, "height": 640}, "locale": language}
    async with visiting(chromium, node, **narrow) as visitor:
        await visitor.open("/login")
        assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= 320
        await visitor.sign_in(token(Role.READER))
        wide = {}
        for path in PAGES:
            await visitor.open(path)
            wide[path] = await visitor.page.evaluate("document.documentElement.scrollWidth")
            assert await visitor.page.evaluate(CUT_OFF) == [], path
    assert max(wide.values()) <= 320, wide


async def test_no_page_shows_what_an_applicant_wrote_and_none_breaks_the_policy(visitor: Visitor) -> None:
    for path in PAGES[:-1]:
        assert await visitor.open(path) == 200
        assert PLANTED not in await visitor.page.content(), path
    assert visitor.complaints == []


async def test_the_policy_is_enforced(visitor: Visitor) -> None:
    await visitor.open("/messages")
    await visitor.page.evaluate(
        "document.body.appendChild(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
    )

    assert await visitor.page.evaluate("window.ran") is None
    assert any("Content Security Policy" in complaint for complaint in visitor.complaints)


async def test_a_visitor_without_a_session_meets_the_login_page_and_comes_back_to_where_they_went(
    chromium: Browser, node: ConsoleNode
) -> None:
    async with visiting(chromium, node) as visitor:
        assert await visitor.open(f"/cases/{CASE}") == 401
        await visitor.page.get_by_label("Token").fill(token(Role.READER))
        await visitor.page.get_by_role("button", name="Sign in").click()

        await expect(visitor.page).to_have_url(node.at(f"/cases/{CASE}"))
        await expect(visitor.page.get_by_role("heading", level=1)).to_contain_text("Case")


async def test_a_one_time_token_opens_one_session_and_no_second(chromium: Browser, node: ConsoleNode) -> None:
    secret = token(Role.READER, one_time=True, name="once")
    async with visiting(chromium, node) as first:
        await first.sign_in(secret)
        await expect(first.page).to_have_url(node.at("/messages"))
    async with visiting(chromium, node) as second:
        await second.sign_in(secret)
        await expect(second.page.get_by_role("alert")).to_contain_text("has been used")
        assert await second.open("/messages") == 401


async def test_signing_out_ends_the_session(visitor: Visitor) -> None:
    await visitor.open("/messages")
    await visitor.page.get_by_role("button", name="Sign out").click()

    await expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert await visitor.open("/messages") == 401


async def test_the_cookie_cannot_be_read_by_scripts_and_stays_with_this_site(visitor: Visitor) -> None:
    (cookie,) = [one for one in await visitor.page.context.cookies() if one["name"].startswith("hdeu_session")]

    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/console")
    assert await visitor.page.evaluate("document.cookie") == ""


async def test_the_filter_changes_the_table_in_place_and_says_so_aloud(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.open("/messages")
    await expect(page.locator(ROWS)).to_have_count(25)
    await page.evaluate("window.same = true")

    await page.get_by_label("State", exact=True).select_option(label="Waits for sign-off")
    await expect(page.locator(ROWS)).to_have_count(1)
    await expect(page.locator(ROWS)).to_contain_text("Decision issued")
    await expect(page.locator("#said")).to_have_text("1 message shown")
    await expect(page).to_have_url(re.compile("state=SIGN_OFF"))
    assert await page.evaluate("window.same") is True
    assert visitor.complaints == []


async def test_the_filter_works_without_scripts_by_the_address_alone(chromium: Browser, node: ConsoleNode) -> None:
    async with visiting(chromium, node, java_script_enabled=False) as visitor:
        await visitor.sign_in(token(Role.READER))
        page = visitor.page
        await page.get_by_label("Direction").select_option("outbound")
        await page.get_by_label("Type").select_option("StatusUpdate")
        await page.get_by_role("button", name="Show").click()
        await expect(page.locator(ROWS)).to_have_count(3)

        await page.get_by_role("link", name="A person must act").click()
        await expect(page.locator(ROWS)).to_have_count(1)
        await expect(page.locator(ROWS)).to_contain_text("Presumed failed")


async def test_any_id_finds_its_message(visitor: Visitor) -> None:
    page = visitor.page
    for wanted in (DECISION, uid(1210), f"{DECISION}@fr"):
        await visitor.open("/messages")
        await page.get_by_label("Any id").fill(wanted)
        await page.get_by_label("Any id").press("Enter")
        await expect(page.locator(ROWS)).to_have_count(1)
        await expect(page.locator(ROWS)).to_contain_text("Decision issued")


async def test_older_messages_stand_on_the_next_page_and_none_twice(visitor: Visitor) -> None:
    page, seen = visitor.page, []
    await visitor.open("/messages")
    for _ in range(2):
        seen += await page.locator(f"{ROWS} a[href*='/messages/']").evaluate_all("all => all.map(one => one.href)")
        if older := await page.get_by_role("link", name="Older").count():
            await page.get_by_role("link", name="Older").click()
            await page.wait_for_load_state()

    assert older == 0
    assert len(seen) == len(set(seen)) == 45


async def test_the_list_refreshes_by_itself_once_asked_to(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.open("/messages")
    await page.get_by_label("State", exact=True).select_option(label="Waits for sign-off")
    await expect(page.locator(ROWS)).to_have_count(1)
    await page.get_by_label("Refresh by itself").check()
    await expect(page.locator("#results[hx-trigger]")).to_have_count(1)

    async with visitor.node.store.transaction() as tx:
        exchange = await tx.exchange(uid(1210))
        await tx.save_exchange(type(exchange)(**{**_fields(exchange), "state": "QUEUED"}))

    await expect(page.locator("#results .empty")).to_be_visible(timeout=8000)
    await expect(page.locator("#said")).to_have_text("No message fits")
    await page.get_by_label("Refresh by itself").uncheck()
    await expect(page.locator("#results[hx-trigger]")).to_have_count(0)


def _fields(row: object) -> dict[str, object]:
    return {name: getattr(row, name) for name in type(row).__dataclass_fields__}  # type: ignore[attr-defined]  # a dataclass


async def test_an_expired_session_brings_the_login_page_also_to_a_part_of_a_page(visitor: Visitor) -> None:
    await visitor.open("/messages")
    await visitor.page.context.clear_cookies()
    await visitor.page.get_by_label("State", exact=True).select_option(label="Queued")

    await expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Sign in")


async def test_the_page_of_a_message_tells_what_is_due_by_when_and_who_must_act(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.open(f"/messages/{QUEUED}")
    due = page.get_by_role("region", name="What is due")
    await expect(due).to_contain_text("Nobody: the broker goes on by itself")
    await expect(due).to_contain_text("1 try so far")
    await expect(due).to_contain_text("unavailable")
    await expect(due.locator("time")).to_have_attribute("datetime", "2026-11-23T12:04:00Z")
    await expect(page.locator(".timeline li")).to_have_count(5)
    await expect(page.locator(".timeline li").first).to_contain_text("Kept")
    await expect(page.locator(".timeline li.coming")).to_contain_text("Next attempt")

    await visitor.open(f"/messages/{DECISION}")
    await expect(page.get_by_role("region", name="What is due")).to_contain_text("A caseworker of this node")
    await expect(page.locator("article")).to_contain_text("decision-kind")

    await visitor.open(f"/messages/{REFUSED}")
    await expect(page.get_by_role("region", name="Problems").locator("tbody tr")).to_contain_text("illegal-step")
    await expect(page.get_by_role("region", name="Problems")).to_contain_text("/Dossier/Entete/evenement")


async def test_the_page_of_a_case_shows_legs_clocks_news_and_messages(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.open("/cases")
    await page.get_by_label("Any id").fill(PLATFORM_ID)
    await page.get_by_label("Any id").press("Enter")
    await page.locator("tbody").get_by_role("link", name="Case").click()

    await expect(page).to_have_url(visitor.node.at(f"/cases/{CASE}"))
    leg = page.get_by_role("article", name="hdh")
    await expect(leg).to_contain_text("Being assessed")
    await expect(leg).to_contain_text("AU_CESREES")
    decide = leg.get_by_role("row", name="Issue or refuse the permit")
    await expect(decide.locator("time")).to_have_attribute("datetime", "2027-02-22")
    await expect(decide).to_contain_text("Art. 68(4)")
    await expect(page.get_by_role("region", name="News of other legs")).to_contain_text("PERMIT_GRANTED")
    await expect(page.get_by_role("region", name="Messages").locator("tbody tr")).to_have_count(14)


async def test_the_page_of_what_is_due_shows_the_most_urgent_first(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.open("/cases")
    listed = page.locator("tbody tr").filter(has_text=PLATFORM_ID)
    await expect(listed.locator("td").last.locator("time")).to_have_attribute("datetime", "2026-11-20")
    await expect(listed.locator("td").last).to_contain_text("Expired")

    await page.get_by_role("navigation", name="Main").get_by_role("link", name="What is due").click()
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("3 days ago")
    await expect(rows).to_contain_text("Pre-screening")
    await page.get_by_label("Days ahead").select_option("365")
    await page.get_by_role("button", name="Show").click()
    await expect(rows).to_have_count(2)
    await expect(rows.last).to_contain_text("in 91 days")
    await rows.last.get_by_role("link", name="Case").click()
    await expect(page).to_have_url(visitor.node.at(f"/cases/{CASE}"))
    order = page.get_by_role("article", name="hdh").locator("tbody th code")
    await expect(order).to_have_text(["PRESCREEN_TARGET", "DECIDE", "PUBLISH_APP", "COMPLETE_4W"])


async def test_the_language_is_switched_on_any_page_and_kept(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.open(f"/messages/{DECISION}")
    await page.get_by_role("link", name="Français").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Décision rendue")
    await expect(page).to_have_url(re.compile(DECISION))

    await visitor.open("/cases")
    assert await page.get_attribute("html", "lang") == "fr"
    await expect(page.get_by_role("heading", level=1)).to_have_text("Dossiers")
    await page.get_by_role("link", name="English").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Cases")


async def test_the_browsers_language_is_spoken_before_anybody_asks(chromium: Browser, node: ConsoleNode) -> None:
    async with visiting(chromium, node, locale="fr-BE") as visitor:
        await visitor.open("/messages")
        await expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Se connecter")


async def focused(page: Page) -> str:
    return str(await page.evaluate("(document.activeElement.name || document.activeElement.textContent).trim()"))


async def tab_to(page: Page, wanted: str, *, limit: int = 80) -> None:
    for _ in range(limit):
        await page.keyboard.press("Tab")
        if wanted in await focused(page):
            outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", f"{wanted} has no visible focus"
            return
    pytest.fail(f"Tab never came to {wanted!r}")


async def test_everything_is_reached_and_done_with_the_keyboard_alone(chromium: Browser, node: ConsoleNode) -> None:
    async with visiting(chromium, node) as visitor:
        page = visitor.page
        await visitor.open("/messages")
        await page.keyboard.press("Tab")
        assert await focused(page) == "Skip to content"
        await page.keyboard.press("Enter")
        assert await focused(page) == "Sign in"
        await page.keyboard.press("Tab")
        await page.keyboard.type(token(Role.READER))
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(node.at("/messages"))
        assert await focused(page) == "Messages", "the heading has the focus after signing in"

        await page.keyboard.press("Tab")
        assert await focused(page) == "text"
        await page.keyboard.press("Tab")
        await page.keyboard.type("Waits for sign-off")
        await expect(page.locator(ROWS)).to_have_count(1)
        await tab_to(page, "Decision issued")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_be_focused()
        await tab_to(page, CASE)
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(node.at(f"/cases/{CASE}"))
        await tab_to(page, "Accessibility")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_be_focused()
        for _ in range(20):
            await page.keyboard.press("Shift+Tab")
            if await focused(page) == "Sign out":
                break
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        assert all("401" in complaint for complaint in visitor.complaints), visitor.complaints
