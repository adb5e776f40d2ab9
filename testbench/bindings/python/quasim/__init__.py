"""quasim: the bit-accurate model of the int8 conv1d, requant, SiLU unit, for numpy.

    import quasim
    bundle = quasim.read_bundle("vectors/bookmamba/layer00")
    compiled = quasim.compile(bundle)
    model = quasim.Model(compiled.program)
    out = model.run(bundle.input)["out"]          # int8 [B, C, L], bit for bit what the RTL puts out

Every mistake in a file, a shape or a value is a ValueError with one line that names what was expected.
"""

from ._quasim import (
    Bundle,
    Compiled,
    Model,
    Program,
    __version__,
    beat_marks,
    certify,
    compile,
    decode_beats,
    encode_beats,
    open_program,
    read_bundle,
    read_program,
)
from . import registers

__all__ = [
    "Bundle",
    "Compiled",
    "Model",
    "Program",
    "__version__",
    "beat_marks",
    "certify",
    "compile",
    "decode_beats",
    "encode_beats",
    "open_program",
    "read_bundle",
    "read_program",
    "registers",
]
