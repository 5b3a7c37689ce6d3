"""What Domibus pushes to a back end (`BackendService`), read by local names: peers disagree on the namespace.

`eu.domibus` is Domibus's own, `http://eu.domibus.wsplugin/` occurs too; the header's children are unqualified
in the one and qualified in the other. What is not known is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml import etree

from adapters.access_point.domibus_ws.answers import Answer, read, text_of
from adapters.access_point.domibus_ws.hardened import Unreadable
from adapters.access_point.domibus_ws.names import SOAP, STATUSES
from broker.ports import Notification, Told

if TYPE_CHECKING:
    from adapters.access_point.domibus_ws.settings import Limits

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


def notification(content_type: str, body: bytes, limits: Limits) -> Notification:
    """Read one push. Raises: Unreadable."""
    answer = read(content_type, body, limits)
    operation = _operation(answer)
    told = _TOLD.get(_name(operation))
    if told is None:
        raise Unreadable("the body names no operation of the push interface")
    if told is Told.MESSAGE:
        message = answer.message_of(operation, namespace="*")
        return Notification(told, _ids([message.message_id]), message=message)
    status = _status(operation) if told is Told.STATUS else ""
    named = [text_of(child) for child in operation.iterchildren("*") if _name(child) in _ID_NAMES]
    return Notification(told, _ids(named), status)


def _operation(answer: Answer) -> etree._Element:
    body = answer.document.root.find(f"{{{SOAP}}}Body")
    found = [] if body is None else list(body.iterchildren("*"))
    if len(found) != 1:
        raise Unreadable("the body does not hold one operation")
    return found[0]


def _ids(found: list[str]) -> tuple[str, ...]:
    if not found or not all(0 < len(one) <= _LONGEST_ID and one.isascii() and one.isprintable() for one in found):
        raise Unreadable("no message id that Domibus could give")
    return tuple(dict.fromkeys(found))


def _status(operation: etree._Element) -> str:
    status = next((text_of(child) for child in operation.iterchildren("*") if _name(child) == "messageStatus"), "")
    if status not in STATUSES:
        raise Unreadable("a message status that Domibus does not have")
    return status


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname
