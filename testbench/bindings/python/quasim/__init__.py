"""quasim: the bit-accurate model of the int8 conv1d, requant, SiLU unit, for numpy.

    import quasim
    bundle = quasim.read_bundle("vectors/bookmamba/layer00")
    compiled = quasim.compile(bundle)
    model = quasim.Model(compiled.program)
    out = model.run(bundle.input)["out"]          # int8 [B, C, L], bit for bit what the RTL puts out

Every mistake in a file, a shape or a value is a ValueError with one line that names what was expected.
quasim.make_layer(weight, bias, x).write("my_layer") makes a bundle of arrays and quasim.importer of a model's checkpoint; they
need no compiled part of this package.
"""

from . import registers

# What the compiled part _quasim has; it is loaded when one of them is first used.
_COMPILED = [
    "Bundle",
    "Compiled",
    "FastModel",
    "Group",
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
    "twin",
]

__all__ = [*_COMPILED, "make_layer", "registers"]


def __getattr__(name):
    if name == "make_layer":
        from .importer import make_layer

        return make_layer
    if name not in _COMPILED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _quasim

    globals().update({each: getattr(_quasim, each) for each in _COMPILED})
    return globals()[name]


def __dir__():
    return sorted({*globals(), *__all__})
