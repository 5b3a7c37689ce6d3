"""What staff see of the track of an application and of messages without a case: in the API and in the console."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from lxml import html

from broker.flow.staff import retry
from broker.model.exchanges import State
from broker.model.identity import Role
from broker.web.console import add_console_routes
from tests.support.as_served import AsServed
from tests.support.console_node import settings
from tests.support.flow_node import EXAMPLE_ID, Flow, eu, eu_application
from tests.support.web_node import Flow as Decisions
from tests.support.web_node import application, as_role, services
from tests.unit.flow.test_tracks import NO, YES, in_assessment, national

ZIP = "application/zip"


@dataclass
class Staff:
    """Somebody who may read cases and messages, with the API and a browser without scripts."""

    client: TestClient[web.Request, web.Application]

    async def read(self, path: str) -> Any:
        """An answer of the API."""
        response = await self.client.get(f"/api/v1{path}", headers=as_role(Role.CASEWORKER))
        assert response.status == 200, await response.text()
        return await response.json()

    async def page(self, path: str, language: str = "en") -> html.HtmlElement:
        """A page of the console."""
        headers = as_role(Role.READER) | {"Accept-Language": language}
        response = await self.client.get(f"/console{path}", headers=headers)
        assert response.status == 200, await response.text()
        return html.fromstring(await response.text())

    async def only_case(self) -> str:
        [case] = (await self.read("/cases"))["cases"]
        return str(case["key"])


@pytest.fixture
async def staff(flow: Flow) -> AsyncIterator[Staff]:
    offered = replace(services(flow.store, Decisions()), today=lambda: flow.clock.now().date())
    app = application(offered)
    add_console_routes(app, offered, settings())
    async with TestClient(AsServed(app)) as client:
        yield Staff(client)


def words(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def row_of(page: html.HtmlElement, code: str) -> html.HtmlElement:
    """The one row of a table that shows this code."""
    [row] = [row for row in page.iter("tr") if code in [found.text for found in row.iter("code")]]
    return row


def days_in(row: html.HtmlElement) -> list[str]:
    return [str(found.get("datetime")) for found in row.iter("time")]


async def everywhere(staff: Staff, clock: str) -> list[tuple[str, str]]:
    """The last day of a clock and why, in each of the four places that show clocks; pages in both languages."""
    case = await staff.only_case()
    [due] = [row for row in (await staff.read("/due?within=365"))["clocks"] if row["clock"] == clock]
    [leg] = (await staff.read(f"/cases/{case}"))["legs"]
    [of_case] = [row for row in leg["clocks"] if row["clock"] == clock]
    found = [(row["due_on"], row["reason"]) for row in (due, of_case)]
    for path in ("/due?within=365", f"/cases/{case}"):
        for language in ("en", "fr"):
            row = row_of(await staff.page(path, language), clock)
            [day] = days_in(row)
            [why] = [
                words(cell)
                for cell in row.iter("td")
                if cell.get("data-label") in {"Why this date", "Motif de cette date"}
            ]
            found.append((day, why))
    return found


def in_months(moment: datetime, months: int) -> date:
    """The same day so many months later, counted in the simplest way."""
    month = moment.month - 1 + months
    return date(moment.year + month // 12, month % 12 + 1, moment.day)


def is_soon_after(day: str, earliest: date) -> bool:
    """The day itself, or the first working day behind it."""
    return timedelta(0) <= date.fromisoformat(day) - earliest <= timedelta(days=4)


async def test_the_accelerated_track_is_shown_with_its_day_and_reason_wherever_clocks_are(
    flow: Flow, staff: Staff
) -> None:
    await in_assessment(flow, (YES, YES, "ab"))
    shown = await everywhere(staff, "DECIDE")
    assert len(shown) == 6
    [(day, why)] = set(shown)
    assert is_soon_after(day, in_months(flow.clock.now(), 2))
    assert "2 months" in why
    assert "Art. 68(6)" in why


async def test_another_track_is_shown_with_the_day_that_it_replaces_wherever_clocks_are(
    flow: Flow, staff: Staff
) -> None:
    await in_assessment(flow, (NO, NO, "e"))
    [(standard, why)] = set(await everywhere(staff, "DECIDE"))
    assert is_soon_after(standard, in_months(flow.clock.now(), 3))
    assert "Art. 68(6)" not in why
    await flow.from_office(national("TRACK", "ACCELERATED"))
    [(accelerated, why)] = set(await everywhere(staff, "DECIDE"))
    assert is_soon_after(accelerated, in_months(flow.clock.now(), 2))
    assert "Art. 68(6)" in why
    assert why.endswith(f"before that {standard}")


async def test_the_accelerated_day_counts_down_and_is_over_earlier(flow: Flow, staff: Staff) -> None:
    await in_assessment(flow, (YES, YES, "ab"))
    [(day, _)] = set(await everywhere(staff, "DECIDE"))
    flow.clock.at = datetime.combine(date.fromisoformat(day), flow.clock.now().timetz()) - timedelta(days=5)
    [due] = [row for row in (await staff.read("/due?within=7"))["clocks"] if row["clock"] == "DECIDE"]
    assert (due["state"], due["days_left"]) == ("running", 5)
    assert "in 5 days" in words(row_of(await staff.page("/due?within=7"), "DECIDE"))
    flow.clock.advance(6 * 86_400)
    [due] = [row for row in (await staff.read("/due"))["clocks"] if row["clock"] == "DECIDE"]
    assert (due["state"], due["days_left"]) == ("expired", -1)
    over = words(row_of(await staff.page("/due"), "DECIDE"))
    assert "1 day ago" in over
    assert "Expired" in over


async def orphan(flow: Flow, staff: Staff) -> tuple[str, dict[str, Any], str]:
    """A message about a case that nobody knows: its id, what the API says of it, and the text of its page."""
    message_id = await flow.from_eu(eu("ApplicationWithdrawn"))
    return message_id, await staff.read(f"/messages/{message_id}"), words(await staff.page(f"/messages/{message_id}"))


async def test_staff_see_what_a_message_without_a_case_waits_for_and_until_when_it_is_looked_at_again(
    flow: Flow, staff: Staff
) -> None:
    message_id, told, page = await orphan(flow, staff)
    assert (told["state"], told["type"], told["case"]) == ("HELD", "ApplicationWithdrawn", "")
    [exchange] = told["exchanges"]
    assert exchange["reason"] == f"waits for the application that it speaks of ({EXAMPLE_ID})"
    assert told["waiting"]["last_error"].startswith("held: ")
    assert datetime.fromisoformat(told["waiting"]["next_attempt_at"]) > flow.clock.now()
    assert told["problems"] == []
    assert "It waits for the message that must come before it." in page
    assert "Nobody: the broker goes on by itself" in page
    row = next(
        row for row in (await staff.page("/messages?group=open")).iter("tr") if message_id in words_of_links(row)
    )
    assert "Held" in words(row)
    assert (await staff.read("/cases"))["cases"] == []
    assert "No case has been opened yet." in words(await staff.page("/cases"))


def words_of_links(row: html.HtmlElement) -> str:
    return " ".join(str(link.get("href")) for link in row.iter("a"))


async def test_when_the_application_comes_staff_see_the_message_at_its_case_and_nobody_has_to_act(
    flow: Flow, staff: Staff
) -> None:
    message_id, _, _ = await orphan(flow, staff)
    await flow.from_eu(eu_application(), ZIP)
    flow.clock.advance(5)
    await flow.run()
    case = await staff.only_case()
    told = await staff.read(f"/messages/{message_id}")
    assert (told["case"], told["state"], told["waiting"]) == (case, "ACKNOWLEDGED", None)
    of_case = await staff.read(f"/cases/{case}")
    assert {row["type"] for row in of_case["messages"]} >= {"ApplicationSubmitted", "ApplicationWithdrawn"}
    assert [leg["state"] for leg in of_case["legs"]] == ["WITHDRAWN"]
    page = await staff.page(f"/cases/{case}")
    assert message_id in words_of_links(page)
    tries = [(attempt["step"], attempt["outcome"], attempt["error_code"]) for attempt in told["attempts"]]
    assert tries[:2] == [("prepare", "later", "held"), ("prepare", "done", "")]
    assert "held" in words(await staff.page(f"/messages/{message_id}")), "that it waited stays to be seen"


async def test_when_it_waited_in_vain_staff_see_that_they_must_act_and_on_what(flow: Flow, staff: Staff) -> None:
    message_id, _, _ = await orphan(flow, staff)
    flow.clock.advance(61)
    await flow.run()
    told = await staff.read(f"/messages/{message_id}")
    assert (told["state"], told["waiting"]) == ("PARKED", None)
    [problem] = told["problems"]
    assert (problem["code"], problem["path"]) == ("unknown-case", "envelope/applicationId")
    assert problem["hint"]
    page = words(await staff.page(f"/messages/{message_id}"))
    assert "The broker cannot go on by itself." in page
    assert "unknown-case" in page
    assert EXAMPLE_ID not in page, "what a message holds is for who may read documents"
    [listed] = (await staff.read("/messages?state=PARKED"))["messages"]
    assert listed["id"] == message_id


async def test_an_application_that_comes_too_late_leaves_it_to_the_person_whose_retry_puts_it_to_the_case(
    flow: Flow, staff: Staff
) -> None:
    message_id, _, _ = await orphan(flow, staff)
    flow.clock.advance(61)
    await flow.run()
    await flow.from_eu(eu_application(), ZIP)
    flow.clock.advance(3_600)
    await flow.run()
    case = await staff.only_case()
    told = await staff.read(f"/messages/{message_id}")
    assert (told["state"], told["case"]) == ("PARKED", "")
    assert [leg["state"] for leg in (await staff.read(f"/cases/{case}"))["legs"]] == ["RECEIVED"]
    assert await retry(flow.node, message_id, actor="urn:example:staff") == State.RECEIVED
    await flow.run()
    told = await staff.read(f"/messages/{message_id}")
    assert (told["state"], told["case"]) == ("ACKNOWLEDGED", case)
    page = words(await staff.page(f"/messages/{message_id}"))
    assert "Tried again by a person" in page
    assert [leg["state"] for leg in (await staff.read(f"/cases/{case}"))["legs"]] == ["WITHDRAWN"]
