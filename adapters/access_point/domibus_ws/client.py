"""`broker.ports.AccessPoint` over the Domibus WS plugin.

Two-phase fetch, the caller's own MessageId, and errors that keep three things apart: it arrived, it did not,
nobody knows. Retries here bridge seconds and never repeat a submit that may have been received.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Final, TypeVar

import structlog

from adapters.access_point.bodies import Unreadable
from adapters.access_point.domibus_ws import answers, requests, verdicts
from adapters.access_point.domibus_ws.ext import Ext
from adapters.access_point.domibus_ws.names import RECEIVING, SENDING, STATUSES
from adapters.access_point.domibus_ws.outgoing import Outgoing
from adapters.access_point.domibus_ws.transport import Transport
from adapters.access_point.patience import patiently
from broker.errors import Garbled, NotFound, OutcomeUnknown, Problem
from broker.ports import ALWAYS

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from datetime import datetime

    from adapters.access_point.domibus_ws.settings import DomibusSettings
    from adapters.access_point.domibus_ws.transport import Reply
    from broker.ports import UserMessage, Window

_log = structlog.get_logger(__name__)
_Value = TypeVar("_Value")
MOST_PUSHED: Final = 100  #: ids that one rePushFailedMessages takes
_PROBE: Final = "hdeu-probe"  # an id that no message has: NOT_FOUND proves the plugin, its user and its database
_OTHER_MESSAGE: Final = Problem(
    "other-message", "the access point handed out another message than asked for", "Envelope/Header//MessageId"
)


class DomibusWs:
    """One access point. `tls` carries a private trust store or a client certificate."""

    def __init__(self, settings: DomibusSettings, *, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._transport = Transport(settings, tls)
        self._ext = Ext(settings, tls)
        self._log = _log.bind(access_point=settings.name)  # made once: making one costs more than a line unsaid

    @property
    def name(self) -> str:
        """The configured name."""
        return self._settings.name

    async def submit(self, message: UserMessage) -> None:
        """Submit under the caller's MessageId. Raises: AlreadySubmitted, OutcomeUnknown, Unavailable."""
        body = requests.submit(message, self._settings.header, mtom=self._settings.mtom)
        answer = await self._call(body, submitting=True)
        try:
            ids = answer.message_ids("submitResponse")
        except Unreadable as error:
            raise OutcomeUnknown(f"the access point's answer is unreadable: {error}") from error
        if ids != (message.message_id,):
            raise OutcomeUnknown("the access point confirmed another MessageId than ours")
        self._log.debug("access_point.submitted", wire_message_id=message.message_id)

    async def pending(self, window: Window = ALWAYS) -> tuple[str, ...]:
        """Ids waiting to be fetched, once each; at most 500, so drain and ask again. Raises: Unavailable."""
        wanted = requests.Wanted(received_from=_moment(window.since), received_to=_moment(window.until))
        return await self._read(requests.list_pending(wanted), _pending)

    async def retrieve(self, message_id: str) -> UserMessage:
        """Fetch, leaving it pending. Raises: NotFound, Unavailable; Garbled, if the answer cannot be read."""
        return self._asked_for(message_id, await self._read(requests.retrieve(message_id), answers.Answer.user_message))

    def _asked_for(self, message_id: str, message: UserMessage) -> UserMessage:
        if message.message_id != message_id:
            raise Garbled(_OTHER_MESSAGE.detail, (_OTHER_MESSAGE,))
        self._log.debug("access_point.retrieved", wire_message_id=message_id, parts=len(message.parts))
        return message

    async def retrieve_aside(self, message_id: str) -> UserMessage:
        """The same, and a Garbled has the answer's bytes for a person to look at. Raises: as `retrieve`."""
        body = Outgoing.of(requests.retrieve(message_id))
        reply = await patiently(lambda: self._transport.post_aside(body), self._settings.patience, once=False)
        try:
            return self._asked_for(message_id, _valued(_answered(reply), answers.Answer.user_message))
        except Garbled as garbled:
            garbled.raw = reply.raw
            raise

    async def mark_downloaded(self, message_id: str) -> None:
        """Take it off the pending list. *Not found* means that an earlier call did. Raises: Unavailable."""
        try:
            await self._read(requests.mark(message_id), _marked)
        except NotFound:
            self._log.info("access_point.already_marked", wire_message_id=message_id)
            return
        self._log.info("access_point.marked", wire_message_id=message_id)

    async def status(self, message_id: str, *, received: bool = False) -> str:
        """The status of what we sent, or `received`; NOT_FOUND for an unknown id. Raises: Unavailable."""
        try:
            return await self._read(requests.status(message_id, self._role(received=received)), _status)
        except NotFound:
            return "NOT_FOUND"

    async def errors(self, message_id: str, *, received: bool = False) -> tuple[str, ...]:
        """Codes of what went wrong with what we sent, or `received` (`EBMS:0005`). Raises: Unavailable."""
        try:
            return await self._read(requests.errors(message_id, self._role(received=received)), answers.Answer.errors)
        except NotFound:
            return ()

    async def push_failed(self, wanted: requests.Wanted = requests.EVERYTHING) -> tuple[str, ...]:
        """Ids whose notification the access point gave up. Raises: Unavailable."""
        return await self._read(requests.list_push_failed(wanted), _push_failed)

    async def push_again(self, message_ids: tuple[str, ...]) -> None:
        """Let the access point notify again; only ids that `push_failed` names, 100 at a time. Raises: Unavailable."""
        for start in range(0, len(message_ids), MOST_PUSHED):
            await self._read(requests.push_again(message_ids[start : start + MOST_PUSHED]), _anything)

    async def restore(self, message_id: str) -> None:
        """Let a message in SEND_FAILURE be sent again. Raises: NotFound, Unavailable, ConfigurationError."""
        await self._ext.restore(message_id)

    async def receipt(self, message_id: str) -> bytes | None:
        """The signed AS4 receipt, where `/ext` is configured and has it. Raises: Unavailable."""
        return await self._ext.signal_envelope(message_id) if self._settings.ext_url else None

    async def sent_envelope(self, message_id: str) -> bytes | None:
        """The signed envelope that went out, where `/ext` is configured and has it. Raises: Unavailable."""
        return await self._ext.envelope(message_id) if self._settings.ext_url else None

    async def state(self) -> bytes:
        """What Domibus says of its own parts (`/ext`). Raises: NotFound, Unavailable, ConfigurationError."""
        return await self._ext.state()

    async def pmode(self) -> bytes:
        """The PMode in use (`/ext`). Raises: NotFound, Unavailable, ConfigurationError."""
        return await self._ext.pmode()

    async def ping(self) -> None:
        """Ask something that needs the whole access point. Raises: Unavailable."""
        await self.status(_PROBE)

    async def close(self) -> None:
        """Let the connections go."""
        await self._transport.close()
        await self._ext.close()

    def _role(self, *, received: bool) -> str:
        role = RECEIVING if received else SENDING
        return role if self._settings.roles else ""

    async def _read(self, body: bytes, reader: Callable[[answers.Answer], _Value]) -> _Value:
        """A call without lasting effect, or with one that may happen twice."""
        return _valued(await self._call(Outgoing.of(body), submitting=False), reader)

    async def _call(self, body: Outgoing, *, submitting: bool) -> answers.Answer:
        reply = await patiently(lambda: self._transport.post(body), self._settings.patience, once=submitting)
        return _answered(reply, submitting=submitting)


