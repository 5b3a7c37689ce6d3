"""The menu itself: every fault, where it can happen, and what it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adapters.mock_eu.backend import OPERATIONS

ANY: Final = frozenset[str]()
_SUBMIT: Final = frozenset({"submitMessage"})
_LIST: Final = frozenset({"listPendingMessages"})
_RETRIEVE: Final = frozenset({"retrieveMessage"})
_PAYLOADS: Final = frozenset({"retrieveMessage", "push.submitRequest"})
_STATUS: Final = frozenset({"ext.status"})
_PUSH: Final = frozenset(f"push.{operation}" for operation in OPERATIONS.values())
_TRANSMIT: Final = frozenset({"transmit"})
_RECEIVE: Final = frozenset({"platform.receive"})
_SEND: Final = frozenset({"platform.send"})
#: Where a fault happens, in the words of the page.
PLACES: Final[dict[frozenset[str], str]] = {
    ANY: "every SOAP operation",
    _SUBMIT: "submitMessage",
    _LIST: "listPendingMessages",
    _RETRIEVE: "retrieveMessage",
    _PAYLOADS: "retrieveMessage, push.submitRequest",
    frozenset({"ext.signalEnvelope"}): "/ext signalEnvelope",
    _STATUS: "/ext application/status",
    _PUSH: "push",
    _TRANSMIT: "AS4, nation to platform",
    _RECEIVE: "platform, on receipt",
    _SEND: "platform, when sending",
}


@dataclass(frozen=True, slots=True)
class Dish:
    """One entry of the menu. `operations` empty means every SOAP operation; `seconds`, `amount`: the usual ones."""

    says: str
    operations: frozenset[str] = ANY
    seconds: float = 2.0
    amount: int = 1


MENU: Final[dict[str, Dish]] = {
    # the access point's answers
    "submit-timeout-after-accept": Dish("accept, keep, then stay silent for `seconds` and cut", _SUBMIT),
    "reset-before-commit": Dish("reset the connection before anything is kept"),
    "reset-after-commit": Dish("keep, then reset the connection instead of answering"),
    "http-500-no-detail": Dish("HTTP 500 with a SOAP fault without FaultDetail; nothing is kept"),
    "http-503-html": Dish("HTTP 503 with an HTML page; nothing is kept"),
    "http-204": Dish("HTTP 204 instead of an error; nothing is kept"),
    "http-403": Dish("HTTP 403: the key was revoked; nothing is kept"),
    "unauthorized": Dish("HTTP 401; nothing is kept"),
    "slow": Dish("answer `seconds` late"),
    "duplicate-fault": Dish("the duplicate fault although nothing is kept", _SUBMIT),
    "duplicate-code": Dish("keep, then the duplicate fault by its code alone: WS_PLUGIN:00010", _SUBMIT),
    "other-id-confirmed": Dish("keep, then name another message's id in the answer", _SUBMIT),
    "pmode-fault": Dish("EBMS:0004 of a configuration error: no duplicate", _SUBMIT),
    "payload-fault": Dish("WS_PLUGIN_0005 with its underscore", _SUBMIT),
    "retrieve-conflict": Dish("the optimistic lock's fault", _RETRIEVE),
    "download-error": Dish("Error downloading message: the transaction was rolled back", _RETRIEVE),
    "listed-too-early": Dish("not found, though it is listed: an intermediate state of 4.1", _RETRIEVE),
    "deleted-before-retrieve": Dish("retention deletes the message between list and retrieve", _RETRIEVE),
    "list-duplicate": Dish("every id twice in the list", _LIST),
    "list-capped": Dish("at most `amount` ids in the list", _LIST),
    "extra-element": Dish("messageEntityID in the answer, as 5.2.1 adds it", _SUBMIT),
    "prefix-shuffle": Dish("other namespace prefixes in the answer, as in 5.2.1"),
    "mtom-answer": Dish("payloads as MIME parts, `start` in angle brackets", _PAYLOADS),
    "mtom-start-bare": Dish("payloads as MIME parts, `start` without angle brackets", _PAYLOADS),
    "mtom-part-missing": Dish("an xop:Include whose MIME part is not there", _PAYLOADS),
    "mtom-part-doubled": Dish("the first MIME part of a payload twice", _PAYLOADS),
    "truncated-soap": Dish("the last third of the answer is missing"),
    "wrong-encoding": Dish("a byte that is not UTF-8 in the answer"),
    "corrupt-base64": Dish("payloads that are not base64", _PAYLOADS),
    "wrong-id": Dish("the header of another message in the answer", _RETRIEVE),
    "no-zone": Dish("a Timestamp without its zone, as Domibus 4.x writes it", _RETRIEVE),
    "gzip-bomb": Dish("Content-Encoding gzip over `amount` MB of zeros", _RETRIEVE, amount=256),
    "huge-claim": Dish("a Content-Length of `amount` MB, then a cut", _RETRIEVE, amount=2048),
    "wrong-signature": Dish("a receipt whose signature does not hold", frozenset({"ext.signalEnvelope"})),
    "date-skew": Dish("a Date header that is `seconds` ahead, of the WSDL too", seconds=3600),
    "part-ill": Dish("the access point says that its database is ill; the plugin works", _STATUS),
    # the way over AS4
    "send-failure": Dish("the access point gives up: SEND_FAILURE with its list of errors", _TRANSMIT),
    "waiting-for-retry": Dish("a try fails: WAITING_FOR_RETRY, again after `seconds`", _TRANSMIT, seconds=0.5),
    "never-acknowledged": Dish(
        "a wrong alias: it never arrives, is never acknowledged, and no error is listed", _TRANSMIT
    ),
    "loopback": Dish("it also comes back to its own access point, under the same MessageId", _TRANSMIT),
    "late-receipt": Dish("the platform answers first, the receipt comes `seconds` later", _TRANSMIT),
    "receipt-without-response": Dish("the receipt comes, the platform never answers", _TRANSMIT),
    # notifications
    "push-never": Dish("no notification, ever", _PUSH),
    "push-duplicate": Dish("`amount` more of the same notification at the same time", _PUSH),
    "push-reorder": Dish("the notification `seconds` late, behind those after it", _PUSH),
    "push-burst": Dish("hold notifications back and send them together, each `seconds`", _PUSH),
    "push-unknown-id": Dish("a receiveSuccess for an id that does not exist goes ahead", _PUSH),
    "push-before-answer": Dish(
        "the answer to a submit waits for its sendSuccess, at most `seconds`", _SUBMIT, seconds=10
    ),
    # the platform
    "reject-validation": Dish("the platform says: not validated", _RECEIVE),
    "not-schema-valid": Dish("a message without its mandatory parts", _SEND),
    "old-schema": Dish("an envelope of Release 6", _SEND),
    "unknown-enum": Dish("a code of a later release that nobody knows", _SEND),
    "wrong-nation-id": Dish("an envelope whose nations are XX", _SEND),
    "clock-skew": Dish("times that are `seconds` ahead, in envelope and header", _SEND, seconds=86400),
    "nested-zip-bomb": Dish("an attachment that unpacks to `amount` MB of zeros", _SEND, amount=256),
    "corrupt-zip": Dish("half of an application's archive is missing", _SEND),
    "corrupt-payload": Dish("bytes that are neither JSON nor ZIP nor base64", _SEND),
    "second-part": Dish("a second part, cid:structured, beside the document", _SEND),
    "wrong-sender": Dish("an ebMS header whose sender is not the platform", _SEND),
    "unknown-service": Dish("an ebMS header with unknown Service and Action", _SEND),
    "drop": Dish("a message that never arrives", _SEND),
    "filter-steals": Dish("a message for another plugin of the filter: RECEIVED, never listed, never told", _SEND),
    "receive-failure": Dish("a message that the access point could not receive: RECEIVE_FAIL, never listed", _SEND),
    "delay": Dish("a message `seconds` late, as an answer after its time", _SEND, seconds=5),
    "reorder": Dish("a message behind the next one to its nation, at most `seconds` late", _SEND, seconds=5),
    "duplicate": Dish("the same payload under a second MessageId", _SEND),
    "two-answers": Dish("a second message of the same kind; of two validations one says no", _SEND),
    "second-version": Dish("version 2 of an application right behind version 1", _SEND),
    "response-without-request": Dish("an answer to a message that nobody sent goes ahead", _SEND),
}

#: Faults of whoever hands out payloads; the pusher of a whole message is one.
WHOLE: Final = tuple(name for name, dish in MENU.items() if dish.operations == _PAYLOADS)


def rows() -> list[str]:
    """The menu as the rows of the page's table."""
    return [f"| `{name}` | {PLACES[dish.operations]} | {says(dish)} |" for name, dish in MENU.items()]


def says(dish: Dish) -> str:
    """What it does, and the usual values that it speaks of."""
    told = {"`seconds`": f"{dish.seconds:g} s", "`amount`": str(dish.amount)}
    values = [value for word, value in told.items() if word in dish.says]
    return f"{dish.says} ({', '.join(values)})" if values else dish.says
