"""How long an access point keeps what it has, and the worker that deletes the rest: the `retention_…` of a PMode's mpc.

Minutes, as Domibus counts them: from the arrival of what nobody fetched, from the last change of status of what was
fetched or sent; at most 50 of a kind in one run. What is deleted keeps its row (`DELETED`) until the metadata go as
well; then nothing knows the id.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from adapters.mock_eu.model import Chance, Held
    from adapters.mock_eu.settings import Settings
    from adapters.mock_eu.states import States
    from adapters.mock_eu.store import Store

#: Member of the rule → what it takes, as a condition over the messages of one nation.
_TAKES: Final = {
    "downloaded": "nation = ? AND role = 'RECEIVING' AND status = 'DOWNLOADED' AND changed < ? ORDER BY seq LIMIT 50",
    "undownloaded": "nation = ? AND role = 'RECEIVING' AND status = 'RECEIVED' AND at < ? ORDER BY seq LIMIT 50",
    "sent": "nation = ? AND role = 'SENDING' AND status IN ('ACKNOWLEDGED', 'SEND_FAILURE') AND changed < ?"
    " ORDER BY seq LIMIT 50",
}
_FORGOTTEN: Final = "nation = ? AND status = 'DELETED' AND changed < ? ORDER BY seq LIMIT 50"


@dataclass(frozen=True, slots=True)
class Retention:
    """Minutes; negative keeps for ever, 0 deletes what was fetched at once. As Domibus's attributes of the same names.

    Without `delete_metadata` the id, its status and its receipt stay; with it they go `metadata_offset` minutes later.
    """

    downloaded: float = -1.0
    undownloaded: float = -1.0
    sent: float = -1.0
    delete_metadata: bool = False
    metadata_offset: float = 0.0

    @classmethod
    def of(cls, values: Mapping[str, Any], base: Retention) -> Retention:
        """Another rule, where `values` say so. Raises: BadRetention."""
        for name, value in values.items():
            if complaint := _MEMBERS.get(name, _unknown)(value):
                raise BadRetention(f"{name} {complaint}")
        return replace(base, **values)


class BadRetention(ValueError):
    """No such rule; the text says which member and why."""


@dataclass(frozen=True, slots=True)
class Swept:
    """The ids of what one run took: whose payloads went, and which are not known any more."""

    deleted: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()


class RetentionWorker:
    """Deletes on time, for every nation by its own rule. `keep_proof` is called before something sent is deleted."""

    def __init__(
        self, settings: Settings, store: Store, states: States, chance: Chance, keep_proof: Callable[[Held], None]
    ) -> None:
        self._settings, self._store, self._states, self._chance = settings, store, states, chance
        self._keep_proof = keep_proof

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            for code in self._settings.nations:
                self.sweep(code)
            await asyncio.sleep(self._settings.style.retention_seconds)

    def sweep(self, nation: str, ahead: timedelta = timedelta(0)) -> Swept:
        """One run for one nation, as if it were `ahead` later."""
        rule = rule_of(self._settings, self._store, nation)
        with self._store.commit():
            forgotten = self._forget(nation, rule, ahead)
            deleted = [held for kind in _TAKES for held in self._delete(nation, rule, kind, ahead)]
            if rule.delete_metadata and not rule.metadata_offset:
                forgotten += self._purge(deleted)
        return Swept(tuple(held.header.message_id for held in deleted), tuple(forgotten))

    def _delete(self, nation: str, rule: Retention, kind: str, ahead: timedelta) -> list[Held]:
        minutes = getattr(rule, kind)
        if minutes < 0:
            return []
        found = self._store.messages(_TAKES[kind], (nation, self._before(minutes, ahead)))
        for held in found:
            if kind == "sent" and held.status == "ACKNOWLEDGED":
                self._keep_proof(held)
        self._states.delete_all(found)
        return found

    def _forget(self, nation: str, rule: Retention, ahead: timedelta) -> list[str]:
        if not rule.delete_metadata:
            return []
        return self._purge(self._store.messages(_FORGOTTEN, (nation, self._before(rule.metadata_offset, ahead))))

    def _purge(self, messages: Iterable[Held]) -> list[str]:
        gone = list(messages)
        for held in gone:
            self._store.forget(held.seq)
        return [held.header.message_id for held in gone]

    def _before(self, minutes: float, ahead: timedelta) -> str:
        return self._chance.stamp(ahead - timedelta(minutes=minutes))


def rule_of(settings: Settings, store: Store, nation: str) -> Retention:
    """The nation's: as somebody set it while the mock ran, or as configured."""
    row = store.execute("SELECT doc FROM retention WHERE nation = ?", (nation,)).fetchone()
    return settings.retention_of(nation) if row is None else Retention(**json.loads(row[0]))


def set_rule(settings: Settings, store: Store, nation: str, values: Mapping[str, Any]) -> Retention:
    """Change some members of it, until `reset_rule`. Raises: BadRetention."""
    rule = Retention.of(values, rule_of(settings, store, nation))
    store.execute("INSERT OR REPLACE INTO retention VALUES (?, ?)", (nation, json.dumps(asdict(rule))))
    return rule


def reset_rule(store: Store, nation: str) -> None:
    """As configured."""
    store.execute("DELETE FROM retention WHERE nation = ?", (nation,))


def is_minutes(value: Any) -> bool:
    """Whether it is a number, and a finite one."""
    return type(value) in {int, float} and isfinite(value)


def _minutes(value: Any) -> str:
    return "" if is_minutes(value) else "must be a number of minutes; a negative one keeps for ever"


def _offset(value: Any) -> str:
    return "" if is_minutes(value) and value >= 0 else "must be a number of minutes, 0 or more"


def _switch(value: Any) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _unknown(_: Any) -> str:
    return f"is no member of a retention: there are {', '.join(_MEMBERS)}"


_MEMBERS: Final[dict[str, Callable[[Any], str]]] = {
    "downloaded": _minutes,
    "undownloaded": _minutes,
    "sent": _minutes,
    "delete_metadata": _switch,
    "metadata_offset": _offset,
}
