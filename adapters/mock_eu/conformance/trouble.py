"""Cases: errors of messages and of the access point, duplicates, versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu.conformance.model import Case, demand, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.mock_eu.conformance.kit import DispatcherKit
    from adapters.mock_eu.conformance.world import Filed

_ERRORS: Final = "D7.3 s.7.2, step 1 and Annex 6 Table 3, counter-message 'not validated'"
_RETRY: Final = "D6.4 v0.5 R14.0.3-4: failed exchanges are queued, retried and logged"


def _refused(fault: str) -> Callable[[DispatcherKit], Awaitable[None]]:
    """A message spoilt by `fault` is answered *not validated*, with a reason, and never listed."""

    async def run(kit: DispatcherKit) -> None:
        filed = await kit.world.file(fault=fault)
        verdict = await kit.verdict(kit.first(filed))
        told = verdict.content.get("validated")
        demand(told is False, f"ValidationResult: validated is {told!r} for a message with the fault {fault}")
        errors = verdict.content.get("errors") or verdict.content.get("error")
        demand(errors, f"ValidationResult: no error is named for the fault {fault}")
        demand(not await kit.desk.rows(filed.id), f"getApplications lists a message with the fault {fault}")

    return run


async def _behind(kit: DispatcherKit) -> None:
    await kit.world.file(fault="corrupt-payload")
    await kit.listed(await kit.world.file())


def _survives(fault: str, operation: str, times: int = 1) -> Callable[[DispatcherKit], Awaitable[None]]:
    """An application is listed and validated although the access point has `fault` at `operation`."""

    async def run(kit: DispatcherKit) -> None:
        armed = await kit.world.arm(fault, type=operation, times=times, seconds=1)
        filed = await kit.world.file()
        try:
            await kit.listed(filed)
            await kit.validated(kit.first(filed))
        finally:
            fired = await kit.world.disarm(armed)
        demand(fired >= 1, f"the dispatcher never called {operation}")
        verdicts = kit.world.verdicts(kit.first(filed))
        demand(len(verdicts) == 1, f"after {fault} the platform got {len(verdicts)} ValidationResults for one message")

    return run


async def _same_id_twice(kit: DispatcherKit) -> None:
    silent = await kit.world.arm("push-never")  # else the message may be fetched before anybody asks for the list
    armed = await kit.world.arm("list-duplicate", times=3)
    try:
        filed = await kit.world.file()
        await kit.listed(filed)
        await kit.verdict(kit.first(filed))
    finally:
        fired = await kit.world.disarm(armed)
        await kit.world.disarm(silent)
    demand(fired, "the dispatcher never called listPendingMessages")
    await _only_one(kit, filed, "an id that the list named twice")


async def _one_answer(kit: DispatcherKit) -> None:
    filed = await kit.world.file()
    await kit.validated(kit.first(filed))
    await kit.listed(filed)
    await kit.world.amend(filed.id, title=f"{filed.content['title']}, amended")
    await kit.validated(kit.first(filed, "ApplicationAmended"))
    count = len(kit.world.verdicts(kit.first(filed)))
    demand(count == 1, f"the platform got {count} ValidationResults for one message")


async def _second_id(kit: DispatcherKit) -> None:
    filed = await kit.world.file(fault="duplicate")
    for held in kit.world.sent(filed.id):
        await kit.validated(held.header.message_id)
    rows = await kit.listed(filed)
    demand(len(rows) == 1, f"getApplications lists one version {len(rows)} times after it came under two MessageIds")


async def _only_one(kit: DispatcherKit, filed: Filed, what: str) -> None:
    rows, verdicts = await kit.desk.rows(filed.id), kit.world.verdicts(kit.first(filed))
    demand(len(rows) == 1, f"getApplications lists {len(rows)} rows for {what}")
    demand(len(verdicts) == 1, f"the platform got {len(verdicts)} ValidationResults for {what}")


async def _two_versions(kit: DispatcherKit) -> None:
    filed = await kit.world.file()
    await kit.listed(filed)
    await kit.world.amend(filed.id, title=f"{filed.content['title']}, amended")
    rows = await kit.listed(filed, versions=2)
    demand([row.get("version") for row in rows] == [1, 2], f"getApplications: versions are {_versions(rows)}")
    titles = [row.get("title") for row in rows]
    demand(titles[0] != titles[1], "getApplications: both versions have one title")
    dates = [str(row.get("dateSubmitted")) for row in rows]
    demand(dates[0] < dates[1], f"getApplications: dateSubmitted does not grow with the version: {dates}")


async def _highest(kit: DispatcherKit) -> None:
    filed = await kit.world.file()
    await kit.listed(filed)
    title = f"{filed.content['title']}, amended"
    await kit.world.amend(filed.id, title=title)
    await kit.listed(filed, versions=2)
    found = (await kit.desk.archive(filed.id)).metadata.get("title")
    demand(found == title, f"getApplication gives another version than the highest: title {found!r}")


async def _amendment_validated(kit: DispatcherKit) -> None:
    filed = await kit.world.file()
    await kit.listed(filed)
    await kit.world.amend(filed.id, title=f"{filed.content['title']}, amended")
    await kit.validated(kit.first(filed, "ApplicationAmended"))


async def _overtaken(kit: DispatcherKit) -> None:
    filed = await kit.world.file(fault="second-version")
    rows = await kit.listed(filed, versions=2)
    demand(len(rows) == 2, f"getApplications: versions are {_versions(rows)}")  # noqa: PLR2004 -- both


async def _withdrawn(kit: DispatcherKit) -> None:
    filed = await kit.world.file()
    await kit.listed(filed)
    await kit.world.respond(filed.id, "withdrawal")
    await kit.validated(kit.first(filed, "ApplicationWithdrawn"))

    async def look() -> bool:
        return any(row.get("status") == "WITHDRAWN" for row in await kit.desk.rows(filed.id))

    await until(look, kit.patience, "getApplications: status is not WITHDRAWN after a withdrawal")


def _versions(rows: list[dict[str, Any]]) -> list[Any]:
    return [row.get("version") for row in rows]


CASES: Final = (
    Case("errors.schema", "a message that breaks the schema is not validated", _ERRORS, _refused("not-schema-valid")),
    Case("errors.payload", "bytes that are no message are not validated", _ERRORS, _refused("corrupt-payload")),
    Case("errors.archive", "a damaged archive is not validated", _ERRORS, _refused("corrupt-zip")),
    Case("errors.behind", "what comes behind a damaged message arrives", _RETRY, _behind),
    Case(
        "errors.unavailable",
        "an access point that is away for a while costs nothing",
        _RETRY,
        _survives("http-503-html", "listPendingMessages", 2),
        alone=True,
    ),
    Case(
        "errors.lost-answer",
        "a retrieve whose answer is lost is done again",
        _RETRY,
        _survives("reset-after-commit", "retrieveMessage"),
        alone=True,
    ),
    Case(
        "errors.lost-submit",
        "a submit that was cut before it arrived is done again",
        _RETRY,
        _survives("reset-before-commit", "submitMessage"),
        alone=True,
    ),
    Case(
        "duplicates.unknown-outcome",
        "a submit whose answer is lost is not done twice",
        "D7.3 s.7.2, step 6: the original MessageID",
        _survives("reset-after-commit", "submitMessage"),
        alone=True,
    ),
    Case(
        "duplicates.list",
        "an id that is listed twice has one effect",
        "D7.3 s.7.2, step 12",
        _same_id_twice,
        alone=True,
    ),
    Case("duplicates.answer", "one message gets one answer", "D7.3 Annex 6 Table 3", _one_answer),
    Case(
        "duplicates.message",
        "the same version under a second MessageId is no second row",
        "D6.4 s.7, operation getApplications",
        _second_id,
    ),
    Case("versions.rows", "a new version is a new row", "D6.4 s.7, message Additional information", _two_versions),
    Case("versions.highest", "the detail is the highest version", "D6.4 s.7, operation getApplication", _highest),
    Case(
        "versions.validated",
        "an amended application is validated",
        "D7.3 Annex 6 Table 3, row Amended application",
        _amendment_validated,
    ),
    Case(
        "versions.behind",
        "two versions right behind each other both count",
        "D6.4 s.7, operation getApplications",
        _overtaken,
    ),
    Case("responses.withdrawal", "a withdrawal is taken and shown", "D6.4, message Withdrawal", _withdrawn),
)
