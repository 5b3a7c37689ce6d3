"""Cases of a dispatcher that is notified by its access point (`--push`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu.conformance.model import Case, demand, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.mock_eu.conformance.kit import DispatcherKit

_EVENT: Final = "D7.3 s.7.2, step 11: by event trigger or regular polling"


async def _taken(kit: DispatcherKit) -> None:
    filed = await kit.world.file()
    answer = await _answer(kit, kit.first(filed))
    demand(answer == "sent", f"receiveSuccess: the notification of a new message was answered {answer!r}")
    await kit.listed(filed)


def _survives(fault: str, of: str) -> Callable[[DispatcherKit], Awaitable[None]]:
    """Under `fault` the application is listed once and answered once."""

    async def run(kit: DispatcherKit) -> None:
        armed = await kit.world.arm(fault, times=1, seconds=0.5)
        filed = await kit.world.file()
        await kit.validated(kit.first(filed))
        rows = await kit.listed(filed)
        demand(await kit.world.disarm(armed), "nothing was pushed")
        demand(len(rows) == 1, f"getApplications lists {len(rows)} rows after {of}")
        count = len(kit.world.verdicts(kit.first(filed)))
        demand(count == 1, f"the platform got {count} ValidationResults after {of}")

    return run


async def _answer(kit: DispatcherKit, message_id: str) -> str:
    """The outcome of the notification about a message."""

    async def look() -> list[dict[str, Any]]:
        log = await kit.world.log(message_id)
        return [entry for entry in log if entry["operation"] == "push.receiveSuccess"]

    entries = await until(look, kit.patience, "receiveSuccess: nobody was notified")
    return str(entries[0]["outcome"])


CASES: Final = (
    Case("push.taken", "a notification is taken", _EVENT, _taken),
    Case(
        "push.lost",
        "a message without a notification arrives",
        _EVENT,
        _survives("push-never", "no notification"),
        alone=True,
    ),
    Case(
        "push.twice",
        "two notifications at once have one effect",
        _EVENT,
        _survives("push-duplicate", "two notifications"),
        alone=True,
    ),
    Case(
        "push.unknown",
        "a notification about a message that is not there does no harm",
        _EVENT,
        _survives("push-unknown-id", "a notification about nothing"),
        alone=True,
    ),
)
