"""The conformance kit: plays the other side of a system and says which passage of the specification it breaks.

`dispatcher`: the kit is the access point (and the Central Platform behind it) that a National Dispatcher polls and is
pushed from; it observes through the dispatcher's REST. `daams`: the kit is the National Dispatcher that a case system
(DAAMS) pulls from. It imports nothing of the product.
"""

from adapters.mock_eu.conformance.program import main

__all__ = ["main"]
