"""Every message at the end of a scenario: what lies at the access point, with what a dispatcher has of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu.eyes import ABSENT, state_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Side → direction, as a dispatcher says it.
DIRECTIONS: Final = {"platform": "inbound", "nation": "outbound"}


@dataclass(frozen=True, slots=True)
class Shown:
    """One message. `type` is empty where nobody could read it; `id` is the MessageId, else the dispatcher's own."""

    side: str
    type: str
    state: str
    id: str


def paired(lying: Iterable[dict[str, Any]], kept: Sequence[dict[str, Any]] | None) -> list[Shown]:
    """Those at the access point, oldest first, then what the dispatcher alone has; `kept` None: there is none.

    Of several that a dispatcher keeps under one MessageId (an answer set aside, then the message itself) the newest is
    what it has of it; the others stand alone. Both sides may use one id: what an access point sends to itself.
    """
    if kept is None:
        return [Shown(row["from"], row["type"], row["status"], row["message_id"]) for row in lying]
    newest = {(row["direction"], row["message_id"]): row for row in kept if row["message_id"]}
    both = {(DIRECTIONS[row["from"]], row["message_id"]): row for row in lying}
    found = [
        Shown(row["from"], row["type"], f"{row['status']} / {_state(newest.get(key))}", key[1])
        for key, row in both.items()
    ]
    paired_with = {row["id"] for key, row in newest.items() if key in both}
    return found + [_alone(row) for row in kept if row["id"] not in paired_with]


def _alone(row: dict[str, Any]) -> Shown:
    side = next(side for side, direction in DIRECTIONS.items() if direction == row["direction"])
    return Shown(side, row["type"] or "", f"{ABSENT} / {state_of(row)}", row["message_id"] or row["id"])


def _state(row: dict[str, Any] | None) -> str:
    return ABSENT if row is None else state_of(row)
