"""How fast the model is with the unit's numbers in it, against its own convolution: ratios of one run, side by side."""

import statistics
import time

from .replace import Replacement

ROUNDS = 15
CONTESTANTS = ("two_step", "fused", "deployed")


def seconds_of(run, device):
    import torch

    if torch.device(device).type == "cuda":
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        run()
        end.record()
        torch.cuda.synchronize()
        return begin.elapsed_time(end) / 1000
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def own_convolution():
    from ..bookmamba.model import causal_conv1d_fn

    return "causal_conv1d" if causal_conv1d_fn.__module__.startswith("causal_conv1d") else "torch conv1d and silu"


def measure(model, sites, configurations, ids, device, dtype, scales, measured, config=None, golden=None, rounds=ROUNDS):
    """Median seconds of the whole model and of one layer's convolution with SiLU, own and by each configuration; every round runs all
    of them, so that a slow moment meets all."""
    import torch

    contestants = {"own": None, **{one.name: Replacement(sites, one, scales, measured, device, config, golden) for one in configurations}}
    site = sites[0]
    weight, bias = site.conv.weight.squeeze(1), site.conv.bias
    x = (torch.randn(*ids.shape, 2 * len(weight), device=device, dtype=dtype) * 2).chunk(2, -1)[0].transpose(1, 2)
    module = __import__(type(site.owner).__module__, fromlist=["causal_conv1d_fn"])
    whole, layer = ({name: [] for name in contestants} for _ in range(2))

    def once(name, record):
        with torch.no_grad():
            layer_run = lambda: module.causal_conv1d_fn(x, weight, bias, activation="silu")
            model_run = lambda: model(ids)
            for _ in range(1 if record else 2):
                layer[name].append(seconds_of(layer_run, device))
                whole[name].append(seconds_of(model_run, device))
            if not record:
                layer[name].clear()
                whole[name].clear()

    for number in range(rounds + 1):
        for name, replacement in contestants.items():
            if replacement is None:
                once(name, number > 0)
            else:
                replacement.enter_again()
                once(name, number > 0)
                replacement.leave()
    for replacement in contestants.values():
        if replacement is not None:
            replacement.close()
    median = lambda values: {name: statistics.median(times) for name, times in values.items()}
    spread = {name: (min(times), max(times)) for name, times in whole.items()}
    return {"own_convolution": own_convolution(), "dtype": str(dtype).rpartition(".")[2], "batch": list(ids.shape), "rounds": rounds,
            "model_seconds": median(whole), "model_spread": spread, "layer_seconds": median(layer)}
