"""Pushes notifications to the back ends, with Domibus's retry rule and the menu's faults over it."""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import aiohttp

from adapters.mock_eu import backend, dishes, spoil
from adapters.mock_eu.answers import Reply
from adapters.mock_eu.model import RECEIVING, SENDING
from adapters.mock_eu.operations import Note

if TYPE_CHECKING:
    from adapters.mock_eu.menu import Fault, Kitchen
    from adapters.mock_eu.model import Chance, Held
    from adapters.mock_eu.notifications import Notification, Notifications
    from adapters.mock_eu.settings import Settings
    from adapters.mock_eu.states import States
    from adapters.mock_eu.store import Store

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 20  # wsplugin.send.queue.concurrency=5-20
_IDLE: Final = 0.05


class Pusher:
    """The worker of the push log."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        notifications: Notifications,
        states: States,
        kitchen: Kitchen,
        chance: Chance,
    ) -> None:
        self._settings, self._store, self._notifications, self._states = settings, store, notifications, states
        self._kitchen, self._chance = kitchen, chance
        self._flying: dict[int, asyncio.Task[None]] = {}
        self._considered: set[int] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        """Until cancelled."""
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            try:
                while True:
                    self.step(session)
                    await asyncio.sleep(_IDLE)
            finally:
                await self._land()

    def step(self, session: aiohttp.ClientSession) -> None:
        """Start everything that is due and not under way."""
        for notification in self._notifications.due():
            if notification.seq not in self._flying and not self._is_spoilt(notification):
                self._flying[notification.seq] = asyncio.create_task(self._deliver(session, notification))

    def _is_spoilt(self, notification: Notification) -> bool:
        """Whether a fault keeps it from being pushed now. Each notification is offered to the faults once."""
        if notification.seq in self._considered:
            return False
        self._considered.add(notification.seq)
        if self._fire("push-never", notification):
            self._notifications.drop(notification)
            return True
        if fault := self._fire("push-reorder", notification):
            self._notifications.postpone(notification, self._notifications.after(fault.seconds))
            return True
        if fault := self._fire("push-burst", notification):
            self._notifications.postpone(notification, self._notifications.after(self._to_next_beat(fault.seconds)))
            return True
        return False

    def _to_next_beat(self, seconds: float) -> float:
        """All that are held back go at the same moment: the next whole multiple of `seconds`."""
        now = self._chance.now().timestamp()
        return math.ceil(now / seconds) * seconds - now if seconds else 0.0

    async def _deliver(self, session: aiohttp.ClientSession, notification: Notification) -> None:
        async with self._slots:
            try:
                await self._try(session, notification)
            except Exception:  # noqa: BLE001 -- one notification that trips the mock must not hold up the others
                _log.exception("the mock could not push notification %s", notification.seq)
                self._notifications.failed(notification, "the mock failed on it")
            finally:
                self._flying.pop(notification.seq, None)

    async def _try(self, session: aiohttp.ClientSession, notification: Notification) -> None:
        held = self._held(notification)
        if notification.type == "SUBMIT_MESSAGE" and (held is None or not held.parts):
            self._notifications.failed(notification, "the message has no payload any more")
            return
        body = self._body(notification, held)
        if self._fire("push-unknown-id", notification):
            await self._post(session, notification, _told("RECEIVE_SUCCESS", self._nobody()))
        twin = self._fire("push-duplicate", notification)
        results = await asyncio.gather(
            *(self._post(session, notification, body) for _ in range(1 + (max(twin.amount, 1) if twin else 0)))
        )
        self._settle(notification, held, min(results))

    def _nobody(self) -> str:
        return f"{self._settings.id_prefix}-nobody-{self._chance.hex(12)}@central.example"

    def _settle(self, notification: Notification, held: Held | None, error: str) -> None:
        with self._store.commit():
            if error:
                self._notifications.failed(notification, error)
            else:
                self._notifications.sent(notification)
                marks = self._settings.nations[notification.nation].push.mark_as_downloaded
                if notification.type == "SUBMIT_MESSAGE" and held is not None and marks:
                    self._states.download(held)
            note = Note(notification.nation, f"push.{backend.OPERATIONS[notification.type]}", notification.message_id)
            note.type = held.type if held else ""
            self._store.add_log(note.entry(self._chance.stamp(), error or "sent"))

    async def _post(self, session: aiohttp.ClientSession, notification: Notification, body: Reply) -> str:
        """One HTTP call; "" if the back end took it, else why not."""
        rule, push = self._notifications.rule(notification), self._settings.nations[notification.nation].push
        if rule is None:
            return "its rule is gone"
        headers = {"Content-Type": body.content_type}
        if push.user:
            headers["Authorization"] = aiohttp.encode_basic_auth(push.user, push.password)
        timeout = aiohttp.ClientTimeout(push.timeout_seconds)
        try:
            async with session.post(rule.endpoint, data=body.body, headers=headers, timeout=timeout) as response:
                return backend.refusal(response.status, await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__

    def _body(self, notification: Notification, held: Held | None) -> Reply:
        if notification.type == "SUBMIT_MESSAGE" and held is not None:
            return self._whole(notification, held)
        return _told(notification.type, notification.message_id, notification.detail)

    def _whole(self, notification: Notification, held: Held) -> Reply:
        """In the form of the access point's answers, or as a fault has it."""
        fired = {name: fault for name in dishes.WHOLE if (fault := self._fire(name, notification))}
        form = {key: value for name in fired for key, value in spoil.DIFFERENTLY.get(name, {}).items()}
        mtom = bool(form.get("mtom", self._settings.style.mtom))
        body = backend.whole(held, mtom=mtom, bare=form.get("start") == "bare")
        for name in fired.keys() & spoil.AFTERWARDS.keys():
            body = spoil.AFTERWARDS[name](body, fired[name])
        return body

    def _held(self, notification: Notification) -> Held | None:
        """The message; by the role that the notification is about."""
        first = SENDING if notification.type.startswith("SEND") else RECEIVING
        second = RECEIVING if first == SENDING else SENDING
        return self._store.message(notification.nation, first, notification.message_id) or self._store.message(
            notification.nation, second, notification.message_id
        )

    def _fire(self, name: str, notification: Notification) -> Fault | None:
        held = self._held(notification)
        operation = f"push.{backend.OPERATIONS[notification.type]}"
        return self._kitchen.fire(name, notification.nation, operation, held.type if held else "")

    async def _land(self) -> None:
        """Let go of what is in the air; it is pushed again at the next start."""
        tasks = list(self._flying.values())
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def _told(type_: str, message_id: str, detail: str = "") -> Reply:
    return Reply(200, backend.CONTENT_TYPE, backend.notification(type_, message_id, detail))