def _answered(reply: Reply, *, submitting: bool = False) -> answers.Answer:
    """Raises: what the answer stands for, where it is none, or a fault."""
    answer = reply.answer
    if isinstance(answer, Unreadable):
        raise verdicts.of_http(reply.status, answer, submitting=submitting) from answer
    if answer.fault is not None:
        raise verdicts.of_fault(answer.fault, submitting=submitting)
    return answer


def _valued(answer: answers.Answer, reader: Callable[[answers.Answer], _Value]) -> _Value:
    try:
        return reader(answer)
    except Unreadable as error:
        raise verdicts.garbled(error) from error


def _moment(at: datetime | None) -> str:
    """An xsd:dateTime in UTC; "" for none."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else ""


def _pending(answer: answers.Answer) -> tuple[str, ...]:
    return answer.message_ids("listPendingMessagesResponse")


def _marked(answer: answers.Answer) -> None:
    answer.operation("markMessageAsDownloadedResponse")


def _push_failed(answer: answers.Answer) -> tuple[str, ...]:
    return answer.message_ids("listPushFailedMessagesResponse")


def _anything(_: answers.Answer) -> None:
    """An answer that is no fault is enough."""


def _status(answer: answers.Answer) -> str:
    status = (answer.operation("getStatusResponse").text or "").strip()
    if status not in STATUSES:
        raise Unreadable("soap-status", "Domibus has no such message status", "Envelope/Body/getStatusResponse")
    return status
