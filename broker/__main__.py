"""`python -m broker` is `hdeu`."""

import sys

from broker.cli import main

sys.exit(main())
