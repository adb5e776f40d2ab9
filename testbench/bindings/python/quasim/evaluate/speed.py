"""How fast the model is with the unit's numbers in it, against its own convolution: ratios of one run, side by side."""

import statistics
import sys
import time

from ..refusal import Refusal
from .replace import Replacement

ROUNDS = 15
LAYER_REPEATS = 20  # of a layer in one timing
CONTESTANTS = ("two_step", "fused", "deployed")


def seconds_of(run, device, repeats):
    """Seconds of one of `repeats` runs in a row. On a GPU more than one are recorded as a graph and replayed, so that the processor's
    launches are not what is timed."""
    import torch

    if torch.device(device).type == "cuda":
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        graph = None
        if repeats > 1:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                for _ in range(repeats):
                    run()
            graph.replay()
        begin.record()
        if graph is None:
            run()
        else:
            graph.replay()
        end.record()
        torch.cuda.synchronize()
        return begin.elapsed_time(end) / 1000 / repeats
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - start) / repeats


def own_convolution(device):
    import torch

    from ..bookmamba.model import package_convolution

    return "torch conv1d and silu" if package_convolution is None or torch.device(device).type != "cuda" else "causal_conv1d"


def measure(model, sites, configurations, ids, device, dtype, scales, measured, config=None, golden=None, rounds=ROUNDS):
    """Median seconds of the whole model and of one layer's convolution with SiLU, own and by each configuration; every round runs all
    of them, so that a slow moment meets all."""
    import torch

    site = sites[0]
    module = sys.modules[type(site.owner).__module__]
    if getattr(module, "causal_conv1d_fn", None) is None:
        raise Refusal("model", site.path, "a model that the project's own code runs, for --speed", type(site.owner).__name__)
    contestants = {"own": None, **{one.name: Replacement(sites, one, scales, measured, device, config, golden, decodes=False) for one in configurations}}
    weight, bias = site.conv.weight.squeeze(1), site.conv.bias
    x = (torch.randn(*ids.shape, 2 * len(weight), device=device, dtype=dtype) * 2).chunk(2, -1)[0].transpose(1, 2)  # as in_proj leaves it
    runs = {"layer": lambda: module.causal_conv1d_fn(x, weight, bias, activation="silu"), "model": lambda: model(ids)}
    seconds = {kind: {name: [] for name in contestants} for kind in runs}
    for number in range(rounds + 1):
        for name, replacement in contestants.items():
            if replacement is not None:
                replacement.enter_again()
            with torch.no_grad():
                for kind, run in runs.items():
                    run()
                    taken = seconds_of(run, device, LAYER_REPEATS if kind == "layer" else 1)
                    if number > 0:  # the first round warms up
                        seconds[kind][name].append(taken)
            if replacement is not None:
                replacement.leave()
    for replacement in contestants.values():
        if replacement is not None:
            replacement.close()
    median = {kind: {name: statistics.median(times) for name, times in of.items()} for kind, of in seconds.items()}
    spread = {name: (min(times), max(times)) for name, times in seconds["model"].items()}
    return {"own_convolution": own_convolution(device), "dtype": str(dtype).rpartition(".")[2], "batch": list(ids.shape), "rounds": rounds,
            "model_seconds": median["model"], "model_spread": spread, "layer_seconds": median["layer"]}
