"""Domibus's documented REST under `/domibus/ext`: what an operator's program asks beside the WS plugin.

Failed messages and their restoration, attempts, the envelope, the payloads, and the signed receipt.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from adapters.mock_eu import pmode_file, receipts
from adapters.mock_eu.doors import authenticated, nation_of
from adapters.mock_eu.model import RECEIVING, SENDING
from adapters.mock_eu.operations import Note
from adapters.mock_eu.retention import rule_of
from adapters.mock_eu.states import UNDER_WAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler

    from adapters.mock_eu.keys import Seal
    from adapters.mock_eu.menu import Kitchen
    from adapters.mock_eu.model import Chance, Held
    from adapters.mock_eu.settings import Settings
    from adapters.mock_eu.states import States
    from adapters.mock_eu.store import Store


_PMODE_ID: Final = 1


class Ext:
    """The handlers. `wake` is called when something is put back into the queue."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        states: States,
        kitchen: Kitchen,
        *,
        chance: Chance,
        seal: Callable[[], Seal],
        wake: Callable[[], None],
    ) -> None:
        self._settings, self._store, self._states, self._kitchen = settings, store, states, kitchen
        self._chance, self._seal, self._wake = chance, seal, wake

    def routes(self) -> list[web.RouteDef]:
        """All under /{nation}/domibus/ext; and the certificate that receipts are checked with, which is no secret."""
        base = "/{nation}/domibus/ext"
        monitoring, messages = base + "/monitoring", base + "/messages"
        return [
            web.get(monitoring + "/application/status", self._for_user(self.status)),
            web.get(monitoring + "/messages/failed", self._for_user(self.failed)),
            web.get(monitoring + "/messages/failed/{id}/elapsedtime", self._for_user(self.elapsed)),
            web.put(monitoring + "/messages/failed/{id}/restore", self._for_user(self.restore)),
            web.delete(monitoring + "/messages/failed/{id}", self._for_user(self.delete)),
            web.put(monitoring + "/messages/enqueued/{id}/send", self._for_user(self.send)),
            web.get(monitoring + "/messages/{id}/attempts", self._for_user(self.attempts)),
            web.get(messages + "/usermessages/{id}", self._for_user(self.message)),
            web.get(messages + "/usermessages/{id}/envelope", self._for_user(self.envelope)),
            web.get(messages + "/usermessages/{id}/signalEnvelope", self._for_user(self.signal)),
            web.get(messages + "/{id}/payloads/{cid}", self._for_user(self.payload)),
            web.get(base + "/pmode/current", self._for_user(self.current_pmode)),
            web.get(base + f"/pmode/{_PMODE_ID}", self._for_user(self.pmode)),
            web.get("/certificate", self.certificate),
        ]

    async def status(self, request: web.Request) -> web.Response:
        """Alive, as Domibus says it."""
        parts = dict.fromkeys(("Database", "JMS Broker", "Quartz Trigger"), "NORMAL")
        if self._kitchen.fire("part-ill", self._code(request), "ext.status"):
            parts["Database"] = "ERROR"
        return web.json_response({"services": [{"name": name, "status": state} for name, state in parts.items()]})

    async def failed(self, request: web.Request) -> web.Response:
        """Ids of what was given up."""
        return web.json_response([held.header.message_id for held in self._states.failed(self._code(request))])

    async def elapsed(self, request: web.Request) -> web.Response:
        """Milliseconds since a message was given up."""
        at = self._states.errors(self._failed(request))[-1][0]
        return web.json_response(round(self._chance.since(at) * 1000))

    async def restore(self, request: web.Request) -> web.Response:
        """Back into the queue with all its tries."""
        self._states.restore(self._failed(request))
        self._wake()
        return self._done(request, "restore")

    async def delete(self, request: web.Request) -> web.Response:
        """Give up for good: its payloads go."""
        self._states.delete(self._failed(request))
        return self._done(request, "delete")

    async def send(self, request: web.Request) -> web.Response:
        """Try what waits in the queue now."""
        held = self._held(request, SENDING)
        if held.status not in UNDER_WAY:
            raise _missing(f"message [{held.header.message_id}] is not enqueued")
        self._states.hurry(held)
        self._wake()
        return self._done(request, "send")

    async def attempts(self, request: web.Request) -> web.Response:
        """Every try that went wrong, and the one that did not."""
        held = self._held(request, SENDING)
        found: list[dict[str, Any]] = [
            {"messageId": held.header.message_id, "startDate": at, "endDate": at, "status": "ERROR", "error": detail}
            for at, _, detail in self._states.errors(held)
        ]
        if held.status == "ACKNOWLEDGED":
            found.append({"messageId": held.header.message_id, "status": "SUCCESS", "error": None})
        return web.json_response(found)

    async def message(self, request: web.Request) -> web.Response:
        """The header."""
        return web.json_response(_described(self._either(request)))

    async def envelope(self, request: web.Request) -> web.Response:
        """The signed envelope that went over AS4."""
        held = self._either(request)
        row = self._store.execute("SELECT data FROM envelopes WHERE seq = ?", (held.seq,)).fetchone()
        data = receipts.sent(held, self._seal()) if row is None else bytes(row[0])
        return web.Response(body=data, content_type="application/xml")

    async def signal(self, request: web.Request) -> web.Response:
        """The signed receipt of a message that was acknowledged."""
        held = self._held(request, SENDING)
        if held.status != "ACKNOWLEDGED" and not self._has_receipt(held):
            raise _missing(f"no receipt for message [{held.header.message_id}]")
        data = self._receipt(held)
        if self._kitchen.fire("wrong-signature", held.nation, "ext.signalEnvelope", held.type):
            data = receipts.spoilt(data)
        return web.Response(body=data, content_type="application/xml")

    async def payload(self, request: web.Request) -> web.Response:
        """One part's bytes."""
        held, wanted = self._either(request), request.match_info["cid"].removeprefix("cid:").lower()
        part = next((part for part in held.parts if part.href.lower().removeprefix("cid:") == wanted), None)
        if part is None:
            raise _missing("no such payload")
        return web.Response(body=part.data, headers={"Content-Type": part.media_type})

    async def current_pmode(self, request: web.Request) -> web.Response:  # noqa: ARG002 -- a handler's shape
        """Which PMode is in use."""
        about = {"id": _PMODE_ID, "configurationDate": None, "username": "mock", "description": "MOCK EU node"}
        return web.json_response(about)

    async def pmode(self, request: web.Request) -> web.Response:
        """The PMode itself."""
        nation = nation_of(request, self._settings)
        data = pmode_file.written(self._settings, nation, rule_of(self._settings, self._store, nation.code))
        return web.Response(body=data, content_type="application/xml")

    async def certificate(self, request: web.Request) -> web.Response:  # noqa: ARG002 -- a handler's shape
        """The central access point's, in PEM."""
        return web.Response(body=self._seal().pem, content_type="application/x-pem-file")

    def keep_proof(self, held: Held) -> None:
        """What proves that it arrived outlives its payloads, from which it is made."""
        self._receipt(held)
        sent = receipts.sent(held, self._seal())
        self._store.execute("INSERT OR REPLACE INTO envelopes VALUES (?, ?)", (held.seq, sent))

    def _has_receipt(self, held: Held) -> bool:
        return self._store.execute("SELECT 1 FROM receipts WHERE seq = ?", (held.seq,)).fetchone() is not None

    def _receipt(self, held: Held) -> bytes:
        """The kept one; made once, so that it is the same at every call."""
        row = self._store.execute("SELECT data FROM receipts WHERE seq = ?", (held.seq,)).fetchone()
        if row is not None:
            return bytes(row[0])
        signal_id = f"{self._settings.id_prefix}-{self._chance.hex(32)}@central.example"
        data = receipts.receipt(held, signal_id, self._chance.stamp(), self._seal())
        self._store.execute("INSERT INTO receipts VALUES (?, ?)", (held.seq, data))
        return data

    def _for_user(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            nation = nation_of(request, self._settings)
            if self._settings.style.auth and not authenticated(request, nation):
                raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="domibus"'})
            return await handler(request)

        return guarded

    def _done(self, request: web.Request, what: str) -> web.Response:
        note = Note(self._code(request), f"ext.{what}", request.match_info["id"])
        self._store.add_log(note.entry(self._chance.stamp(), "ok"))
        return web.Response(status=200)

    def _failed(self, request: web.Request) -> Held:
        held = self._held(request, SENDING)
        if held.status != "SEND_FAILURE":
            raise _missing(f"message [{held.header.message_id}] is not in status SEND_FAILURE")
        return held

    def _held(self, request: web.Request, *roles: str) -> Held:
        code, id_ = self._code(request), request.match_info["id"]
        found = (self._store.message(code, role, id_) for role in roles)
        held = next((one for one in found if one is not None), None)
        if held is None:
            raise _missing(f"message [{id_}] does not exist")
        return held

    def _either(self, request: web.Request) -> Held:
        return self._held(request, SENDING, RECEIVING)

    def _code(self, request: web.Request) -> str:
        return nation_of(request, self._settings).code


def _missing(text: str) -> web.HTTPException:
    return web.HTTPNotFound(text=json.dumps({"message": f"[DOM_009]: {text}"}), content_type="application/json")


def _described(held: Held) -> dict[str, Any]:
    head = held.header
    return {
        "messageInfo": {
            "timestamp": head.timestamp,
            "messageId": head.message_id,
            "refToMessageId": head.ref_to_message_id or None,
        },
        "partyInfo": {
            "from": {"partyId": {"value": head.from_party, "type": head.from_type}, "role": head.from_role},
            "to": {"partyId": {"value": head.to_party, "type": head.to_type}, "role": head.to_role},
        },
        "collaborationInfo": {
            "conversationId": head.conversation_id,
            "action": head.action,
            "service": {"value": head.service, "type": head.service_type},
        },
        "messageProperties": {"property": [{"name": item.name, "value": item.value} for item in head.properties]},
        "payloadInfo": {"partInfo": [{"href": part.href, "mimeType": part.media_type} for part in held.parts]},
    }
