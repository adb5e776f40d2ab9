"""The selective scan of Mamba-1: h = exp(dt*A) h + dt*x*B, y = C h. One Triton kernel on a GPU, a loop over time elsewhere."""

import functools

import torch

CHANNELS_OF_A_BLOCK = 32


def selective_scan(x, dt, a, b, c):
    """x and dt [B, L, D], a [D, N], b and c [B, L, N] to y fp32 [B, L, D]. Differentiable."""
    if x.is_cuda and x.shape[2] % CHANNELS_OF_A_BLOCK == 0:
        return kernels().apply(x, dt, a, b, c)
    return scan_by_steps(x, dt, a, b, c)


def scan_by_steps(x, dt, a, b, c):
    """The definition, one time step after the other."""
    state = torch.zeros(x.shape[0], x.shape[2], a.shape[1], device=x.device)
    outputs = []
    for t in range(x.shape[1]):
        step = dt[:, t, :, None].float()
        state = torch.exp(step * a) * state + step * x[:, t, :, None].float() * b[:, t, None, :].float()
        outputs.append((state * c[:, t, None, :].float()).sum(-1))
    return torch.stack(outputs, 1)


@functools.lru_cache(maxsize=None)
def kernels():
    """The autograd function of the Triton kernels; compiled where it is first used."""
    import triton
    import triton.language as tl

    @triton.jit
    def forward_kernel(x_ptr, dt_ptr, a_ptr, b_ptr, c_ptr, y_ptr, h_ptr, steps, channels, N: tl.constexpr, BLOCK: tl.constexpr, KEEP: tl.constexpr):
        sequence = tl.program_id(0)
        d = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
        n = tl.arange(0, N)
        a = tl.load(a_ptr + d[:, None] * N + n[None, :])
        h = tl.zeros([BLOCK, N], tl.float32)
        for t in range(steps):
            row = (sequence * steps + t).to(tl.int64)
            x = tl.load(x_ptr + row * channels + d).to(tl.float32)
            dt = tl.load(dt_ptr + row * channels + d).to(tl.float32)
            b = tl.load(b_ptr + row * N + n).to(tl.float32)
            h = tl.exp(dt[:, None] * a) * h + (dt * x)[:, None] * b[None, :]
            if KEEP:
                tl.store(h_ptr + (row * channels + d)[:, None] * N + n[None, :], h)
            else:
                c = tl.load(c_ptr + row * N + n).to(tl.float32)
                tl.store(y_ptr + row * channels + d, tl.sum(h * c[None, :], 1))

    @triton.jit
    def backward_kernel(x_ptr, dt_ptr, a_ptr, b_ptr, c_ptr, dy_ptr, h_ptr, dx_ptr, ddt_ptr, da_ptr, db_ptr, dc_ptr, steps, channels,
                        N: tl.constexpr, BLOCK: tl.constexpr):
        sequence = tl.program_id(0)
        d = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
        n = tl.arange(0, N)
        a = tl.load(a_ptr + d[:, None] * N + n[None, :])
        dh = tl.zeros([BLOCK, N], tl.float32)
        da = tl.zeros([BLOCK, N], tl.float32)
        for back in range(steps):
            t = steps - 1 - back
            row = (sequence * steps + t).to(tl.int64)
            x = tl.load(x_ptr + row * channels + d).to(tl.float32)
            dt = tl.load(dt_ptr + row * channels + d).to(tl.float32)
            dy = tl.load(dy_ptr + row * channels + d).to(tl.float32)
            b = tl.load(b_ptr + row * N + n).to(tl.float32)
            c = tl.load(c_ptr + row * N + n).to(tl.float32)
            at = (row * channels + d)[:, None] * N + n[None, :]
            h = tl.load(h_ptr + at)
            before = tl.load(h_ptr + at - channels * N, mask=(t > 0) & (d[:, None] >= 0), other=0.0)
            tl.atomic_add(dc_ptr + row * N + n, tl.sum(dy[:, None] * h, 0))
            dh += dy[:, None] * c[None, :]
            decay = tl.exp(dt[:, None] * a)
            through = dh * decay * before
            along_b = tl.sum(dh * b[None, :], 1)
            tl.store(dx_ptr + row * channels + d, dt * along_b)
            tl.store(ddt_ptr + row * channels + d, tl.sum(through * a, 1) + x * along_b)
            tl.atomic_add(db_ptr + row * N + n, tl.sum(dh * (dt * x)[:, None], 0))
            da += through * dt[:, None]
            dh = dh * decay
        tl.atomic_add(da_ptr + d[:, None] * N + n[None, :], da)

    states = {}  # the memory of all states, kept between steps of one shape

    class Scan(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, dt, a, b, c):
            x, dt, a, b, c = (values.contiguous() for values in (x, dt, a, b, c))
            sequences, steps, channels = x.shape
            y = torch.empty(x.shape, device=x.device, dtype=torch.float32)
            forward_kernel[(sequences, channels // CHANNELS_OF_A_BLOCK)](
                x, dt, a, b, c, y, y, steps, channels, a.shape[1], CHANNELS_OF_A_BLOCK, False, num_warps=1)
            ctx.save_for_backward(x, dt, a, b, c)
            return y

        @staticmethod
        def backward(ctx, dy):
            x, dt, a, b, c = ctx.saved_tensors
            sequences, steps, channels = x.shape
            key = (sequences, steps, channels, a.shape[1])
            if key not in states:
                states.clear()
                states[key] = torch.empty(key, device=x.device, dtype=torch.float32)
            h, dy = states[key], dy.contiguous()
            grid = (sequences, channels // CHANNELS_OF_A_BLOCK)
            forward_kernel[grid](x, dt, a, b, c, h, h, steps, channels, a.shape[1], CHANNELS_OF_A_BLOCK, True, num_warps=1)
            dx, ddt = (torch.empty(x.shape, device=x.device, dtype=torch.float32) for _ in range(2))
            da, db, dc = (torch.zeros(values.shape, device=x.device, dtype=torch.float32) for values in (a, b, c))
            backward_kernel[grid](x, dt, a, b, c, dy, h, dx, ddt, da, db, dc, steps, channels, a.shape[1], CHANNELS_OF_A_BLOCK, num_warps=1)
            return dx.to(x.dtype), ddt.to(dt.dtype), da, db.to(b.dtype), dc.to(c.dtype)

    return Scan
