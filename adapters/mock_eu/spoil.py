"""What the menu's faults do to the answers of an access point."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu.answers import Reply, WsFault
from adapters.mock_eu.operations import duplicate, not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapters.mock_eu.menu import Fault

_MB: Final = 1024 * 1024
_HTML: Final = b"<!doctype html><title>503</title><h1>Service Unavailable</h1><p>Fault of the MOCK EU node.</p>"
_ID: Final = re.compile(rb"<messageID>[^<]*</messageID>")
_VALUE: Final = re.compile(rb"<value>([^<]+)</value>")
_ZONE: Final = re.compile(rb"(?<=\d)Z(?=</[^>]*:?Timestamp>)")
_REF: Final = re.compile(rb"(?<=MessageId>)[^<]+(?=</[^>]*:MessageId>)")

#: Faults that replace the operation, in the order in which they are asked for; each takes the message's id.
INSTEAD: Final[dict[str, Callable[[str], Reply | WsFault]]] = {
    "http-503-html": lambda _: Reply(503, "text/html", _HTML),
    "unauthorized": lambda _: Reply(401, "text/html", b"<h1>Unauthorized</h1>"),
    "http-403": lambda _: Reply(403, "text/html", b"<h1>Forbidden</h1><p>The key was revoked.</p>"),
    "http-204": lambda _: Reply(204, "", b""),
    "http-500-no-detail": lambda _: WsFault("", "Internal error"),
    "duplicate-fault": duplicate,
    "pmode-fault": lambda _: WsFault("EBMS:0004", "PMode could not be found. Are PModes configured in the database?"),
    "payload-fault": lambda _: WsFault("WS_PLUGIN_0005", "Payload could not be processed"),
    "retrieve-conflict": lambda id_: _rolled_back(f"An attempt was made to download message [{id_}] multiple times"),
    "download-error": lambda id_: _rolled_back(f"Error downloading message [{id_}]"),
    "listed-too-early": not_found,
}
#: Faults that answer a submit with a fault although it was kept.
DENIED: Final[dict[str, Callable[[str], WsFault]]] = {
    "duplicate-code": lambda id_: WsFault("WS_PLUGIN:00010", f"Duplicate message id [{id_}]"),
}
#: Faults that have the answer written in another way: members of the writer.
DIFFERENTLY: Final[dict[str, Mapping[str, Any]]] = {
    "extra-element": {"extra": True},
    "prefix-shuffle": {"shuffle": True},
    "mtom-answer": {"mtom": True, "start": "bracketed"},
    "mtom-start-bare": {"mtom": True, "start": "bare"},
    "mtom-part-missing": {"mtom": True},
    "mtom-part-doubled": {"mtom": True},
    "corrupt-base64": {"mtom": False},
}


def _rolled_back(text: str) -> WsFault:
    """Domibus words its detail alike for whatever rolls a download back."""
    return WsFault("WS_PLUGIN:0001", text, detail="Error retrieving message")


def twice(reply: Reply, _: Fault) -> Reply:
    """The answer with every message id listed twice."""
    return replace(reply, body=_ID.sub(lambda found: found.group(0) * 2, reply.body))


def _capped(reply: Reply, fault: Fault) -> Reply:
    left = iter(range(fault.amount))
    return replace(reply, body=_ID.sub(lambda found: b"" if next(left, None) is None else found.group(0), reply.body))


def _truncated(reply: Reply, _: Fault) -> Reply:
    return replace(reply, body=reply.body[: len(reply.body) * 2 // 3])


def _wrongly_encoded(reply: Reply, _: Fault) -> Reply:
    """Bytes of ISO 8859-1 under a declaration of UTF-8."""
    at = reply.body.index(b">") + 1
    return replace(reply, body=reply.body[:at] + "<!-- é -->".encode("latin-1") + reply.body[at:])


def _bad_base64(reply: Reply, _: Fault) -> Reply:
    return replace(reply, body=_VALUE.sub(lambda found: b"<value>%%" + found.group(1)[2:] + b"</value>", reply.body))


def _without_part(reply: Reply, _: Fault) -> Reply:
    """The root stays, its parts are gone."""
    mark = b"\r\n--" + _boundary(reply)
    sections = reply.body.split(mark)
    return replace(reply, body=sections[0] + mark + b"--\r\n") if len(sections) > 2 else reply  # noqa: PLR2004 -- root, part, end


def _with_part_twice(reply: Reply, _: Fault) -> Reply:
    mark = b"\r\n--" + _boundary(reply)
    sections = reply.body.split(mark)
    return replace(reply, body=mark.join([*sections[:2], *sections[1:]])) if len(sections) > 2 else reply  # noqa: PLR2004 -- as above


def _other_id(reply: Reply, _: Fault) -> Reply:
    body = _ID.sub(b"<messageID>hdeu-mock-other@central.example</messageID>", reply.body)
    return replace(reply, body=_REF.sub(b"hdeu-mock-other@central.example", body))


def _without_zone(reply: Reply, _: Fault) -> Reply:
    return replace(reply, body=_ZONE.sub(b"", reply.body))


def _bomb(reply: Reply, fault: Fault) -> Reply:
    return replace(reply, body=_zeros(fault.amount), headers={"Content-Encoding": "gzip"})


def _claim(reply: Reply, fault: Fault) -> Reply:
    return replace(reply, claimed=fault.amount * _MB)


#: Faults that spoil the answer's bytes.
AFTERWARDS: Final[dict[str, Callable[[Reply, Fault], Reply]]] = {
    "list-duplicate": twice,
    "list-capped": _capped,
    "truncated-soap": _truncated,
    "wrong-encoding": _wrongly_encoded,
    "corrupt-base64": _bad_base64,
    "mtom-part-missing": _without_part,
    "mtom-part-doubled": _with_part_twice,
    "wrong-id": _other_id,
    "other-id-confirmed": _other_id,
    "no-zone": _without_zone,
    "gzip-bomb": _bomb,
    "huge-claim": _claim,
}


#: Faults that change nothing at some answers: whether they would at this one.
FITS: Final[dict[str, Callable[[Reply, Fault], bool]]] = {
    "list-duplicate": lambda reply, _: _ID.search(reply.body) is not None,
    "list-capped": lambda reply, fault: len(_ID.findall(reply.body)) > fault.amount,
}


def _boundary(reply: Reply) -> bytes:
    found = re.search(r'boundary="([^"]+)"', reply.content_type)
    return found.group(1).encode() if found else b"no boundary"


@cache
def _zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(_MB)
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()
