"""JSON over HTTPS with signed requests (`eu-https`): for pilots without eDelivery, and from node to node."""

from adapters.access_point.eu_https.client import EuHttps
from adapters.access_point.eu_https.settings import EuHttpsSettings, Limits
from adapters.access_point.patience import Patience

__all__ = ["EuHttps", "EuHttpsSettings", "Limits", "Patience"]
