"""From a float model's numbers to the unit's int8 and back: torch's operations on a processor, one Triton kernel each way on a GPU, where
torch's five passes over memory would take longer than the convolution that they surround. (torch brings Triton along on Linux.)"""

import functools

import torch

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None

INT8_LIMITS = (-128, 127)
BLOCK = 1024
WHOLE, ALONG_LAST, ALONG_MIDDLE = range(3)  # where a tensor of scales lies against a tensor of three axes


def to_grid(x, scale):
    """clamp_8(round_half_even(x / scale)) as int8, contiguous: the division in fp32, IEEE, whatever float x is. scale is fp32, positive:
    [1], [C] along the last axis of x or [C, 1] along the one before. What is not a number becomes any int8."""
    if x.is_cuda and triton is not None:
        return moved(x, scale, torch.int8)
    return torch.div(x, scale).round_().clamp_(*INT8_LIMITS).to(torch.int8).contiguous()


def from_grid(values, scale, dtype):
    """int8 times scale in fp32, then as the float dtype; scale as in to_grid."""
    if values.is_cuda and triton is not None:
        return moved(values, scale, dtype)
    return torch.mul(values, scale).to(dtype)


def moved(x, scale, dtype):
    out = torch.empty(x.shape, dtype=dtype, device=x.device)
    lead = (1,) * (3 - x.ndim)
    shape, strides = (*lead, *x.shape), (*(0 for _ in lead), *x.stride())
    along = WHOLE if scale.numel() == 1 else ALONG_LAST if scale.ndim == 1 else ALONG_MIDDLE
    if out.numel():
        pieces = -(-shape[2] // BLOCK)
        with torch.cuda.device(x.device):
            kernel()[(shape[0] * shape[1] * pieces,)](x, out, scale, shape[1], shape[2], pieces, *strides, TO_GRID=dtype == torch.int8, ALONG=along,
                                                      BLOCK=BLOCK)
    return out


@functools.lru_cache(maxsize=None)
def kernel():
    """The Triton kernel of both ways; compiled where it is first used."""

    @triton.jit
    def move(x_ptr, out_ptr, scale_ptr, middle, last, pieces, s0, s1, s2, TO_GRID: tl.constexpr, ALONG: tl.constexpr, BLOCK: tl.constexpr):
        row = (tl.program_id(0) // pieces).to(tl.int64)
        at = (tl.program_id(0) % pieces) * BLOCK + tl.arange(0, BLOCK)
        inside = at < last
        if ALONG == 0:
            scale = tl.load(scale_ptr)
        elif ALONG == 1:
            scale = tl.load(scale_ptr + at, mask=inside, other=1.0)
        else:
            scale = tl.load(scale_ptr + row % middle)
        x = tl.load(x_ptr + row // middle * s0 + row % middle * s1 + at.to(tl.int64) * s2, mask=inside, other=0).to(tl.float32)
        to = out_ptr + row * last + at
        if TO_GRID:
            y = tl.minimum(tl.maximum(tl.div_rn(x, scale + tl.zeros_like(x)), -128.0), 127.0)
            rounded = (y + 12582912.0) - 12582912.0  # at 1.5 * 2^23 a sum is rounded to a whole number, half to even
            tl.store(to, rounded.to(tl.int8), mask=inside)
        else:
            tl.store(to, (x * scale).to(out_ptr.dtype.element_ty), mask=inside)

    return move
