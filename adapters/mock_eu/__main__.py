"""`python -m adapters.mock_eu [CONFIG] [--port …]`: the mock without the product."""

import sys

from adapters.mock_eu.program import main

_CONFIG = sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else None
sys.exit(main(_CONFIG, sys.argv[2 if _CONFIG else 1 :]))
