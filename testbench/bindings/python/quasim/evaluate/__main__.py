"""python3 -m quasim.evaluate."""

import sys

from .command import main

sys.exit(main())
