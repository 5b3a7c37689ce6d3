"""The states of messages at the access points: each step in one place, with what the back end is told of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from adapters.mock_eu.model import RECEIVING, SENDING
from adapters.mock_eu.retention import rule_of

if TYPE_CHECKING:
    from adapters.mock_eu.model import Chance, Header, Held, Part
    from adapters.mock_eu.notifications import Notifications
    from adapters.mock_eu.settings import Settings
    from adapters.mock_eu.store import Store

#: What the sending access point still works on.
UNDER_WAY: Final = ("SEND_ENQUEUED", "WAITING_FOR_RETRY", "WAITING_FOR_RECEIPT")
_DUE: Final = (
    "role = 'SENDING' AND status IN ('SEND_ENQUEUED', 'WAITING_FOR_RETRY', 'WAITING_FOR_RECEIPT') AND"
    " seq IN (SELECT seq FROM sendings WHERE due <= ?) ORDER BY seq LIMIT 20"
)


class States:
    """Every change of a message's status, within the caller's commit or one of its own."""

    def __init__(self, store: Store, notifications: Notifications, settings: Settings, chance: Chance) -> None:
        self._store, self._notifications, self._chance = store, notifications, chance
        self._settings, self._style = settings, settings.style

    # inbound

    def arrive(self, nation: str, type_: str, header: Header, parts: tuple[Part, ...]) -> None:
        """A message from the platform is there to be fetched. Raises: sqlite3.IntegrityError."""
        with self._store.commit():
            self._store.add_message(nation, RECEIVING, type_, header, parts, "RECEIVED", self._chance.stamp())
            self._tell(nation, header, "RECEIVE_SUCCESS", "SUBMIT_MESSAGE")

    def steal(self, nation: str, type_: str, header: Header, parts: tuple[Part, ...]) -> None:
        """Another plugin that stands first in the message filter takes it: received, never listed, nobody is told."""
        with self._store.commit():
            self._store.add_message(nation, RECEIVING, type_, header, parts, "RECEIVED", self._chance.stamp())
            values = (nation, RECEIVING, header.message_id)
            self._store.execute(
                "UPDATE messages SET pending = 0 WHERE nation = ? AND role = ? AND message_id = ?", values
            )

    def refuse(self, nation: str, header: Header) -> None:
        """A message that came could not be received: nobody can fetch it, the back end is told."""
        self._tell(nation, header, "RECEIVE_FAIL")

    def download(self, held: Held) -> None:
        """Take it off the pending list; without retention its payloads are gone for ever."""
        with self._store.commit():
            stays = bool(rule_of(self._settings, self._store, held.nation).downloaded)
            self._set(held, "DOWNLOADED" if stays else "DELETED", pending=False)
            if not stays:
                self._forget(held)

    def delete(self, held: Held) -> None:
        """Its payloads go; the back end is told."""
        with self._store.commit():
            self._remove(held)
            self._tell(held.nation, held.header, "DELETED")

    def delete_all(self, batch: list[Held]) -> None:
        """The same of several of one nation, told as one batch."""
        if len(batch) == 1:
            self.delete(batch[0])
        elif batch:
            with self._store.commit():
                for held in batch:
                    self._remove(held)
                ids = " ".join(held.header.message_id for held in batch)
                self._tell(batch[0].nation, batch[0].header, "DELETED_BATCH", detail=ids)

    # outbound

    def enqueue(self, nation: str, type_: str, header: Header, parts: tuple[Part, ...]) -> None:
        """Take a submit. Raises: sqlite3.IntegrityError, if the id is taken."""
        with self._store.commit():
            at = self._chance.stamp()
            seq = self._store.add_message(nation, SENDING, type_, header, parts, "SEND_ENQUEUED", at)
            self._plan(seq, 0, self._style.receipt_seconds)

    def due(self) -> list[Held]:
        """What is to be tried now, oldest first."""
        return self._store.messages(_DUE, (self._ago(0),))

    def seconds_to_next(self) -> float | None:
        """Until something is due; None if nothing is under way."""
        row = self._store.execute(
            "SELECT MIN(due) FROM sendings JOIN messages USING (seq)"
            " WHERE status IN ('SEND_ENQUEUED', 'WAITING_FOR_RETRY', 'WAITING_FOR_RECEIPT')"
        ).fetchone()
        return None if row[0] is None else self._chance.until(row[0])

    def acknowledge(self, held: Held) -> None:
        """The signed receipt came."""
        with self._store.commit():
            self._set(held, "ACKNOWLEDGED")
            self._tell(held.nation, held.header, "SEND_SUCCESS")

    def await_receipt(self, held: Held, seconds: float) -> None:
        """It arrived, its receipt comes later."""
        with self._store.commit():
            self._set(held, "WAITING_FOR_RECEIPT")
            self._plan(held.seq, self.tries(held), seconds)

    def get_lost(self, held: Held) -> None:
        """It is on its way for ever, and nothing tells why: only a person has it tried again."""
        with self._store.commit():
            self._set(held, "WAITING_FOR_RECEIPT")
            self._store.execute("DELETE FROM sendings WHERE seq = ?", (held.seq,))

    def failed_try(self, held: Held, detail: str, seconds: float) -> None:
        """One try failed: tried again after `seconds`, until the PMode's count is reached."""
        tries = self.tries(held) + 1
        with self._store.commit():
            self._error(held, "EBMS_0005", detail)
            if tries >= self._style.send_tries:
                self.give_up(held, "EBMS_0301", "No receipt within the PMode's tries")
            else:
                self._set(held, "WAITING_FOR_RETRY")
                self._plan(held.seq, tries, seconds)

    def give_up(self, held: Held, code: str, detail: str) -> None:
        """SEND_FAILURE: only a person brings it back."""
        with self._store.commit():
            self._error(held, code, detail)
            self._set(held, "SEND_FAILURE")
            self._tell(held.nation, held.header, "SEND_FAILURE")

    def restore(self, held: Held) -> None:
        """From SEND_FAILURE back into the queue, with all its tries."""
        with self._store.commit():
            self._set(held, "SEND_ENQUEUED")
            self._plan(held.seq, 0, self._style.receipt_seconds)

    def hurry(self, held: Held) -> None:
        """Try what waits in the queue now; what got lost is sent anew."""
        with self._store.commit():
            if self._store.execute("SELECT 1 FROM sendings WHERE seq = ?", (held.seq,)).fetchone() is None:
                self._set(held, "SEND_ENQUEUED")
            self._plan(held.seq, self.tries(held), 0)

    # what is known

    def tries(self, held: Held) -> int:
        """Failed tries so far."""
        row = self._store.execute("SELECT tries FROM sendings WHERE seq = ?", (held.seq,)).fetchone()
        return row[0] if row else 0

    def errors(self, held: Held) -> list[tuple[str, str, str]]:
        """(moment, code, detail), oldest first."""
        rows = self._store.execute("SELECT at, code, detail FROM errors WHERE seq = ? ORDER BY rowid", (held.seq,))
        return list(rows)

    def failed(self, nation: str) -> list[Held]:
        """What the access point gave up sending."""
        return self._store.messages("nation = ? AND role = 'SENDING' AND status = 'SEND_FAILURE'", (nation,))

    def _set(self, held: Held, status: str, *, pending: bool | None = None) -> None:
        waits = held.pending if pending is None else pending
        self._store.execute(
            "UPDATE messages SET status = ?, pending = ?, changed = ? WHERE seq = ?",
            (status, waits, self._chance.stamp(), held.seq),
        )
        self._tell(held.nation, held.header, "MESSAGE_STATUS_CHANGE", detail=status)

    def _remove(self, held: Held) -> None:
        self._set(held, "DELETED", pending=False)
        self._forget(held)

    def _forget(self, held: Held) -> None:
        self._store.execute("DELETE FROM parts WHERE seq = ?", (held.seq,))

    def _plan(self, seq: int, tries: int, seconds: float) -> None:
        row = (seq, tries, self._ago(-seconds))
        self._store.execute("INSERT OR REPLACE INTO sendings VALUES (?, ?, ?)", row)

    def _error(self, held: Held, code: str, detail: str) -> None:
        self._store.execute("INSERT INTO errors VALUES (?, ?, ?, ?)", (held.seq, self._chance.stamp(), code, detail))

    def _tell(self, nation: str, header: Header, *types: str, detail: str = "") -> None:
        for type_ in types:
            self._notifications.add(nation, type_, header, detail)

    def _ago(self, seconds: float) -> str:
        return self._chance.stamp(-timedelta(seconds=seconds))
