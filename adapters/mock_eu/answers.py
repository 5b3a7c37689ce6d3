"""Answers and faults as a Domibus writes them, in the style of 5.1 or of 5.2.1."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from adapters.mock_eu.model import Header, Part, Property

_MPC: Final = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/defaultMPC"
_URIS: Final = (
    "http://www.w3.org/2003/05/soap-envelope",
    "http://eu.domibus.wsplugin/",
    "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/",
)


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, Content-Type and bytes of one HTTP answer; `outcome` goes to the log."""

    status: int
    content_type: str
    body: bytes
    outcome: str = "ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    claimed: int = 0  #: the Content-Length to claim before the connection is cut, 0 for an honest answer


class WsFault(Exception):
    """A fault to answer with. `code` empty: no FaultDetail, as where Apache CXF itself refuses.

    `text` is the fault's reason; `detail` stands beside the code where Domibus words the two differently.
    """

    def __init__(self, code: str, text: str, *, status: int = 500, detail: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.detail = detail or text
        self.status = status


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Which prefix stands for SOAP, plugin and ebMS. 5.2.1 changes them between answers; `turn` counts answers."""

    s: str = "soap"
    w: str = "ns2"
    eb: str = "ns5"

    @classmethod
    def of(cls, style: str, turn: int) -> Prefixes:
        """The fixed ones of 5.1, or the next ones of 5.2.1."""
        if style == "5.1":
            return cls()
        names = [f"ns{number}" for number in range(2, 7)]
        return cls(("soap", "env", "S")[turn % 3], names[turn % 5], names[(turn + 2) % 5])

    def declarations(self) -> str:
        """The xmlns attributes."""
        pairs = zip((self.s, self.w, self.eb), _URIS, strict=True)
        return " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in pairs)


@dataclass(slots=True)
class Writer:
    """Writes answers in one style; `mtom` sends payloads as MIME parts, `start` with brackets or without."""

    style: str
    mtom: bool
    turn: int = field(default=0)
    shuffle: bool = False  #: prefixes as 5.2.1 changes them
    extra: bool = False  #: messageEntityID although the style is 5.1
    start: str = ""  #: "bare" or "bracketed"; empty alternates

    @contextmanager
    def differently(self, changes: Mapping[str, Any]) -> Iterator[None]:
        """With other settings for one answer."""
        kept = {name: getattr(self, name) for name in changes}
        for name, value in changes.items():
            setattr(self, name, value)
        try:
            yield
        finally:
            for name, value in kept.items():
                setattr(self, name, value)

    def plain(self, name: str, inner: str = "") -> Reply:
        """An answer without payloads; `inner` is XML of unqualified children. No `name`: the body is empty."""
        return Reply(200, "application/soap+xml;charset=UTF-8", self._envelope(self._next(), name, inner, ""))

    def errors(self, message_id: str, found: Iterable[tuple[str, str, str]]) -> Reply:
        """getMessageErrorsResponse: (moment, code, detail) of what went wrong while sending."""
        items = "".join(
            f"<item><domibusErrorCode>{code}</domibusErrorCode><errorDetail>{escape(detail)}</errorDetail>"
            f"<messageInErrorId>{escape(message_id)}</messageInErrorId><mshRole>SENDING</mshRole>"
            f"<notified>{at}</notified><timestamp>{at}</timestamp></item>"
            for at, code, detail in found
        )
        return self.plain("getMessageErrorsResponse", items)

    def ids(self, name: str, ids: Iterable[str]) -> Reply:
        """An answer that lists message ids."""
        return self.plain(name, "".join(f"<messageID>{escape(id_)}</messageID>" for id_ in ids))

    def submitted(self, message_id: str, entity_id: int) -> Reply:
        """submitResponse; 5.2.1 adds an element that the 5.1 schema does not have."""
        extra = f"<messageEntityID>{entity_id}</messageEntityID>" if self.extra or self.style == "5.2.1" else ""
        return self.plain("submitResponse", f"<messageID>{escape(message_id)}</messageID>{extra}")

    def retrieved(self, header: Header, parts: tuple[Part, ...]) -> Reply:
        """retrieveMessageResponse, with the header of the message."""
        prefixes = self._next()
        head = messaging(prefixes.eb, header, parts)
        name = "retrieveMessageResponse"
        if not self.mtom:
            inner = "".join(_payload(part, base64.b64encode(part.data).decode()) for part in parts)
            body = self._envelope(prefixes, name, inner, head)
            return Reply(200, "application/soap+xml;charset=UTF-8", body)
        inner = "".join(_payload(part, include(number)) for number, part in enumerate(parts))
        bare = self.start == "bare" if self.start else bool(self.turn % 2)
        return related(self._envelope(prefixes, name, inner, head), parts, number=self.turn, bare=bare)

    def fault(self, fault: WsFault) -> Reply:
        """A SOAP fault."""
        p = self._next()
        detail = ""
        if fault.code:
            inner = f"<code>{escape(fault.code)}</code><message>{escape(fault.detail)}</message>"
            detail = f"<{p.s}:Detail><{p.w}:FaultDetail>{inner}</{p.w}:FaultDetail></{p.s}:Detail>"
        reason = f'<{p.s}:Reason><{p.s}:Text xml:lang="en">{escape(fault.text)}</{p.s}:Text></{p.s}:Reason>'
        code = f"<{p.s}:Code><{p.s}:Value>{p.s}:Receiver</{p.s}:Value></{p.s}:Code>"
        body = f"<{p.s}:Fault>{code}{reason}{detail}</{p.s}:Fault>"
        envelope = f"<{p.s}:Envelope {p.declarations()}><{p.s}:Body>{body}</{p.s}:Body></{p.s}:Envelope>"
        outcome = f"fault {fault.code or 'without detail'}"
        return Reply(fault.status, "application/soap+xml;charset=UTF-8", envelope.encode(), outcome)

    def _next(self) -> Prefixes:
        self.turn += 1
        return Prefixes.of("5.2.1" if self.shuffle else self.style, self.turn)

    def _envelope(self, p: Prefixes, name: str, inner: str, head: str) -> bytes:
        head = f"<{p.s}:Header>{head}</{p.s}:Header>" if head else ""
        body = f"<{p.s}:Body>" + (f"<{p.w}:{name}>{inner}</{p.w}:{name}>" if name else "") + f"</{p.s}:Body>"
        return f"<{p.s}:Envelope {p.declarations()}>{head}{body}</{p.s}:Envelope>".encode()


def related(root: bytes, parts: tuple[Part, ...], *, number: int, bare: bool) -> Reply:
    """MTOM. `bare` writes `start` without its brackets, as some stacks do; `number` tells boundaries apart."""
    boundary = f"uuid-hdeu-mock-{number}"
    start = "root@hdeu-mock" if bare else "<root@hdeu-mock>"
    pieces = [_mime('application/xop+xml; charset=UTF-8; type="application/soap+xml"', "root@hdeu-mock", root)]
    pieces += [_mime(part.media_type, f"{place}@hdeu-mock", part.data) for place, part in enumerate(parts)]
    mark = f"--{boundary}\r\n".encode()
    body = mark + (b"\r\n" + mark).join(pieces) + f"\r\n--{boundary}--\r\n".encode()
    kind = 'type="application/xop+xml"; start-info="application/soap+xml"'
    return Reply(200, f'multipart/related; {kind}; start="{start}"; boundary="{boundary}"', body)


def _mime(media_type: str, content_id: str, data: bytes) -> bytes:
    head = f"Content-Type: {media_type}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{content_id}>\r\n\r\n"
    return head.encode() + data


def include(number: int) -> str:
    """What stands in a value whose bytes are the MIME part of this number."""
    return f'<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:{number}%40hdeu-mock"/>'


def _payload(part: Part, value: str) -> str:
    attributes = f"payloadId={quoteattr(part.href)} contentType={quoteattr(part.media_type)}" if part.href else ""
    name = "payload" if part.href else "bodyload"
    return f"<{name} {attributes}><value>{value}</value></{name}>"


def messaging(eb: str, header: Header, parts: tuple[Part, ...], *, root: str = "") -> str:
    """The header as Domibus gives it back: its own timestamp, no empty AgreementRef.

    `eb` is the prefix of every element, or "" where they are in no namespace; `root` replaces the outermost tag.
    """
    prefix = f"{eb}:" if eb else ""

    def tag(name: str, inner: str, attributes: str = "") -> str:
        return f"<{prefix}{name}{attributes}>{inner}</{prefix}{name}>"

    def optional(name: str, text: str) -> str:
        return tag(name, escape(text)) if text else ""

    def party(side: str, id_: str, type_: str, role: str) -> str:
        return tag(side, tag("PartyId", escape(id_), _type(type_)) + tag("Role", escape(role)))

    def prop(item: Property) -> str:
        return tag("Property", escape(item.value), f" name={quoteattr(item.name)}{_type(item.type)}")

    def part_info(part: Part) -> str:
        media_type = tag("Property", escape(part.media_type), ' name="MimeType"')
        return tag("PartInfo", tag("PartProperties", media_type), f" href={quoteattr(part.href)}" if part.href else "")

    info = optional("Timestamp", header.timestamp) + optional("MessageId", header.message_id)
    parties = party("From", header.from_party, header.from_type, header.from_role)
    parties += party("To", header.to_party, header.to_type, header.to_role) if header.to_party else ""
    collaboration = tag("Service", escape(header.service), _type(header.service_type))
    collaboration += tag("Action", escape(header.action)) + optional("ConversationId", header.conversation_id)
    inner = tag("MessageInfo", info + optional("RefToMessageId", header.ref_to_message_id))
    inner += tag("PartyInfo", parties) + tag("CollaborationInfo", collaboration)
    inner += tag("MessageProperties", "".join(prop(item) for item in header.properties))
    inner += tag("PayloadInfo", "".join(part_info(part) for part in parts)) if parts else ""
    message = tag("UserMessage", inner, f' mpc="{_MPC}"')
    outermost = root or f"{prefix}Messaging"
    return f"<{outermost}>{message}</{outermost.partition(' ')[0]}>"


def _type(value: str) -> str:
    return f" type={quoteattr(value)}" if value else ""
