"""Layer bundles from the checkpoints of models: numpy and the standard library, no torch, and nothing in a file is ever run.

    from quasim import importer
    importer.make_layer(weight, bias, x).write("my_layer")                        # numpy arrays

    checkpoint = importer.Checkpoint(["model.safetensors"])                       # files
    found = importer.find_layers(checkpoint)
    layer = importer.read_layer(checkpoint, found[0], importer.Choices(), "my/layer00", sample=importer.tensor_of(x))
    layer.write("layer00")
"""

from .build import Choices, make_layer, read_layer
from .checkpoint import Checkpoint, read_file
from .layer import Group, Layer
from .layers import Found, choose, find_layers
from ..refusal import Refusal
from .tensors import Tensor, tensor_of

__all__ = ["Checkpoint", "Choices", "Found", "Group", "Layer", "Refusal", "Tensor", "choose", "find_layers",
           "make_layer", "read_file", "read_layer", "tensor_of"]
