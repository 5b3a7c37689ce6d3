"""Notifications that wait for a back end: which rule takes which, and Domibus's retry rule over them.

States as in Domibus's push log: WAITING_FOR_RETRY, SENT, SEND_FAILURE. What is given up stays listed until a person
has it pushed again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from adapters.mock_eu.settings import Retry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adapters.mock_eu.model import Chance, Header
    from adapters.mock_eu.settings import Nation, Rule
    from adapters.mock_eu.store import Store

_COLUMNS: Final = "seq, nation, rule, type, message_id, detail, state, tries, due, first"


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification. `detail`: a MESSAGE_STATUS_CHANGE's status, a DELETED_BATCH's ids; `first`: when it arose."""

    seq: int
    nation: str
    rule: str
    type: str
    message_id: str
    detail: str
    state: str
    tries: int
    due: str
    first: str


class Notifications:
    """The push log."""

    def __init__(self, store: Store, nations: Mapping[str, Nation], chance: Chance) -> None:
        self._store, self._nations, self._chance = store, nations, chance

    def add(self, nation: str, type_: str, header: Header, detail: str = "") -> None:
        """Note it, if a rule takes it; within the caller's commit."""
        rule = _taken_by(self._nations[nation].push.rules, type_, header.value("finalRecipient"))
        if rule is not None:
            now = self._chance.stamp()
            row = (nation, rule.name, type_, header.message_id, detail, "WAITING_FOR_RETRY", 0, now, now, "")
            self._store.execute(
                "INSERT INTO notifications (nation, rule, type, message_id, detail, state, tries, due, first, error)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )

    def rule(self, notification: Notification) -> Rule | None:
        """The rule that took it; None if the configuration no longer has it."""
        return next(
            (rule for rule in self._nations[notification.nation].push.rules if rule.name == notification.rule), None
        )

    def due(self) -> list[Notification]:
        """What is to be pushed now, oldest first."""
        return self._where("state = 'WAITING_FOR_RETRY' AND due <= ? ORDER BY seq", (self._chance.stamp(),))

    def seconds_to_next(self) -> float | None:
        """Until something is due; None if nothing waits."""
        row = self._store.execute("SELECT MIN(due) FROM notifications WHERE state = 'WAITING_FOR_RETRY'").fetchone()
        return None if row[0] is None else self._chance.until(row[0])

    def waits_for(self, nation: str, message_id: str) -> bool:
        """Whether a rule takes SEND_SUCCESS and the back end has not heard of this message yet."""
        if not any("SEND_SUCCESS" in rule.types for rule in self._nations[nation].push.rules):
            return False
        row = self._store.execute(
            "SELECT 1 FROM notifications"
            " WHERE nation = ? AND message_id = ? AND type = 'SEND_SUCCESS' AND state = 'SENT'",
            (nation, message_id),
        ).fetchone()
        return row is None

    def sent(self, notification: Notification) -> None:
        """The back end took it."""
        self._set(notification, "SENT", notification.tries + 1, notification.due, "")

    def failed(self, notification: Notification, error: str) -> None:
        """Whatever was answered but success: again at the worker's next run, or given up for good."""
        rule, tries = self.rule(notification), notification.tries + 1
        retry = Retry.of(rule.retry) if rule else Retry(0, 1)
        if tries >= retry.tries:
            self._set(notification, "SEND_FAILURE", tries, notification.due, error)
            return
        cron = self._nations[notification.nation].push.cron_seconds
        self._set(notification, "WAITING_FOR_RETRY", tries, self.after(max(retry.interval, cron)), error)

    def postpone(self, notification: Notification, due: str) -> None:
        """Push it later, without counting a try."""
        self._set(notification, "WAITING_FOR_RETRY", notification.tries, due, "")

    def drop(self, notification: Notification) -> None:
        """Never push it, and do not list it as failed."""
        self._set(notification, "SENT", notification.tries, notification.due, "dropped")

    def given_up(self, nation: str) -> list[Notification]:
        """What `listPushFailedMessages` shows."""
        return self._where("nation = ? AND state = 'SEND_FAILURE' ORDER BY seq", (nation,))

    def push_again(self, nation: str, message_ids: Iterable[str]) -> None:
        """`rePushFailedMessages`: all tries anew."""
        now = self._chance.stamp()
        for message_id in message_ids:
            self._store.execute(
                "UPDATE notifications SET state = 'WAITING_FOR_RETRY', tries = 0, due = ?"
                " WHERE nation = ? AND message_id = ? AND state = 'SEND_FAILURE'",
                (now, nation, message_id),
            )

    def after(self, seconds: float) -> str:
        """The moment so many seconds from now."""
        return self._chance.stamp(timedelta(seconds=seconds))

    def _set(self, notification: Notification, state: str, tries: int, due: str, error: str) -> None:
        self._store.execute(
            "UPDATE notifications SET state = ?, tries = ?, due = ?, error = ? WHERE seq = ?",
            (state, tries, due, error, notification.seq),
        )

    def _where(self, where: str, values: tuple[str, ...]) -> list[Notification]:
        rows = self._store.execute(f"SELECT {_COLUMNS} FROM notifications WHERE {where}", values)  # noqa: S608 -- constants of this module
        return [Notification(*row) for row in rows]


def _taken_by(rules: tuple[Rule, ...], type_: str, recipient: str) -> Rule | None:
    """The first rule for the recipient that names the type."""
    return next((rule for rule in rules if rule.recipient in {"", recipient} and type_ in rule.types), None)
