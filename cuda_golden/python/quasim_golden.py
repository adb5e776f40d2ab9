"""The CUDA golden on numpy arrays and torch tensors.

    import quasim_golden as qg
    golden = qg.Golden()                        # finds libquasim_golden.so, or pass its path
    params = qg.Params(input_scale=…, weight_scale=…, bias_scale=…, output_scale=…, dataflow="fused")
    taps = golden.run(params, x, w, b, want=("conv1d_raw", "conv1d_output_int8"))

x is int8 [B,C,L] (or [B,L,C] with layout="blc"), w int8 [C,K], b int8 [C] or None. numpy arrays go through host memory;
torch CUDA tensors stay where they are and run on torch's current stream. Nothing here needs torch unless you pass it.
"""
import ctypes
import dataclasses
import json
import os
import pathlib

import numpy as np

DATAFLOWS = ("two_step", "fused")
ORDERS = ("seqlast", "channellast", "update")
MATHS = ("precise", "fast")
ROUNDINGS = ("half_even", "half_away")
LAYOUTS = ("bcl", "blc")
OUTPUT_MODES = ("baseline", "fp32_ssm_input", "float_sim_int8", "fp32")
ACTIVATIONS = ("silu", "identity")
FLOAT_TYPES = ("float32", "float16", "bfloat16")
UNSUPPORTED = 2  # of qg_status


class GoldenError(RuntimeError):
    """The library refused or failed; the text is its sentence."""


class Unsupported(GoldenError):
    """A valid request that the library does not do; the text says what it takes instead."""


class _CParams(ctypes.Structure):
    _fields_ = [("batch", ctypes.c_int64), ("channels", ctypes.c_int64), ("length", ctypes.c_int64),
                ("taps", ctypes.c_int32), ("conv_bits", ctypes.c_int32),
                ("input_scale", ctypes.c_float), ("weight_scale", ctypes.c_float), ("bias_scale", ctypes.c_float),
                ("conv_scale", ctypes.c_float), ("output_scale", ctypes.c_float),
                ("dataflow", ctypes.c_int32), ("order", ctypes.c_int32), ("math", ctypes.c_int32),
                ("rounding", ctypes.c_int32), ("layout", ctypes.c_int32), ("output_mode", ctypes.c_int32),
                ("activation", ctypes.c_int32)]


TENSORS = ("input", "weight", "bias", "state_in", "state_out", "conv1d_output_int8", "ssm_input", "conv1d_raw", "conv1d_q",
           "conv1d_q16", "conv1d_int8simulated", "silu_raw")
OUTPUT_DTYPES = {"conv1d_output_int8": "int8", "ssm_input": "float32", "conv1d_raw": "float32", "conv1d_q": "int8",
                 "conv1d_q16": "int16", "conv1d_int8simulated": "float32", "silu_raw": "float32", "state_out": "int8"}


class _CTensors(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in TENSORS]


class _CPoint(ctypes.Structure):
    _fields_ = [("channel", ctypes.c_int64), ("window", ctypes.c_uint32), ("y_a", ctypes.c_float), ("y_b", ctypes.c_float),
                ("out_a", ctypes.c_int32), ("out_b", ctypes.c_int32)]


class _CFloatTensors(ctypes.Structure):
    _fields_ = [("input", ctypes.c_void_p), ("output", ctypes.c_void_p), ("batch_stride", ctypes.c_int64), ("token_stride", ctypes.c_int64),
                ("type", ctypes.c_int32)]


class _CDescription(ctypes.Structure):
    _fields_ = [("bins", ctypes.c_int32), ("copies", ctypes.c_int32), ("exact_only", ctypes.c_int32), ("tail_steps", ctypes.c_int64),
                ("values_checked", ctypes.c_int64), ("lattice_checked", ctypes.c_int64), ("doubt_largest", ctypes.c_double)]


