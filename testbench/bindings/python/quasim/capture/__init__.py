"""The convolutions of a running PyTorch model: their inputs, as bundles, and the scales that they need.

    from quasim import capture
    captured = capture.capture(model, lambda: model(ids), layers=[0, 23], tokens=256)
    captured["layer00"].layer("mine/layer00").write("layer00")

    scales = capture.calibrate(model, (lambda: model(ids) for ids in batches), "quamba1")
    capture.write_scales("scales.json", scales)              # quasim import ... --scales scales.json

Needs torch and the code of the model (transformers, mamba_ssm); nothing else of quasim does.
"""

from .calibrate import RECIPES, calibrate, observe, write_scales
from .hook import Call, Hook
from .record import Captured, capture, save_intermediates
from .sites import Site, find_sites

__all__ = ["RECIPES", "Call", "Captured", "Hook", "Site", "calibrate", "capture", "find_sites", "observe",
           "save_intermediates", "write_scales"]
