"""Cases for a case system (DAAMS): what it pulls, what it then has, and what it tells the dispatcher."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu.conformance import counter as counters
from adapters.mock_eu.conformance import example
from adapters.mock_eu.conformance.model import Case, demand

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.mock_eu.conformance.counter import Call, Counter, Shelf
    from adapters.mock_eu.conformance.cue import Cue

_COUNTRY: Final = "nl"


@dataclass(frozen=True, slots=True)
class DaamsKit:
    """What the cases of a case system are handed."""

    counter: Counter
    cue: Cue

    async def pulled(self, shelf: Shelf) -> dict[str, Any]:
        """What the case system has of an application after a pull."""
        await self.cue("pull")
        return await self.cue("show", application_id=shelf.id)

    async def told(self, step: str, operation: str, shelf: Shelf, **facts: Any) -> dict[str, Any]:
        """The body of what the case system posts in a step, which names the application. Raises: Failed."""
        await self.cue("pull")
        await self.cue(step, application_id=shelf.id, **facts)
        found: list[Call] = self.counter.asked(operation, shelf.id)
        demand(found, f"{operation} was not called for the application")
        demand(found[-1].key == self.counter.key, f"{operation} was called without the right X-API-key")
        body = found[-1].body
        demand(isinstance(body, dict), f"{operation}: the body is no JSON object")
        named = body.get("applicationId")
        demand(named == shelf.id, f"{operation}: applicationId is {named!r}")
        return dict(body)


async def _fetched(kit: DaamsKit) -> None:
    shelf = kit.counter.put(example.application(_COUNTRY))
    await kit.cue("pull")
    demand(any(call.operation == "getApplications" for call in kit.counter.calls), "getApplications was never called")
    demand(kit.counter.asked("getApplication", shelf.id), "getApplication was not called for a new application")


async def _keyed(kit: DaamsKit) -> None:
    kit.counter.put(example.application(_COUNTRY))
    await kit.cue("pull")
    demand(kit.counter.calls, "the case system never called")
    keyless = [call.operation for call in kit.counter.calls if call.key != kit.counter.key]
    demand(not keyless, f"{', '.join(sorted(set(keyless)))}: called without the right X-API-key")


def _shows(name: str, **changes: Any) -> Callable[[DaamsKit], Awaitable[None]]:
    async def run(kit: DaamsKit) -> None:
        content = example.application(_COUNTRY, **changes)
        shown = await kit.pulled(kit.counter.put(content))
        _same(f"show: {name}", shown.get(name), content[name])

    return run


async def _datasets(kit: DaamsKit) -> None:
    content = example.application(_COUNTRY)
    first = content["datasets"][0]
    content["datasets"] = [{**first, "dataset_id": f"urn:example:dataset:kit-{number}"} for number in range(3)]
    shown = await kit.pulled(kit.counter.put(content))
    _same("show: datasets", shown.get("datasets"), [one["dataset_id"] for one in content["datasets"]])


async def _attachments(kit: DaamsKit) -> None:
    files = {f"{number:024x}_plan.pdf": example.PLAN + b"%%%d\n" % number for number in (1, 2)}
    shown = await kit.pulled(kit.counter.put(example.application(_COUNTRY), files))
    expected = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    _same("show: attachments", shown.get("attachments"), expected)


async def _unknown_members(kit: DaamsKit) -> None:
    content = {**example.application(_COUNTRY), "memberOfALaterRelease": {"x": [1]}}
    shown = await kit.pulled(kit.counter.put(content))
    _same("show: title", shown.get("title"), content["title"])


async def _again(kit: DaamsKit) -> None:
    shelf = kit.counter.put(example.application(_COUNTRY))
    await kit.pulled(shelf)
    _same("show: versions after a second pull", (await kit.pulled(shelf)).get("versions"), [1])


async def _doubled(kit: DaamsKit) -> None:
    shelf = kit.counter.put(example.application(_COUNTRY))
    kit.counter.rows = lambda rows: [row for row in rows for _ in range(2)]
    try:
        shown = await kit.pulled(shelf)
    finally:
        kit.counter.rows = lambda rows: rows
    _same("show: versions of a row that is listed twice", shown.get("versions"), [1])


async def _amended(kit: DaamsKit) -> None:
    shelf = kit.counter.put(example.application(_COUNTRY))
    await kit.pulled(shelf)
    amended = example.application(_COUNTRY)
    kit.counter.amend(shelf, amended)
    shown = await kit.pulled(shelf)
    _same("show: version after an amendment", shown.get("version"), 2)
    _same("show: title after an amendment", shown.get("title"), amended["title"])


async def _backwards(kit: DaamsKit) -> None:
    shelf = kit.counter.put(example.application(_COUNTRY))
    kit.counter.amend(shelf, example.application(_COUNTRY))
    kit.counter.rows = lambda rows: sorted(rows, key=lambda row: -row["version"])
    try:
        shown = await kit.pulled(shelf)
    finally:
        kit.counter.rows = lambda rows: rows
    _same("show: version where the list names the newest first", shown.get("version"), 2)
    _same("show: title of the newest", shown.get("title"), shelf.versions[-1].content["title"])


async def _away(kit: DaamsKit) -> None:
    shelf = kit.counter.put(example.application(_COUNTRY))
    kit.counter.list_.append(counters.away)
    await kit.cue("pull")
    shown = await kit.pulled(shelf)
    _same("show: title after a dispatcher that was away", shown.get("title"), shelf.versions[0].content["title"])


async def _cut(kit: DaamsKit) -> None:
    shelf = kit.counter.put(example.application(_COUNTRY))
    shelf.detail.append(counters.half)
    await kit.cue("pull")
    shown = await kit.pulled(shelf)
    _same("show: title after an archive that was cut", shown.get("title"), shelf.versions[0].content["title"])
    demand(shown.get("attachments"), "show: the attachments of an archive that was cut at first are missing")


async def _behind(kit: DaamsKit) -> None:
    broken = kit.counter.put(example.application(_COUNTRY))
    broken.damaged = True
    behind = kit.counter.put(example.application(_COUNTRY))
    shown = await kit.pulled(behind)
    _same("show: title behind a damaged archive", shown.get("title"), behind.versions[0].content["title"])
    found = (await kit.cue("show", application_id=broken.id)).get("title")
    demand(not found, f"show: a damaged archive became an application: {found!r}")


async def _withdrawn(kit: DaamsKit) -> None:
    shelf = kit.counter.put(example.application(_COUNTRY))
    await kit.pulled(shelf)
    shelf.status = "WITHDRAWN"
    _same("show: status after a withdrawal", (await kit.pulled(shelf)).get("status"), "WITHDRAWN")


async def _asks(kit: DaamsKit) -> None:
    body = await kit.told("request-info", "requestInfo", kit.counter.put(example.application(_COUNTRY)))
    form = body.get("form")
    sections: list[dict[str, Any]] = (form.get("sections") if isinstance(form, dict) else None) or []
    demand(sections, "requestInfo: form.sections names no section")
    demand(all(section.get("number") for section in sections), "requestInfo: a section has no number")
    demand(all(section.get("fields") for section in sections), "requestInfo: a section has no fields with comments")


def _tells(step: str, operation: str, *names: str, **facts: Any) -> Callable[[DaamsKit], Awaitable[None]]:
    async def run(kit: DaamsKit) -> None:
        body = await kit.told(step, operation, kit.counter.put(example.application(_COUNTRY)), **facts)
        missing = [name for name in names if not body.get(name)]
        demand(not missing, f"{operation}: no {', '.join(missing)}")
        for name, value in facts.items():
            _same(f"{operation}: {name}", body.get(name), value)

    return run


def _same(what: str, found: Any, expected: Any) -> None:
    demand(found == expected, f"{what} is {found!r} instead of {expected!r}"[:600])


_DECISION: Final = "D6.4, operation updateApplicationDecision: Decision, Timestamp, User"
_ARCHIVE: Final = "D6.4 s.7, operation getApplication"
CASES: Final = (
    Case("receiving.fetched", "a new application is fetched", _ARCHIVE, _fetched),
    Case("receiving.key", "every call has its key", "D6.4 s.14; observed header X-API-key", _keyed),
    Case("receiving.title", "its title is shown", "D6.4 s.7, message Application: Title", _shows("title")),
    Case(
        "receiving.request",
        "a data request is told from an application",
        "D6.4 s.7, message Application: Application_Type",
        _shows("application_type", application_type=example.REQUEST),
    ),
    Case("receiving.datasets", "every dataset counts", "D6.4 s.7, message Application: Datasets", _datasets),
    Case("receiving.form", "the form is kept whole", "D6.4 s.7, message Application: Form", _shows("form")),
    Case(
        "receiving.attachments",
        "attachments of one name are told apart",
        "D6.4 s.7, message Application: Attachments",
        _attachments,
    ),
    Case("receiving.later", "a member of a later release is survived", _ARCHIVE, _unknown_members),
    Case("duplicates.pull", "a second pull makes no second application", "D6.4 s.7, getApplications", _again),
    Case("duplicates.row", "a row that is listed twice counts once", "D6.4 s.7, getApplications", _doubled, alone=True),
    Case("versions.amended", "a new version is an update", "D6.4 s.7, message Additional information", _amended),
    Case(
        "versions.order", "the highest version counts in any order", "D6.4 s.7, getApplications", _backwards, alone=True
    ),
    Case("errors.away", "a dispatcher that was away is asked again", "D6.4 v0.5 R14.0.3-4", _away, alone=True),
    Case("errors.cut", "an archive that was cut is fetched again", "D6.4 v0.5 R14.0.3-4", _cut),
    Case("errors.behind", "a damaged archive holds up nothing behind it", "D6.4 v0.5 R14.0.3-4", _behind),
    Case("responses.withdrawal", "a withdrawal is shown", "D6.4, message Withdrawal", _withdrawn),
    Case("questions.asked", "a request names sections and comments", "D6.4 s.7, operation requestInfo", _asks),
    Case(
        "decisions.acknowledged",
        "the receipt is acknowledged",
        "D6.4 s.7, message Application ACK",
        _tells("acknowledge", "acknowledge", "statusId", "dateAcknowledged"),
    ),
    Case(
        "decisions.status",
        "a status is told",
        "D6.4 s.7.6, operation changeStatus",
        _tells("change-status", "changeStatus", status="PRE_SCREENING"),
    ),
    Case(
        "decisions.extension",
        "an extension is told",
        "D6.4 s.8, operation setDueDates",
        _tells("extend", "setDueDates"),
    ),
    Case(
        "decisions.positive",
        "a positive decision is told and signed",
        _DECISION,
        _tells("decide", "updateApplicationDecision", "timestamp", "user", decision="Positive"),
    ),
    Case(
        "decisions.negative",
        "a negative decision is told and signed",
        _DECISION,
        _tells("decide", "updateApplicationDecision", "timestamp", "user", decision="Negative"),
    ),
)