def _choice(names, value, what):
    if value not in names:
        raise GoldenError(f"{what} is {value!r}; expected one of {', '.join(names)}")
    return names.index(value)


@dataclasses.dataclass(frozen=True)
class Params:
    """Scales and variant of one layer; shapes come with the tensors. conv_scale None: equal to output_scale."""
    input_scale: float
    weight_scale: float
    bias_scale: float
    output_scale: float
    conv_scale: float | None = None
    conv_bits: int = 8
    taps: int = 4
    dataflow: str = "two_step"
    order: str = "seqlast"
    math: str = "precise"
    rounding: str | None = None  # None: half_even for two_step, half_away for fused
    layout: str = "bcl"
    output_mode: str = "baseline"
    activation: str = "silu"

    @property
    def resolved_rounding(self):
        return self.rounding or ("half_even" if self.dataflow == "two_step" else "half_away")

    @property
    def variant(self):
        return f"{self.dataflow}.{self.order}.{self.math}.{self.resolved_rounding}"

    def to_c(self, batch=1, channels=1, length=1):
        if self.conv_scale is not None and not self.conv_scale > 0:
            raise GoldenError(f"conv_scale is {self.conv_scale}; expected a finite, normal fp32 above 0, or None")
        return _CParams(batch, channels, length, self.taps, self.conv_bits, self.input_scale, self.weight_scale,
                        self.bias_scale, self.conv_scale or 0.0, self.output_scale,
                        _choice(DATAFLOWS, self.dataflow, "dataflow"), _choice(ORDERS, self.order, "order"),
                        _choice(MATHS, self.math, "math"), _choice(ROUNDINGS, self.resolved_rounding, "rounding"),
                        _choice(LAYOUTS, self.layout, "layout"), _choice(OUTPUT_MODES, self.output_mode, "output_mode"),
                        _choice(ACTIVATIONS, self.activation, "activation"))

    @staticmethod
    def from_layer(meta, variant=None, **changes):
        """From a bundle's layer.json (a dict) and optionally a variant name dataflow.order.math.rounding."""
        fields = dict(input_scale=meta["input_scale"], weight_scale=meta["weight_scale"], bias_scale=meta.get("bias_scale", 1.0),
                      output_scale=meta["output_scale"], conv_scale=meta.get("conv_scale"),
                      conv_bits=meta.get("conv_bits", 8), taps=meta["taps"], dataflow=meta.get("dataflow", "two_step"),
                      rounding=meta.get("rounding"), activation=meta.get("activation", "silu"))
        if variant is not None:
            parts = variant.split(".")
            if len(parts) != 4:
                raise GoldenError(f"variant {variant!r}: expected dataflow.order.math.rounding")
            fields.update(zip(("dataflow", "order", "math", "rounding"), parts))
        fields.update(changes)
        return Params(**fields)


def has_bias(meta):
    """Whether a bundle's conv1d_bias.npy must exist: what "bias" of its layer.json (a dict) says, and bias_scale where that says nothing."""
    scaled = [meta, *meta.get("groups", [])]
    return bool(meta.get("bias", any("bias_scale" in scales for scales in scaled)))


def default_library():
    if "QUASIM_GOLDEN_LIB" in os.environ:
        return pathlib.Path(os.environ["QUASIM_GOLDEN_LIB"])
    here = pathlib.Path(__file__).resolve().parent.parent
    for candidate in (here / "build" / "libquasim_golden.so", here.parent / "build" / "golden" / "libquasim_golden.so"):
        if candidate.exists():
            return candidate
    raise GoldenError("libquasim_golden.so not found; build cuda_golden or set QUASIM_GOLDEN_LIB")


def _is_torch(value):
    return type(value).__module__.split(".")[0] == "torch"


def _numpy_pointer(name, value):
    expected = OUTPUT_DTYPES.get(name, "int8")
    if value.dtype != np.dtype(expected) or not value.flags.c_contiguous:
        raise GoldenError(f"{name} must be C-contiguous {expected}")
    return value.ctypes.data


