"""cuda_golden's own Python interface, from beside this package or from the checkout."""

import pathlib
import sys

try:
    from ..quasim_golden import Golden, GoldenError, Params, Plan, Unsupported
except ImportError:
    _checkout = [folder / "cuda_golden" / "python" for folder in pathlib.Path(__file__).resolve().parents]
    sys.path.extend(str(folder) for folder in _checkout if (folder / "quasim_golden.py").is_file())
    from quasim_golden import Golden, GoldenError, Params, Plan, Unsupported

__all__ = ["Golden", "GoldenError", "Params", "Plan", "Unsupported"]
