"""What a case is, and how it can end."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PAUSE: Final = 0.2  #: seconds between two looks; a look may make the system under test list everything it has


class Failed(Exception):
    """The system under test broke the passage; the text names what is broken."""


class Skipped(Exception):
    """The case could not be tried; the text says what it needs."""


class Ending(StrEnum):
    """Of a case. Only `PASSED` is good: a skipped case proves nothing."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `alone`: it disturbs the access point, so nothing else runs beside it."""

    id: str
    title: str
    passage: str
    run: Callable[[Any], Awaitable[None]]
    alone: bool = False

    @property
    def group(self) -> str:
        """The first part of the id."""
        return self.id.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Result:
    """How a case ended. `seconds` is how long it took; `text` has nothing that XML could not carry."""

    case: Case
    ending: Ending
    text: str
    seconds: float
    started: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", self.text))


def demand(holds: object, broken: str) -> None:
    """Raises: Failed, naming what is broken, unless it holds."""
    if not holds:
        raise Failed(broken)


async def until(look: Callable[[], Awaitable[Any]], patience: float, broken: str) -> Any:
    """What `look` finds, once it finds something within `patience` seconds. Raises: Failed."""
    end = time.monotonic() + patience
    while not (found := await look()):
        demand(time.monotonic() < end, f"{broken} (waited {patience:g} s)")
        await asyncio.sleep(_PAUSE)
    return found