def _c_groups(groups, channel_group, channels, batch=1, length=1):
    """The C interface's groups, and channel_group as it takes it."""
    channel_group = np.ascontiguousarray(channel_group, np.uint16)
    if channel_group.shape != (channels,):
        raise GoldenError(f"channel_group is {channel_group.shape}; expected {(channels,)}")
    return (_CParams * len(groups))(*[group.to_c(batch, channels, length) for group in groups]), channel_group


class Golden:
    def __init__(self, library=None):
        library = library or default_library()
        self.lib = ctypes.CDLL(str(library))
        try:
            self._declare()
        except AttributeError as error:
            raise GoldenError(f"{library} is of another version than this file: {error}") from None

    def _declare(self):
        self.lib.qg_last_error.restype = ctypes.c_char_p
        pp, pt = ctypes.POINTER(_CParams), ctypes.POINTER(_CTensors)
        self.lib.qg_run_host.argtypes = [pp, pt]
        self.lib.qg_run_device.argtypes = [pp, pt, ctypes.c_void_p]
        self.lib.qg_run_groups_host.argtypes = [pp, ctypes.c_int32, ctypes.c_void_p, pt]
        self.lib.qg_run_groups_device.argtypes = [pp, ctypes.c_int32, ctypes.c_void_p, pt, ctypes.c_void_p]
        self.lib.qg_sweep_host.argtypes = [pp] + [ctypes.c_int32] * 4 + [ctypes.c_void_p] * 2
        self.lib.qg_compare_orders_host.argtypes = ([pp, ctypes.c_int32] + [ctypes.c_void_p] * 6 +
                                                    [ctypes.c_int32, ctypes.c_void_p])
        self.lib.qg_plan_create.argtypes = [pp, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)]
        self.lib.qg_plan_create_groups.argtypes = [pp, ctypes.c_int32] + [ctypes.c_void_p] * 3 + [ctypes.POINTER(ctypes.c_void_p)]
        self.lib.qg_plan_describe.argtypes = [ctypes.c_void_p, ctypes.POINTER(_CDescription)]
        self.lib.qg_plan_run.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, pt, ctypes.c_void_p, ctypes.c_void_p]
        self.lib.qg_plan_run_floats.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.POINTER(_CFloatTensors), ctypes.c_void_p]
        self.lib.qg_plan_destroy.argtypes = [ctypes.c_void_p]
        self.lib.qg_plan_destroy.restype = None
        self.lib.qg_provenance_json.argtypes = [ctypes.c_char_p, ctypes.c_int32]

    def check(self, status):
        if status != 0:
            raise (Unsupported if status == UNSUPPORTED else GoldenError)(self.lib.qg_last_error().decode())

    def provenance(self):
        text = ctypes.create_string_buffer(4096)
        self.check(self.lib.qg_provenance_json(text, len(text)))
        return json.loads(text.value)

    def _prepare(self, params, x, w, b, state_in, want, empty, pointer):
        if x.ndim != 3 or w.ndim != 2:
            raise GoldenError(f"input has {x.ndim} axes and weight {w.ndim}; expected 3 and 2")
        batch = x.shape[0]
        channels, length = (x.shape[1], x.shape[2]) if params.layout == "bcl" else (x.shape[2], x.shape[1])
        if tuple(w.shape) != (channels, params.taps):
            raise GoldenError(f"weight is {tuple(w.shape)}; expected {(channels, params.taps)}")
        if b is not None and tuple(b.shape) != (channels,):
            raise GoldenError(f"bias is {tuple(b.shape)}; expected {(channels,)}")
        if state_in is not None and tuple(state_in.shape) != (batch, channels, params.taps):
            raise GoldenError(f"state_in is {tuple(state_in.shape)}; expected {(batch, channels, params.taps)}")
        outputs = {}
        for name in want:
            if name not in OUTPUT_DTYPES:
                raise GoldenError(f"{name!r} is no output; expected one of {', '.join(OUTPUT_DTYPES)}")
            outputs[name] = empty((batch, channels, params.taps) if name == "state_out" else tuple(x.shape), OUTPUT_DTYPES[name])
        given = {"input": x, "weight": w, "bias": b, "state_in": state_in, **outputs}
        tensors = _CTensors(**{name: pointer(name, value) for name, value in given.items() if value is not None})
        return params.to_c(batch, channels, length), tensors, outputs

    def _run(self, params, x, w, b, state_in, want, on_host, on_device):
        """on_host(c_params, tensors) or, for torch, on_device(c_params, tensors, stream): the call that does it."""
        if not _is_torch(x):
            c_params, tensors, outputs = self._prepare(params, x, w, b, state_in, want, np.empty, _numpy_pointer)
            self.check(on_host(c_params, tensors))
            return outputs
        import torch
        if not x.is_cuda:
            raise GoldenError("a torch input must be on the GPU; pass x.numpy() to go through host memory")

        def pointer(name, value):
            expected = OUTPUT_DTYPES.get(name, "int8")
            if value.dtype != getattr(torch, expected) or not value.is_contiguous() or value.device != x.device:
                raise GoldenError(f"{name} must be contiguous {expected} on {x.device}")
            return value.data_ptr()

        with torch.cuda.device(x.device):
            c_params, tensors, outputs = self._prepare(
                params, x, w, b, state_in, want, lambda s, d: torch.empty(s, dtype=getattr(torch, d), device=x.device), pointer)
            self.check(on_device(c_params, tensors, torch.cuda.current_stream().cuda_stream))
        return outputs

    def run(self, params, x, w, b=None, state_in=None, want=("conv1d_output_int8",)):
        """The reference kernel. Returns {name: tensor} for the names in want, in the kind (numpy or torch) of x."""
        return self._run(params, x, w, b, state_in, want, self.lib.qg_run_host, self.lib.qg_run_device)

    def run_groups(self, groups, channel_group, x, w, b=None, state_in=None, want=("conv1d_output_int8",)):
        """The same of a layer whose channels carry different scales: groups is a list of Params that differ in scales alone,
        channel_group uint16 [C] (numpy) says which of them each channel is of. One launch."""

        def with_groups(call):
            def run(c_params, tensors, *stream):
                table, of_channel = _c_groups(groups, channel_group, c_params.channels, c_params.batch, c_params.length)
                return call(table, len(groups), of_channel.ctypes.data, tensors, *stream)
            return run

        return self._run(groups[0], x, w, b, state_in, want, with_groups(self.lib.qg_run_groups_host),
                         with_groups(self.lib.qg_run_groups_device))

    def sweep(self, params, bias_first=-128, bias_count=256, acc_min=None, acc_max=None):
        """(q, out) of the seqlast kernel for every accumulator: int16 and int8 [bias_count, acc_max - acc_min + 1]; q None for fused."""
        limit = params.taps * 16384
        acc_min = -limit if acc_min is None else acc_min
        acc_max = limit if acc_max is None else acc_max
        shape = (bias_count, acc_max - acc_min + 1)
        q = np.empty(shape, np.int16) if params.dataflow == "two_step" else None
        out = np.empty(shape, np.int8)
        self.check(self.lib.qg_sweep_host(params.to_c(), acc_min, acc_max, bias_first, bias_count,
                                          None if q is None else q.ctypes.data, out.ctypes.data))
        return q, out

    def compare_orders(self, params, other_order, w, b=None, capacity=4096):
        """Every window of every channel: params.order against other_order. Returns a dict of counts and listed points."""
        channels = w.shape[0]
        w = np.ascontiguousarray(w, np.int8)
        b = None if b is None else np.ascontiguousarray(b, np.int8)
        counts, y_counts = np.zeros(channels, np.int64), np.zeros(channels, np.int64)
        points, found, largest = (_CPoint * capacity)(), ctypes.c_int32(0), ctypes.c_int32(0)
        self.check(self.lib.qg_compare_orders_host(
            params.to_c(channels=channels), _choice(ORDERS, other_order, "order"), w.ctypes.data,
            None if b is None else b.ctypes.data, counts.ctypes.data, y_counts.ctypes.data, ctypes.byref(largest), points,
            capacity, ctypes.byref(found)))
        listed = [{"channel": p.channel, "x": [int(v) for v in np.array([p.window], "<u4").view(np.int8)[:params.taps]],
                   "y": [float(p.y_a), float(p.y_b)], "out": [p.out_a, p.out_b]} for p in points[:found.value]]
        return {"counts": counts, "y_counts": y_counts, "max_abs_difference": largest.value, "points": listed}


