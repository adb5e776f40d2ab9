"""python3 -m quasim.ppa: the same as quasim ppa."""

import sys

from .command import main

sys.exit(main())
