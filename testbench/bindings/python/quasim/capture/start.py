"""What `quasim calibrate` runs: the package that this file is part of, whatever else the working folder and PYTHONPATH hold."""

import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
package_folder = os.path.dirname(os.path.dirname(here))
sys.path = [package_folder] + [folder for folder in sys.path if folder and os.path.abspath(folder) != here]
try:
    from quasim.capture.calibrate_command import main
except ImportError as error:
    sys.stderr.write(f"quasim: calibrate: expected numpy for {sys.executable}; got {error}\n")
    sys.exit(2)
sys.exit(main())
