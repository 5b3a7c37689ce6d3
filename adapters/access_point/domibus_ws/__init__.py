"""The Domibus WS plugin (SOAP 1.2, `/domibus/services/wsplugin`) as an access point."""

from adapters.access_point.domibus_ws.client import DomibusWs
from adapters.access_point.domibus_ws.settings import DomibusSettings, Header, Limits
from adapters.access_point.patience import Patience

__all__ = ["DomibusSettings", "DomibusWs", "Header", "Limits", "Patience"]
