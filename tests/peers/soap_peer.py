"""zeep and pyAS4 as clients of an access point: one order per line on stdin, one answer per line on stdout.

It runs in the peers' own Python and imports nothing of ours. An order names the `stack`, the access point, and the
`call` with its arguments; the answer has `result`, or `fault` (code, text), or `error` (the class of an exception).
"""

from __future__ import annotations

import base64
import json
import logging
import sys
from typing import Any

import requests
from lxml import etree
from pyAS4.AS4Client import AS4Receive, AS4Send
from pyAS4.header import Header
from pymtom_xop import MtomTransport
from zeep import Client
from zeep.exceptions import Fault
from zeep.plugins import HistoryPlugin
from zeep.transports import Transport

EB = "{http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/}"
ROLES = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704"
TYPE = "urn:oasis:names:tc:ebcore:partyid-type:unregistered"
SECONDS = 5


def session(order: dict[str, Any]) -> requests.Session:
    made = requests.Session()
    made.auth = (order["user"], order["password"])
    return made


class LocalOnly:
    """What the WSDL needs must come from the access point itself: nothing is asked of the internet."""

    def load(self, url: str) -> Any:
        if "127.0.0.1" not in url:
            raise ValueError(f"the WSDL sends its clients to {url}")
        return super().load(url)  # type: ignore[misc]


class LocalTransport(LocalOnly, Transport):
    pass


class LocalMtom(LocalOnly, MtomTransport):
    pass


class Zeep:
    """Every operation by zeep alone; payloads go inline."""

    def __init__(self, order: dict[str, Any]) -> None:
        transport = LocalTransport(session=session(order), operation_timeout=order.get("seconds", SECONDS))
        self.client = Client(order["wsdl"], transport=transport)
        self.party, self.central = order["party"], order["central"]

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        if name == "submitMessage":
            return self.submit(**arguments)
        if name == "retrieveMessage":
            return retrieved(self.client.service.retrieveMessage(**arguments))
        return plain(self.client.service[name](**arguments))

    def submit(self, message_id: str, parts: list[list[str]], ref: str = "") -> Any:
        payload = [{"payloadId": href, "contentType": kind, "value": base64.b64decode(d)} for href, kind, d in parts]
        header = self.header(message_id, ref, [(href, kind) for href, kind, _ in parts])
        return plain(self.client.service.submitMessage(payload=payload, _soapheaders=[header]))

    def header(self, message_id: str, ref: str, parts: list[tuple[str, str]]) -> Any:
        names = {"originalSender": f"{TYPE}:C1", "finalRecipient": f"{TYPE}:C4"}
        info = {"MessageId": message_id, **({"RefToMessageId": ref} if ref else {})}

        def part(href: str, kind: str) -> dict[str, Any]:
            return {"href": href, "PartProperties": {"Property": [{"_value_1": kind, "name": "MimeType"}]}}

        def side(party: str, role: str) -> dict[str, Any]:
            return {"PartyId": {"_value_1": party, "type": TYPE}, "Role": f"{ROLES}/{role}"}

        return self.client.get_element(f"{EB}Messaging")(
            UserMessage={
                "MessageInfo": info,
                "PartyInfo": {"From": side(self.party, "initiator"), "To": side(self.central, "responder")},
                "CollaborationInfo": {
                    "Service": {"_value_1": "bdx:noprocess", "type": "tc1"},
                    "Action": "TC1Leg1",
                    "ConversationId": "conversation",
                },
                "MessageProperties": {"Property": [{"_value_1": text, "name": name} for name, text in names.items()]},
                "PayloadInfo": {"PartInfo": [part(*one) for one in parts]},
            }
        )


