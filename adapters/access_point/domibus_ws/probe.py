"""What can be seen of a Domibus from outside, beside its operations: whether it is open to strangers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.access_point.domibus_ws.client import DomibusWs
from broker.errors import BrokerError

if TYPE_CHECKING:
    import ssl

    from adapters.access_point.domibus_ws.settings import DomibusSettings


async def is_open(settings: DomibusSettings, tls: ssl.SSLContext | None) -> bool:
    """Whether it works for a caller without any credentials."""
    stranger = DomibusWs(replace(settings, user="", password="", patience=replace(settings.patience, tries=1)), tls=tls)
    try:
        await stranger.ping()
    except BrokerError:
        return False
    finally:
        await stranger.close()
    return True
