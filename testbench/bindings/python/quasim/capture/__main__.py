"""python3 -m quasim.capture."""

import sys

from .command import main

sys.exit(main())