class PyAS4(Zeep):
    """pyAS4 submits (MTOM), lists and receives in its own way; what it has no call for goes through its client."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.party, self.central = order["party"], order["central"]
        self.history = HistoryPlugin()
        transport = LocalTransport(session=session(order), operation_timeout=order.get("seconds", SECONDS))
        self.receiver = AS4Receive(order["wsdl"], transport, [self.history], c4_party_id=f"{TYPE}:C4")
        self.client = self.receiver.client

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        if name == "listPendingMessages" and not arguments:
            return plain(self.receiver._get_pending())
        if name == "receive":
            return self.receive()
        return super().call(name, arguments)

    def submit(self, message_id: str, parts: list[list[str]], ref: str = "") -> Any:
        transport = LocalMtom(session=session(self.order), operation_timeout=self.order.get("seconds", SECONDS))
        sender = AS4Send(self.order["wsdl"], transport, [self.history], self.as4_header(message_id, ref))
        payloads = [{"content": base64.b64decode(d), "content_type": kind, "cid": href} for href, kind, d in parts]
        return plain(sender.send_message(payloads))

    def as4_header(self, message_id: str, ref: str) -> Header:
        """Its header has no MessageInfo and one role for both sides; both are set here."""
        parties = (f"{TYPE}:C1", TYPE, self.party, TYPE, self.central, TYPE, f"{TYPE}:C4", TYPE)
        header = Header(*parties, "conversation", "bdx:noprocess", "tc1", action="TC1Leg1", role=f"{ROLES}/initiator")
        user_message = header.element.find(f"{EB}UserMessage")
        user_message.find(f"{EB}PartyInfo/{EB}To/{EB}Role").text = f"{ROLES}/responder"
        info = etree.Element(f"{EB}MessageInfo")
        user_message.insert(0, info)
        for name, value in (("MessageId", message_id), ("RefToMessageId", ref)):
            if value:
                etree.SubElement(info, EB + name).text = value
        return header

    def receive(self) -> Any:
        """All pending messages, taken as pyAS4 takes them: downloaded at once, content as text."""
        return [
            {"id": one["messageId"], "from": one["header"]["Party"]["From"]["name"], "payload": one["payload"]}
            for one in self.receiver.receive_message()
        ]


def plain(value: Any) -> Any:
    """An answer as JSON, whatever the generated object is called."""
    body = getattr(value, "body", value)
    if hasattr(body, "messageID"):
        body = body.messageID
    if isinstance(body, list):
        return [one if isinstance(one, str) else getattr(one, "__values__", {"value": str(one)}) for one in body]
    return body


def retrieved(answer: Any) -> dict[str, Any]:
    message = answer.header.ebMSHeaderInfo.UserMessage
    payloads = answer.body.payload
    return {
        "id": message.MessageInfo.MessageId,
        "ref": message.MessageInfo.RefToMessageId or "",
        "from": message.PartyInfo.From.PartyId._value_1,
        "service": message.CollaborationInfo.Service._value_1,
        "conversation": message.CollaborationInfo.ConversationId or "",
        "parts": [[one.payloadId, one.contentType, base64.b64encode(one.value).decode()] for one in payloads],
    }


def answer(clients: dict[str, Any], order: dict[str, Any]) -> dict[str, Any]:
    """Raises nothing: whatever a stack does with an answer is what is to be seen."""
    try:
        key = json.dumps({name: order.get(name) for name in ("stack", "wsdl", "user", "password", "seconds")})
        if key not in clients:
            clients[key] = {"zeep": Zeep, "pyas4": PyAS4}[order["stack"]](order)
        return {"result": clients[key].call(order["call"], order.get("arguments", {}))}
    except Fault as fault:
        if isinstance(fault.detail, bytes):  # an answer that is no SOAP at all
            return {"error": "zeep.exceptions.Fault", "text": str(fault.detail[:500])}
        detail = None if fault.detail is None else fault.detail.find("{http://eu.domibus.wsplugin/}FaultDetail")
        code = "" if detail is None else detail.findtext("code")
        return {"fault": [code, fault.message if detail is None else detail.findtext("message")]}
    except Exception as error:  # noqa: BLE001 -- as above
        return {"error": f"{type(error).__module__}.{type(error).__name__}", "text": str(error)[:500]}


def main() -> None:
    logging.disable(logging.CRITICAL)
    clients: dict[str, Any] = {}
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(clients, json.loads(line)), default=str) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
