"""What Domibus pushes to a back end (`BackendService`), read by local names: peers disagree on the namespace.

`eu.domibus` is Domibus's own, `http://eu.domibus.wsplugin/` occurs too; the header's children are unqualified
in the one and qualified in the other. What is not known is passed over.

A body is read as it comes, and its payloads go into a spool. What came stays in another until it is known whether it
can be read, as a person must see what cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lxml import etree

from adapters.access_point.bodies import Unreadable
from adapters.access_point.domibus_ws.answers import Answer, answer_of, text_of
from adapters.access_point.domibus_ws.intake import Envelope, Related, intake
from adapters.access_point.domibus_ws.names import SOAP, STATUSES
from broker.payloads import Spool
from broker.ports import Notification, Told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from adapters.access_point.domibus_ws.settings import Limits
    from broker.errors import Problem
    from broker.payloads import Payload

#: The answer to everything that was taken: some clients want an envelope, none minds an empty one.
ACCEPTED: Final = f'<s:Envelope xmlns:s="{SOAP}"><s:Body/></s:Envelope>'.encode()
MEDIA_TYPE: Final = "application/soap+xml"
_TOLD: Final = {
    "receiveSuccess": Told.RECEIVED,
    "submitRequest": Told.MESSAGE,
    "sendSuccess": Told.SENT,
    "sendFailure": Told.SEND_FAILED,
    "receiveFailure": Told.RECEIVE_FAILED,
    "delete": Told.DELETED,
    "deleteBatch": Told.DELETED,
    "messageStatusChange": Told.STATUS,
}
_ID_NAMES: Final = frozenset({"messageID", "messageIds"})
_LONGEST_ID: Final = 255


@dataclass(frozen=True, slots=True)
class Strange:
    """A push that is none: what is wrong with it, and its bytes as they came."""

    problem: Problem
    body: Payload


@dataclass(slots=True)
class Reading:
    """A body being read. Of what turns out to be unreadable nothing more is read."""

    limits: Limits
    folder: str | None
    taken: Envelope | Related | None = None
    stopped: Unreadable | None = None

    def begin(self, content_type: str) -> None:
        """Choose how to read it."""
        try:
            self.taken = intake(content_type, self.limits, self.folder)
        except Unreadable as error:
            self.stopped = error

    def feed(self, chunk: bytes) -> None:
        """Read on."""
        try:
            if self.taken is not None:
                self.taken.feed(chunk)
        except Unreadable as error:
            self.taken, self.stopped = None, error

    def end(self) -> Notification:
        """What it says. Raises: Unreadable."""
        if self.stopped is not None:
            raise self.stopped
        assert self.taken is not None  # noqa: S101 -- `begin` chose one, or said why not
        return _notification(answer_of(self.taken.end(), self.limits))


async def notification(
    content_type: str, chunks: AsyncIterator[bytes], limits: Limits, folder: str | None = None
) -> Notification | Strange:
    """Read one push. `folder` holds a large body while it is read; None is the system's own for such files."""
    reading, kept = Reading(limits, folder), Spool(folder)
    reading.begin(content_type)
    async for chunk in chunks:
        kept.write(chunk)
        reading.feed(chunk)
    try:
        return reading.end()
    except Unreadable as error:
        return Strange(error.problem, kept.since(0))


def _notification(answer: Answer) -> Notification:
    operation = answer.only_operation()
    told = _TOLD.get(_name(operation))
    if told is None:
        detail = "the body holds no operation that an access point pushes"
        raise Unreadable("soap-other-operation", detail, "Envelope/Body")
    if told is Told.MESSAGE:
        message = answer.message_of(operation, namespace="*")
        return Notification(told, _ids([message.message_id]), message=message)
    status = _status(operation) if told is Told.STATUS else ""
    named = [text_of(child) for child in operation.iterchildren("*") if _name(child) in _ID_NAMES]
    return Notification(told, _ids(named), status)


def _ids(found: list[str]) -> tuple[str, ...]:
    if not found or not all(0 < len(one) <= _LONGEST_ID and one.isascii() and one.isprintable() for one in found):
        detail = "there is no message id that Domibus could give"
        raise Unreadable("soap-message-id", detail, "Envelope/Body//messageID")
    return tuple(dict.fromkeys(found))


def _status(operation: etree._Element) -> str:
    status = next((text_of(child) for child in operation.iterchildren("*") if _name(child) == "messageStatus"), "")
    if status not in STATUSES:
        raise Unreadable("soap-status", "Domibus has no such message status", "Envelope/Body//messageStatus")
    return status


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname
