"""What `quasim emit-rtl` runs: the package that this file is part of, whatever else the working folder and PYTHONPATH hold."""

import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
package_folder = os.path.dirname(os.path.dirname(here))
sys.path = [package_folder] + [folder for folder in sys.path if folder and os.path.abspath(folder) != here]
from quasim.emit_rtl.command import main  # noqa: E402

sys.exit(main())
