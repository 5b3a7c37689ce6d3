"""`python -m adapters.mock_eu [CONFIG] [--port …]`, `… [CONFIG] conformance …`: the mock without the product."""

import sys

from adapters.mock_eu.program import VERBS, main

_FIRST = sys.argv[1] if len(sys.argv) > 1 else "-"
_CONFIG = None if _FIRST.startswith("-") or _FIRST in VERBS else _FIRST
sys.exit(main(_CONFIG, sys.argv[2 if _CONFIG else 1 :]))
