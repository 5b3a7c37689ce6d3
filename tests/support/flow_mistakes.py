"""Mistakes that other nodes made with messages, to be planted in a flow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.access_point.domibus_ws import DomibusWs, requests
from adapters.backends.webhook import WebhookBackend
from broker.errors import Unavailable
from broker.flow import answers, apply, read
from broker.flow.fetch import Fetcher
from broker.model.exchanges import STEPS, Direction, State

if TYPE_CHECKING:
    from broker.flow.passage import Passage
    from broker.ports import Delivery, UserMessage
    from tests.support.flow_troubles import Stage


def fetching_takes_it_off_the_list(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    point = stage.flow.point
    keeping = point.retrieve

    async def consuming(message_id: str) -> UserMessage:
        message = await keeping(message_id)
        await point.mark_downloaded(message_id)
        return message

    patch.setattr(point, "retrieve", consuming)


def the_first_failure_ends_the_round(_: Stage, patch: pytest.MonkeyPatch) -> None:
    async def one_after_another(_: Fetcher, fetch_one: Callable[[str], Awaitable[bool]], ids: list[str]) -> int:
        for done, message_id in enumerate(ids):
            if not await fetch_one(message_id):
                return done
        return len(ids)

    patch.setattr(Fetcher, "_all", one_after_another)


def any_status_is_taken_for_success(_: Stage, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WebhookBackend, "_judge", lambda *_: None)


def any_2xx_is_taken_for_success(_: Stage, patch: pytest.MonkeyPatch) -> None:
    async def submit(self: DomibusWs, message: UserMessage) -> None:
        reply = await self._transport.post(requests.submit(message, self._settings.header, mtom=False))
        assert reply.status // 100 == 2

    patch.setattr(DomibusWs, "submit", submit)


def what_is_nobodys_is_dropped(_: Stage, patch: pytest.MonkeyPatch) -> None:
    def dropped(passage: Passage, reason: str, *_: Any) -> Passage:
        return replace(passage, recorded=reason)

    patch.setattr(apply, "_later_by_hand", dropped)


def presumed_is_final(_: Stage, patch: pytest.MonkeyPatch) -> None:
    patch.setitem(STEPS[Direction.OUTBOUND], State.PRESUMED_FAILED, ())


def the_last_word_wins(_: Stage, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(apply, "_against", lambda *_: "")


def a_failed_call_is_logged_and_forgotten(_: Stage, patch: pytest.MonkeyPatch) -> None:
    async def once(self: WebhookBackend, delivery: Delivery) -> bool:
        try:
            await self._post(delivery)
        except Unavailable:
            return False
        return True

    patch.setattr(WebhookBackend, "deliver", once)


def what_was_handed_to_the_access_point_is_believed_sent(_: Stage, patch: pytest.MonkeyPatch) -> None:
    async def deaf(*_: object) -> bool:
        return False

    patch.setattr(answers, "note_receipt", deaf)


def whoever_sent_it_is_believed(_: Stage, patch: pytest.MonkeyPatch) -> None:
    trusting = read._decode

    def decode(node: Any, passage: Passage) -> Any:
        message = passage.message
        headers = {**message.headers, "from_party": node.wire.central_party}
        return trusting(node, replace(passage, message=replace(message, headers=headers)))

    patch.setattr(read, "_decode", decode)
