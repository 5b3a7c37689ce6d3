"""Runs cases: those that disturb nobody side by side, the others one after the other."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from adapters.mock_eu.conformance.model import Case, Ending, Failed, Result, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

AT_ONCE: Final = 8


async def run(cases: Sequence[Case], kit: Any, told: Callable[[Result], None] | None = None) -> list[Result]:
    """All results, in the order of the cases; `told` hears of each as it ends."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> Result:
        async with slots:
            result = await _run(case, kit)
        if told is not None:
            told(result)
        return result

    together = [case for case in cases if not case.alone]
    results = list(await asyncio.gather(*(one(case) for case in together)))
    results += [await one(case) for case in cases if case.alone]
    return sorted(results, key=lambda result: cases.index(result.case))


async def _run(case: Case, kit: Any) -> Result:
    at, started = datetime.now(UTC), time.monotonic()
    ending, text = await _ending(case, kit)
    return Result(case, ending, text, round(time.monotonic() - started, 3), at)


async def _ending(case: Case, kit: Any) -> tuple[Ending, str]:
    try:
        await case.run(kit)
    except Failed as broken:
        return Ending.FAILED, str(broken)
    except Skipped as reason:
        return Ending.SKIPPED, str(reason)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return Ending.FAILED, f"the system under test cannot be reached: {type(error).__name__} {error}".strip()
    except Exception as error:  # noqa: BLE001 -- a fault of the kit must not hide the results of the other cases
        return Ending.ERROR, f"the kit itself failed: {type(error).__name__}: {error}"
    return Ending.PASSED, ""
