"""The mock EU node: an access point per nation and a Central Platform behind them. A mock, and says so everywhere.

It imports nothing of `broker` nor of another adapter: it has its own SOAP, its own payload code and its own
checks, so that an error of the product is not mirrored here.
"""

from adapters.mock_eu.program import main, run
from adapters.mock_eu.settings import Settings
from adapters.mock_eu.web import create_app

__all__ = ["Settings", "create_app", "main", "run"]
