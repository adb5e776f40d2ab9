"""python3 -m quasim.importer FILE... -o DIR: the same as quasim import."""

import sys

from .command import main

sys.exit(main())
