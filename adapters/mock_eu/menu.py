"""The fault menu: what can go wrong on purpose, when it does, and how often it did.

A fault is armed with filters (`nation`, `type`: a message type or a SOAP operation) and a trigger: the `nth`
occurrence that passes the filters, or a `probability` decided by `seed` and the occurrence's number, so that the
same run fails in the same places. Without a trigger it fires each time, at most `times` times.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from adapters.mock_eu.dishes import MENU
from adapters.mock_eu.orders import UnknownFault, taken

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from adapters.mock_eu.store import Store


@dataclass(frozen=True, slots=True)
class Fault:
    """One armed fault; `seen` counts occurrences that passed its filters, `fired` those it spoilt."""

    id: str
    name: str
    nation: str = ""
    type: str = ""
    nth: int = 0
    probability: float = 1.0
    seed: int = 0
    times: int = 0
    seconds: float = 2.0
    amount: int = 1
    seen: int = 0
    fired: int = 0

    def matches(self, nation: str, operation: str, type_: str) -> bool:
        """Whether the filters let this occurrence pass."""
        if self.name not in MENU or (self.nation and self.nation != nation):
            return False
        operations = MENU[self.name].operations
        within = operation in operations if operations else "." not in operation
        return within and self.type in {"", operation, type_}

    def strikes(self) -> bool:
        """Whether it fires at the occurrence just counted in `seen`."""
        if self.times and self.fired >= self.times:
            return False
        if self.nth:
            return self.seen == self.nth
        if self.probability >= 1:
            return True
        drawn = hashlib.sha256(f"{self.seed}:{self.seen}".encode()).digest()
        return int.from_bytes(drawn[:8]) / 2**64 < self.probability


class Kitchen:
    """The armed faults, with counters that survive a restart."""

    def __init__(self, store: Store, nations: Collection[str]) -> None:
        self._store, self._nations = store, nations
        self._armed = {doc["id"]: Fault(**doc) for doc in store.faults()}

    @property
    def armed(self) -> tuple[Fault, ...]:
        """In the order in which they were armed."""
        return tuple(self._armed.values())

    def arm(self, id_: str, order: dict[str, Any]) -> Fault:
        """Arm one. Raises: UnknownFault."""
        fault = Fault(id=id_, **taken(order, self._nations))
        self._keep(fault)
        return fault

    def disarm(self, id_: str | None = None) -> None:
        """Disarm one, or all. Raises: UnknownFault, if nothing with this id is armed."""
        if id_ is not None and id_ not in self._armed:
            raise UnknownFault(f"no fault {id_} is armed (GET /faults has those that are)")
        self._store.delete_faults(id_)
        self._armed = {key: fault for key, fault in self._armed.items() if id_ is not None and key != id_}

    def fire(
        self, name: str, nation: str, operation: str, type_: str = "", *, fits: Callable[[Fault], bool] | None = None
    ) -> Fault | None:
        """Count this occurrence for the faults called `name`; the first that strikes is returned.

        An occurrence at which a fault would change nothing (`fits`) does not count: what fired has happened.
        """
        struck = None
        for fault in [fault for fault in self._armed.values() if fault.name == name]:
            if not fault.matches(nation, operation, type_) or (fits is not None and not fits(fault)):
                continue
            counted = replace(fault, seen=fault.seen + 1)
            if struck is None and counted.strikes():
                counted = struck = replace(counted, fired=fault.fired + 1)
            self._keep(counted)
        return struck

    def _keep(self, fault: Fault) -> None:
        self._armed[fault.id] = fault
        self._store.put_fault(fault.id, asdict(fault))
