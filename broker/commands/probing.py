"""What the doctor sees of a living access point: does it answer, its clock, certificates, rights, message filter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from adapters.access_point.domibus_ws.probe import is_open
from adapters.access_point.tls_sight import look_at
from broker.access_point import access_point_of, settings_of, tls_of
from broker.commands.findings import Finding, fails, unknown, works
from broker.commands.seeing import clock, our_certificates, server_certificate
from broker.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.access_point.domibus_ws import DomibusWs
    from broker.settings import AccessPointSection, Settings

_NO_ACCESS: Final = "none is configured (access_point.url): nothing goes out and nothing comes in"
_CERTIFICATE: Final = "access point's certificate"


async def probe(settings: Settings, notified: Iterable[str]) -> list[Finding]:
    """Everything that can be seen of the access point. `notified` are ids that it told of and nobody has fetched."""
    section = settings.access_point
    access_point = access_point_of(section)
    if access_point is None:
        return [works("access point", _NO_ACCESS)]
    try:
        sight = await look_at(section.url, tls_of(section))
        shown = [server_certificate(_CERTIFICATE, section, sight), *our_certificates(section)]
        if sight.trouble:
            return [fails("access point", "nothing can be said to it before its certificate is in order"), *shown]
        await access_point.ping()
    except BrokerError as error:
        return [fails("access point", f"{error.code}: {error.detail}"), *our_certificates(section)]
    finally:
        await access_point.close()
    stranger = anonymous(is_open=await is_open(settings_of(section), tls_of(section)))
    found = [works("access point", f"{section.name} answers"), clock(sight.clock), *shown, stranger]
    return [*found, *await _rights(section, tuple(notified))]


async def pmode_in_use(settings: Settings) -> bytes:
    """The access point's PMode by way of `/ext`; nothing where it cannot be had so."""
    section = settings.access_point
    access_point = access_point_of(section) if section.ext_url and section.kind == "domibus-ws" else None
    if access_point is None:
        return b""
    try:
        return await access_point.pmode()
    except BrokerError:
        return b""
    finally:
        await access_point.close()


def anonymous(*, is_open: bool) -> Finding:
    """Whether anybody may use the access point."""
    name = "anonymous login"
    if is_open:
        return fails(
            name, "anybody may send and fetch: set domibus.auth.unsecureLoginAllowed=false at the access point"
        )
    return works(name, "the access point asks for credentials")


async def _rights(section: AccessPointSection, notified: tuple[str, ...]) -> list[Finding]:
    access_point = access_point_of(section)
    assert access_point is not None  # noqa: S101 -- it has just answered
    try:
        user = await _user(section, access_point)
        try:
            return [*user, await message_filter(access_point, notified)]
        except BrokerError as error:
            return [*user, unknown("message filter", f"the pending list cannot be had: {error.detail}")]
    finally:
        await access_point.close()


async def _user(section: AccessPointSection, access_point: DomibusWs) -> list[Finding]:
    """Whether the plugin user may do what we need."""
    name = "plugin user"
    try:
        await access_point.pending()
        await access_point.push_failed()
    except BrokerError as error:
        return [
            fails(name, f"{section.username} may not list messages ({error.detail}): give it ROLE_USER or ROLE_ADMIN")
        ]
    found = [works(name, f"{section.username} may list messages")]
    if not section.ext_url:
        why = "set access_point.ext_url to see it; who is no admin sees only its own final recipient"
        return [*found, unknown("plugin user's role", why)]
    try:
        state = await access_point.state()
    except BrokerError as error:
        return [*found, fails("plugin user's role", f"{error.detail}: /ext needs a plugin user with ROLE_ADMIN")]
    return [*found, works("plugin user's role", "may use /ext"), services(state)]


def services(state: bytes) -> Finding:
    """What Domibus says of its parts: a process that answers may still have lost its database or its queue."""
    name = "access point's parts"
    try:
        parts = {str(part["name"]): str(part["status"]) for part in json.loads(state)["services"]}
    except (ValueError, TypeError, LookupError):
        return unknown(name, "/ext/monitoring/application/status says something that cannot be read")
    ill = ", ".join(f"{part}: {status}" for part, status in parts.items() if status != "NORMAL")
    if ill:
        return fails(name, f"{ill}. It may accept what it never sends: mend it, or pause `cp` until it is mended")
    return works(name, ", ".join(parts) or "it names none")


async def message_filter(access_point: DomibusWs, notified: tuple[str, ...]) -> Finding:
    """Whether received messages come to the WS plugin: another one that stands first in the filters takes them all."""
    name = "message filter"
    pending = frozenset(await access_point.pending())
    for message_id in notified:
        if message_id not in pending and await access_point.status(message_id, received=True) == "RECEIVED":
            advice = "put the WS plugin first under Message Filter in the console, with criteria for the others"
            return fails(name, f"a message was received and is not in the pending list: {advice}")
    if pending:
        return works(name, f"{len(pending)} messages wait for the WS plugin")
    return unknown(name, "nothing waits: send a test message and see under Message Filter that the WS plugin is first")
