"""What `quasim import`, calibrate, evaluate, ppa, emit-rtl and regress run: a verb of the package that this file is part of, whatever else the working
folder and PYTHONPATH hold.

  start.py VERB [ARGUMENT...]
"""

import importlib
import os
import sys

MODULES = {"import": "importer.command", "calibrate": "capture.calibrate_command", "evaluate": "evaluate.command", "ppa": "ppa.command",
           "emit-rtl": "emit_rtl.command", "regress": "regress.command"}

here = os.path.dirname(os.path.abspath(__file__))
sys.path = [os.path.dirname(here)] + [folder for folder in sys.path if folder and os.path.abspath(folder) != here]
verb = sys.argv.pop(1)
try:
    main = importlib.import_module("quasim." + MODULES[verb]).main
except ImportError as error:
    sys.stderr.write(f"quasim: {verb}: expected numpy for {sys.executable}; got {error}\n")
    sys.exit(2)
sys.exit(main())
