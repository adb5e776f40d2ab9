#!/usr/bin/env python3
"""Drops the golden into a transformers Mamba model in place of conv1d + SiLU, and says what it does to the model.

  example_mamba.py [--library libquasim_golden.so] [--layers 4] [--hidden 256]

Needs torch with a GPU and transformers; downloads nothing: the model is random. Scales are calibrated from one batch. The int8
convolution of every layer is the plan (fast kernels); each of its outputs is compared with the reference kernel's.
"""
import argparse
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import quasim_golden as qg  # noqa: E402


def scale_of(t):
    return max(float(t.detach().abs().max()) / 127.0, 1e-6)


def quantise(t, scale):
    return torch.round(t.detach().float() / scale).clamp(-128, 127).to(torch.int8)


class GoldenConvSilu:
    """What causal_conv1d_fn does for one layer, through int8."""

    def __init__(self, golden, weight, bias, input_scale, output_scale, variant):
        dataflow, order, math, rounding = variant.split(".")
        self.params = qg.Params(input_scale=input_scale, weight_scale=scale_of(weight),
                                bias_scale=scale_of(bias) if bias is not None else 1.0, output_scale=output_scale,
                                taps=weight.shape[1], dataflow=dataflow, order=order, math=math, rounding=rounding)
        self.w = quantise(weight, self.params.weight_scale).contiguous()
        self.b = None if bias is None else quantise(bias, self.params.bias_scale)
        self.golden = golden
        self.plan = qg.Plan(golden, self.params, self.w, self.b)
        self.compared = self.differing = 0

    def __call__(self, hidden):
        x = quantise(hidden, self.params.input_scale).contiguous()
        out = self.plan(x)
        reference = self.golden.run(self.params, x, self.w, self.b)["conv1d_output_int8"]
        self.compared += out.numel()
        self.differing += int((out != reference).sum())
        return (out.float() * self.params.output_scale).to(hidden.dtype)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", dest="shared_object", type=pathlib.Path)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=256)
    options = parser.parse_args()
    from transformers import MambaConfig, MambaForCausalLM
    from transformers.models.mamba import modeling_mamba
    torch.manual_seed(1)
    golden = qg.Golden(options.shared_object)
    config = MambaConfig(vocab_size=512, hidden_size=options.hidden, num_hidden_layers=options.layers, state_size=16, use_cache=False)
    model = MambaForCausalLM(config).cuda().eval()
    tokens = torch.randint(0, 512, (2, 200), device="cuda")
    original = modeling_mamba.causal_conv1d_fn
    replaced, seen = {}, {}  # by the weight's address: the mixer passes a view of conv1d.weight

    def causal_conv1d_fn(x, weight, bias=None, *args, **kwargs):
        key = weight.data_ptr()
        if key in replaced:
            return replaced[key](x)
        out = original(x, weight, bias, *args, **kwargs)
        seen[key] = (weight, bias, scale_of(x), scale_of(out))
        return out

    modeling_mamba.causal_conv1d_fn = causal_conv1d_fn
    with torch.no_grad():
        for block in model.backbone.layers:  # a random model's convolution hardly does anything: make it do something
            block.mixer.conv1d.weight.mul_(4)
            block.mixer.in_proj.weight.mul_(8)
        wanted = model(tokens, use_cache=False).logits
        if len(seen) != options.layers:
            print("this transformers version calls its convolution in another way", file=sys.stderr)
            return 1
        print("| variant | int8 values compared | differ from reference | logits: relative error | same argmax |\n|---|---|---|---|---|")
        failures = 0
        for variant in ("two_step.seqlast.precise.half_even", "fused.seqlast.fast.half_away", "fused.channellast.fast.half_away"):
            replaced.clear()
            replaced.update({key: GoldenConvSilu(golden, w, b, x_scale, y_scale, variant) for key, (w, b, x_scale, y_scale) in seen.items()})
            got = model(tokens, use_cache=False).logits
            layers = list(replaced.values())
            compared, differing = sum(l.compared for l in layers), sum(l.differing for l in layers)
            failures += differing + (compared == 0)
            error = float((got - wanted).norm() / wanted.norm())
            same = float((got.argmax(-1) == wanted.argmax(-1)).float().mean())
            print(f"| {variant} | {compared} | {differing} | {error:.4f} | {100 * same:.1f}% |")
            for layer in layers:
                layer.plan.close()
    modeling_mamba.causal_conv1d_fn = original
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
