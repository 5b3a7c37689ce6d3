"""Cases: several case systems behind one dispatcher, each of which gets what is for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu.conformance import example
from adapters.mock_eu.conformance.model import Case, demand

if TYPE_CHECKING:
    from adapters.mock_eu.conformance.kit import DispatcherKit
    from adapters.mock_eu.conformance.world import Filed

_NOT_FOUND: Final = 404
_SOURCE: Final = "D6.4 s.7, operation getApplications; D7.3 s.7.2: one National Dispatcher, several case systems"


async def _to_its_own(kit: DispatcherKit) -> None:
    filed = await _filed(kit, kit.second.catalog)
    await _second(kit).listed(filed)
    await kit.validated(kit.world.sent(filed.id)[0].header.message_id)
    await _is_hidden(kit, filed, "the first case system")


async def _to_the_other(kit: DispatcherKit) -> None:
    filed = await kit.world.file()
    await kit.listed(filed)
    await _is_hidden(_second(kit), filed, "the second case system")


async def _to_both(kit: DispatcherKit) -> None:
    filed = await _filed(kit, example.catalog(kit.world.nation), kit.second.catalog)
    await kit.listed(filed)
    await _second(kit).listed(filed)
    sent = kit.world.sent(filed.id)[0].header.message_id
    await kit.verdict(sent)
    verdicts = len(kit.world.verdicts(sent))
    demand(verdicts == 1, f"{verdicts} ValidationResults for one message that two case systems get")


def _second(kit: DispatcherKit) -> DispatcherKit:
    """The same, as the second case system sees it."""
    return replace(kit, desk=replace(kit.desk, key=kit.second.key))


async def _filed(kit: DispatcherKit, *catalogs: str) -> Filed:
    nation = kit.world.nation
    datasets: list[dict[str, Any]] = [example.dataset(nation, catalog) for catalog in catalogs]
    return await kit.world.file(datasets=datasets, form=example.form(nation, *catalogs))


async def _is_hidden(kit: DispatcherKit, filed: Filed, whose: str) -> None:
    rows = await kit.desk.rows(filed.id)
    demand(not rows, f"getApplications lists to {whose} what is not for it")
    status, _, _ = await kit.desk.get(f"/applications/{filed.id}")
    demand(status == _NOT_FOUND, f"getApplication gives {whose} what is not for it: HTTP {status} instead of 404")


CASES: Final = (
    Case("routing.second", "what names a second system's catalogue reaches that system alone", _SOURCE, _to_its_own),
    Case("routing.first", "what names another catalogue does not reach it", _SOURCE, _to_the_other),
    Case("routing.both", "what names both reaches both, and is answered once", _SOURCE, _to_both),
)
