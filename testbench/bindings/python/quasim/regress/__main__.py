"""python3 -m quasim.regress: the same as quasim regress."""

import sys

from .command import main

sys.exit(main())
