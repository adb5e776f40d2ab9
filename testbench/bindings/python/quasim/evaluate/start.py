"""What `quasim evaluate` runs: the package that this file is part of, whatever else the working folder and PYTHONPATH hold."""

import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
package_folder = os.path.dirname(os.path.dirname(here))
sys.path = [package_folder] + [folder for folder in sys.path if folder and os.path.abspath(folder) != here]
try:
    from quasim.evaluate.command import main
except ImportError as error:
    sys.stderr.write(f"quasim: evaluate: expected numpy for {sys.executable}; got {error}\n")
    sys.exit(2)
sys.exit(main())