class Plan:
    """The fast kernels for one layer, on torch CUDA tensors: int8 in, int8 out, equal to Golden.run bit for bit.

    Where its channels carry different scales, params is a list of Params and channel_group uint16 [C] (numpy), as in
    Golden.run_groups, which the plan then equals.

    plan(x) runs a whole sequence; plan(x, state) continues from the conv state int8 [B,C,K] and updates it in place, which for
    one token is the decode kernel. Registered as torch.ops.quasim_golden.conv_silu(x, state, plan.number).
    """
    _plans = {}
    _registered = False

    def __init__(self, golden, params, weight, bias=None, channel_group=None):
        import torch
        groups = [params] if channel_group is None else list(params)
        self.golden, self.params, self.channels = golden, groups[0], weight.shape[0]
        self.handle = ctypes.c_void_p()
        for name, value in (("weight", weight), ("bias", bias)):
            if value is not None and (not value.is_cuda or value.dtype != torch.int8 or not value.is_contiguous()):
                raise GoldenError(f"{name} must be a contiguous int8 tensor on the GPU")
        if tuple(weight.shape) != (self.channels, self.params.taps):
            raise GoldenError(f"weight is {tuple(weight.shape)}; expected {(self.channels, self.params.taps)}")
        table, of_channel = _c_groups(groups, np.zeros(self.channels) if channel_group is None else channel_group, self.channels)
        self.device = weight.device
        with torch.cuda.device(self.device):
            torch.cuda.synchronize()
            golden.check(golden.lib.qg_plan_create_groups(table, len(groups), of_channel.ctypes.data, weight.data_ptr(),
                                                          None if bias is None else bias.data_ptr(), ctypes.byref(self.handle)))
        self.number = len(Plan._plans)
        Plan._plans[self.number] = self
        Plan._register()

    def close(self):
        if self.handle:
            self.golden.lib.qg_plan_destroy(self.handle)
            self.handle = ctypes.c_void_p()
            Plan._plans.pop(self.number, None)

    def describe(self):
        d = _CDescription()
        self.golden.check(self.golden.lib.qg_plan_describe(self.handle, ctypes.byref(d)))
        return {name: getattr(d, name) for name, _ in d._fields_}

    def _run(self, x, state):
        import torch
        bcl = self.params.layout == "bcl"
        if x.dtype != torch.int8 or x.device != self.device or x.ndim != 3 or x.shape[1 if bcl else 2] != self.channels:
            raise GoldenError(f"x must be int8 {'[B,C,L]' if bcl else '[B,L,C]'} with C = {self.channels} on {self.device}")
        x = x.contiguous()
        if state is not None and (state.dtype != torch.int8 or not state.is_contiguous() or state.device != self.device or
                                  tuple(state.shape) != (x.shape[0], self.channels, self.params.taps)):
            raise GoldenError(f"state must be contiguous int8 {(x.shape[0], self.channels, self.params.taps)} on {self.device}")
        out = torch.empty_like(x)
        pointer = None if state is None else state.data_ptr()
        tensors = _CTensors(input=x.data_ptr(), conv1d_output_int8=out.data_ptr(), state_in=pointer, state_out=pointer)
        with torch.cuda.device(self.device):
            self.golden.check(self.golden.lib.qg_plan_run(self.handle, x.shape[0], x.shape[2 if bcl else 1], tensors,
                                                          torch.cuda.current_stream().cuda_stream, None))
        return out

    def floats(self, x):
        """The plan inside of a float model, in one launch: x [B,L,C] in float32, float16 or bfloat16, whose last axis is contiguous (a
        slice of a wider tensor may be given as it is), becomes clamp_8(round_half_even(x / input_scale)), an IEEE division in fp32; out
        comes int8 * output_scale, rounded to fp32 and then to x's type, dense. In between are plan(x)'s numbers. Raises Unsupported for
        what the one launch does not take (quasim_golden.h, qg_plan_run_floats)."""
        import torch
        if x.device != self.device or x.ndim != 3 or x.shape[2] != self.channels:
            raise GoldenError(f"x must be [B,L,C] with C = {self.channels} on {self.device}")
        if x.requires_grad and torch.is_grad_enabled():
            raise GoldenError("x requires a gradient, which rounding to int8 has not; call floats under torch.no_grad()")
        kind = str(x.dtype).rpartition(".")[2]
        if kind not in FLOAT_TYPES or x.stride(2) != 1:
            raise Unsupported(f"x is {kind} with strides {tuple(x.stride())}; floats take {', '.join(FLOAT_TYPES)} with a contiguous last axis")
        if any(x.shape[axis] > 1 and x.stride(axis) == 0 for axis in (0, 1)):
            raise Unsupported("x repeats itself along an axis")
        strides = [x.stride(axis) if x.shape[axis] > 1 else 0 for axis in (0, 1)]  # 0: dense
        out = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        tensors = _CFloatTensors(x.data_ptr(), out.data_ptr(), *strides, FLOAT_TYPES.index(kind))
        with torch.cuda.device(self.device):
            self.golden.check(self.golden.lib.qg_plan_run_floats(self.handle, x.shape[0], x.shape[1], tensors,
                                                                 torch.cuda.current_stream().cuda_stream))
        return out

    @staticmethod
    def _register():
        if Plan._registered:
            return
        import torch
        Plan._registered = True
        Plan._library = torch.library.Library("quasim_golden", "DEF")
        Plan._library.define("conv_silu(Tensor x, Tensor(a!)? state, int plan) -> Tensor")
        Plan._library.impl("conv_silu", lambda x, state, plan: Plan._plans[plan]._run(x, state), "CUDA")
        Plan._library.impl("conv_silu", lambda x, state, plan: torch.empty_like(x), "Meta")

    def __call__(self, x, state=None):
        import torch
        return torch.ops.quasim_golden.conv_silu(x, state, self.number)


def steps_of(values, acc_min):
    """Run-length form of values [256, n] over ascending acc: (first, offset, acc, value) as docs/golden.md defines."""
    changed = values[:, 1:] != values[:, :-1]
    offset = np.zeros(values.shape[0] + 1, np.int32)
    offset[1:] = np.cumsum(changed.sum(axis=1))
    row, column = np.nonzero(changed)
    return (values[:, 0].astype(np.int16), offset, (column + 1 + acc_min).astype(np.int32),
            values[row, column + 1].astype(np.int16))


def expand_steps(first, offset, acc, value, acc_min, acc_max):
    """The inverse of steps_of."""
    values = np.empty((len(first), acc_max - acc_min + 1), np.int16)
    for i, start in enumerate(first):
        edges = np.concatenate(([acc_min], acc[offset[i]:offset[i + 1]], [acc_max + 1]))
        values[i] = np.repeat(np.concatenate(([start], value[offset[i]:offset[i + 1]])), np.diff(edges))
    return values
