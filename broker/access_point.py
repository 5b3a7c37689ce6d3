"""Builds the access point of a node, and the endpoint that it pushes to, from the configuration."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.access_point.domibus_ws import DomibusSettings, DomibusWs, Header, Limits, Patience
from adapters.access_point.domibus_ws.push import ACCEPTED, MEDIA_TYPE, Strange, notification
from adapters.access_point.receipts import prove
from broker.errors import ConfigurationError
from broker.flow.notified import notified, unreadable
from broker.ports import Told
from broker.web.push import Push

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from broker.flow.node import Node
    from broker.flow.receipts import Prove
    from broker.settings import AccessPointSection


def access_point_of(section: AccessPointSection, *, mock: bool = True, folder: str | None = None) -> DomibusWs | None:
    """The WS plugin; None where none is configured. What answers may be a mock, or not.

    `folder` takes what is large while it is read. Raises: ConfigurationError, if a certificate does not load.
    """
    if not section.url:
        return None
    return DomibusWs(replace(settings_of(section), mock=mock, folder=folder), tls=tls_of(section))


def settings_of(section: AccessPointSection) -> DomibusSettings:
    """What the adapter must know."""
    return DomibusSettings(
        name=section.name,
        url=section.url,
        user=section.username,
        password=section.password.get_secret_value(),
        header=_header(section),
        patience=Patience(total=section.timeout),
        mtom=section.mtom,
        roles=section.roles,
        ext_url=section.ext_url,
        ext_user=section.ext_username,
        ext_password=section.ext_password.get_secret_value(),
    )


def _header(section: AccessPointSection) -> Header:
    return Header(
        from_party=section.party,
        to_party=section.central_party,
        party_type=section.party_type,
        from_role=section.initiator_role,
        to_role=section.responder_role,
        service=section.service,
        service_type=section.service_type,
        action=section.action,
        original_sender=section.original_sender,
        final_recipient=section.final_recipient,
    )


def tls_of(section: AccessPointSection) -> ssl.SSLContext | None:
    """A private trust store and a client certificate, if there are any. Raises: ConfigurationError."""
    if not (section.tls_ca or section.tls_certificate):
        return None
    try:
        context = ssl.create_default_context(cafile=section.tls_ca or None)
        if section.tls_certificate:
            context.load_cert_chain(section.tls_certificate, section.tls_key or None)
    except (OSError, ssl.SSLError) as error:
        files = "access_point.tls_ca, tls_certificate, tls_key"
        raise ConfigurationError(f"{files}: a file cannot be loaded ({type(error).__name__})") from error
    return context


def prove_of(section: AccessPointSection) -> Prove | None:
    """What proves a signed receipt; None where no certificate is pinned. Raises: ConfigurationError."""
    if not section.receipt_certificate:
        return None
    try:
        certificate = Path(section.receipt_certificate).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"access_point.receipt_certificate cannot be read: {error.strerror}") from error

    def proven(signed: bytes, message_id: str, sent: bytes | None) -> bool:
        return prove(signed, certificate, message_id).compared_with(sent)

    return proven


def push_of(section: AccessPointSection, node: Node, wake: Callable[[], None], folder: Path) -> Push | None:
    """The push endpoint; None where no password for it is configured.

    `wake` is called when something is to fetch; `folder` takes what is large while it is read.
    """
    limits = Limits()
    if section.kind != "domibus-ws" or not section.push_password.get_secret_value():
        return None

    async def take(content_type: str, chunks: AsyncIterator[bytes]) -> None:
        told = await notification(content_type, chunks, limits, str(folder))
        if isinstance(told, Strange):
            await unreadable(node, section.name, content_type, told.body, told.problem)
            return
        await notified(node, section.name, told)
        if told.told is Told.RECEIVED:
            wake()

    return Push(
        name=section.name,
        user=section.push_username,
        password=section.push_password.get_secret_value(),
        take=take,
        limit=limits.answer,
        accepted=ACCEPTED,
        media_type=MEDIA_TYPE,
    )
