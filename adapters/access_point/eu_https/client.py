"""`broker.ports.AccessPoint` over eu-https: JSON to the counterpart, every request signed.

A submit is a POST: the HTTP client repeats a PUT by itself where a kept connection breaks, under the same token.
The other side answers it once it has committed the message, so *submitted* and *received* are one fact here.
What nobody knows is resolved by asking, as at every access point; a submit is never repeated blindly.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import structlog

from adapters.access_point.eu_https import documents, tokens, verdicts
from adapters.access_point.eu_https.transport import Reply, Request, Transport
from adapters.access_point.patience import patiently
from broker.errors import ConfigurationError, Garbled, NotFound, OutcomeUnknown, Problem, Refused, Unauthenticated
from broker.payloads import Payload
from broker.ports import ALWAYS

if TYPE_CHECKING:
    import ssl

    from adapters.access_point.eu_https.settings import EuHttpsSettings
    from adapters.access_point.eu_https.tokens import Asked, KeySource, Signer
    from broker.ports import UserMessage, Window

_log = structlog.get_logger(__name__)
Now = Callable[[], datetime]
SUBMIT: Final = "submit"
STATUS: Final = "status"
PENDING: Final = "pending"
RETRIEVE: Final = "retrieve"
DOWNLOADED: Final = "downloaded"
_PROBE: Final = "hdeu-probe"  # an id that no message has: to know that, the counterpart needs our key and its database
_LARGE: Final = 1024 * 1024  #: bytes from which on JSON is read and written beside the loop
_OTHER_MESSAGE: Final = Problem(
    "other-message", "the counterpart handed out another message than asked for", "/message_id"
)


class EuHttps:
    """One counterpart. `key` signs, `keys` finds its public keys; `tls` has a trust store or a client certificate."""

    def __init__(
        self,
        settings: EuHttpsSettings,
        key: Signer,
        keys: Callable[[Transport], KeySource],
        *,
        now: Now,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._settings, self._key, self._now = settings, key, now
        self._transport = Transport(settings, tls)
        self.keys: KeySource = keys(self._transport)

    @property
    def name(self) -> str:
        """The configured name."""
        return self._settings.name

    async def submit(self, message: UserMessage) -> None:
        """Hand over under the message's own id. Raises: AlreadySubmitted, OutcomeUnknown, Unavailable, Refused."""
        asked = tokens.Asked(SUBMIT, message.message_id)
        large = sum(part.payload.size for part in message.parts) > _LARGE
        body = await asyncio.to_thread(documents.written, message) if large else documents.written(message)
        reply = await self._call("POST", f"messages/{quote(message.message_id, safe='')}", asked, body)
        if verdict := verdicts.of_submit(reply):
            raise verdict
        _confirmed(reply, message)
        _log.info("access_point.submitted", access_point=self.name, wire_message_id=message.message_id)

    async def pending(self, window: Window = ALWAYS) -> tuple[str, ...]:
        """Ids waiting to be fetched, once each. Nothing stands behind this list. Raises: Unavailable, Garbled."""
        if window != ALWAYS:
            return ()
        listed = (await self._read("GET", "pending", tokens.Asked(PENDING))).json().get("messages")
        if not isinstance(listed, list) or not all(documents.is_message_id(one) for one in listed):
            raise Garbled("the counterpart's list of pending messages is not one")
        return tuple(dict.fromkeys(listed))

    async def retrieve(self, message_id: str) -> UserMessage:
        """Fetch, leaving it pending. Raises: NotFound, Unavailable; Garbled, if the answer cannot be read."""
        reply = await self._call("GET", _pending(message_id), tokens.Asked(RETRIEVE, message_id))
        try:
            return await self._asked_for(message_id, reply)
        except Garbled as garbled:
            garbled.raw = (reply.content_type, Payload(reply.body))
            raise

    async def retrieve_aside(self, message_id: str) -> UserMessage:
        """The same: the whole answer is at hand in any case. Raises: as `retrieve`."""
        return await self.retrieve(message_id)

    async def _asked_for(self, message_id: str, reply: Reply) -> UserMessage:
        if verdict := verdicts.of_read(reply):
            raise verdict
        try:
            message = await self.reading(reply.body)
        except Refused as refused:
            detail = f"the counterpart's answer is unreadable: {refused.problems[0].code}"
            raise Garbled(detail, refused.problems) from refused
        if message.message_id != message_id:
            raise Garbled(_OTHER_MESSAGE.detail, (_OTHER_MESSAGE,))
        return message

    async def mark_downloaded(self, message_id: str) -> None:
        """Take it off the pending list. *Not found* means that an earlier call did. Raises: Unavailable."""
        try:
            await self._read("DELETE", _pending(message_id), tokens.Asked(DOWNLOADED, message_id))
        except NotFound:
            _log.info("access_point.already_marked", access_point=self.name, wire_message_id=message_id)

    async def status(self, message_id: str) -> str:
        """`ACKNOWLEDGED` once the counterpart has committed it, NOT_FOUND for an unknown id. Raises: Unavailable."""
        try:
            said = (await self._known(message_id)).get("status")
        except NotFound:
            return "NOT_FOUND"
        if said != verdicts.RECEIVED:
            raise Garbled("a message status that eu-https does not have")
        return "ACKNOWLEDGED"

    async def errors(self, message_id: str) -> tuple[str, ...]:  # noqa: ARG002 -- the port's shape
        """None: what goes wrong is said in the answer to the submit itself."""
        return ()

    async def push_failed(self) -> tuple[str, ...]:
        """None: who sends keeps its own work rows, and gives nothing up silently."""
        return ()

    async def push_again(self, message_ids: tuple[str, ...]) -> None:
        """Raises: NotFound, for any id: `push_failed` never names one."""
        if message_ids:
            raise NotFound("eu-https gives up no notification")

    async def restore(self, message_id: str) -> None:  # noqa: ARG002 -- the port's shape
        """Raises: ConfigurationError: there is no access point in between that could send again."""
        raise ConfigurationError("eu-https restores nothing (access_point.kind): use `hdeu messages retry`")

    async def receipt(self, message_id: str) -> bytes | None:
        """The counterpart's signed receipt (a JWT), proven by its keys. Raises: Unavailable, Garbled."""
        try:
            signed = (await self._known(message_id)).get("receipt")
        except NotFound:
            return None
        if not isinstance(signed, str):
            return None
        here = tokens.Between(issuer=self._settings.counterpart, audience=self._settings.party)
        try:
            await tokens.verify_receipt(signed, message_id, self.keys, here)
        except Unauthenticated as error:
            raise Garbled(f"the counterpart's receipt does not hold: {error.detail}") from error
        return signed.encode()

    async def sent_envelope(self, message_id: str) -> None:
        """None: there is no envelope, the receipt names the hash of the document itself."""

    async def ping(self) -> None:
        """Ask something that needs the whole counterpart. Raises: Unavailable."""
        await self.status(_PROBE)

    async def close(self) -> None:
        """Let the connections go."""
        await self._transport.close()

    async def reading(self, body: bytes) -> UserMessage:
        """The message that JSON says, from the counterpart to us, as its key has proven. Raises: Refused."""
        limits = self._settings.limits
        if len(body) > _LARGE:
            message = await asyncio.to_thread(documents.read, body, limits)
        else:
            message = documents.read(body, limits)
        return replace(message, from_party=self._settings.counterpart, to_party=self._settings.party)

    async def _known(self, message_id: str) -> dict[str, Any]:
        path = f"messages/{quote(message_id, safe='')}"
        return (await self._read("GET", path, tokens.Asked(STATUS, message_id))).json()

    async def _read(self, method: str, path: str, asked: Asked) -> Reply:
        """A call without lasting effect, or with one that may happen twice. Raises: NotFound, Unavailable."""
        reply = await self._call(method, path, asked)
        if verdict := verdicts.of_read(reply):
            raise verdict
        return reply

    async def _call(self, method: str, path: str, asked: Asked, body: bytes = b"") -> Reply:
        """A few tries within seconds, each with a token of its own; a submit only if no connection was made."""
        call = partial(self._once, method, path, asked, body)
        return await patiently(call, self._settings.patience, once=asked.operation == SUBMIT)

    async def _once(self, method: str, path: str, asked: Asked, body: bytes) -> Reply:
        between = tokens.Between(issuer=self._settings.party, audience=self._settings.counterpart)
        signed = tokens.request_token(
            self._key, asked, body, between, now=self._now(), token_id=secrets.token_urlsafe(18)
        )
        headers = {"Authorization": f"Bearer {signed}", "Accept": documents.MEDIA_TYPE, "Accept-Encoding": "identity"}
        if body:
            headers["Content-Type"] = documents.MEDIA_TYPE
        return await self._transport.call(Request(method, path, headers, body))


def _pending(message_id: str) -> str:
    return f"pending/{quote(message_id, safe='')}"


def _confirmed(reply: Reply, message: UserMessage) -> None:
    """Hold what the counterpart says it has kept against what was sent. Raises: OutcomeUnknown."""
    main = documents.main_part(message)
    sent = {"message_id": message.message_id, "sha256": tokens.digest(main.data if main else b"")}
    try:
        said = reply.json()
    except Garbled as error:
        raise OutcomeUnknown(error.detail) from error
    if {name: said.get(name) for name in sent} != sent:
        raise OutcomeUnknown("the counterpart confirmed another message than ours")
