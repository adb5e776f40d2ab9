"""Is a difference more than chance: intervals and tests on what two runs said about the same tokens."""

import math
from typing import NamedTuple

import numpy as np

NORMAL_95 = 1.959963984540054
# Above this many changed answers the sum of the exact test is replaced by the normal curve, which no longer differs from it.
EXACT_LIMIT = 100_000
RESAMPLES = 10_000
NOISE_LEVEL = 0.01  # a difference with a larger p is called noise: three dozen rows are compared


class Interval(NamedTuple):
    """An estimate and the bounds of its 95% interval."""

    value: float
    low: float
    high: float


def wilson(successes, trials) -> Interval:
    """Wilson's 95% interval of a share."""
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"wilson: expected 0 <= successes <= trials, trials > 0; got {successes} of {trials}")
    share = successes / trials
    z2 = NORMAL_95**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = NORMAL_95 / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    return Interval(share, 0.0 if successes == 0 else centre - half, 1.0 if successes == trials else centre + half)


def mcnemar(only_first, only_second) -> float:
    """p of McNemar's two-sided exact test: only_first answers were right in the first run alone, only_second in the second alone."""
    changed = only_first + only_second
    fewer = min(only_first, only_second)
    if changed == 0:
        return 1.0
    if changed > EXACT_LIMIT:
        z = max(0.0, abs(only_first - only_second) - 1) / math.sqrt(changed)
        return math.erfc(z / math.sqrt(2))
    logs = [math.lgamma(changed + 1) - math.lgamma(k + 1) - math.lgamma(changed - k + 1) - changed * math.log(2) for k in range(fewer + 1)]
    top = max(logs)
    return min(1.0, 2 * math.exp(top) * math.fsum(math.exp(each - top) for each in logs))


class Paired(NamedTuple):
    """A mean difference: its 95% interval, and whether 0 lies in the interval of the noise level."""

    value: float
    low: float
    high: float
    noise: bool


def bootstrap(first, second, weights=None, resamples=RESAMPLES, seed=1) -> Paired:
    """second - first, mean over sequences of one value each, by resampling sequences (tokens of one sequence hang together).
    weights: tokens of each sequence."""
    difference = np.asarray(second, np.float64) - np.asarray(first, np.float64)
    weights = np.ones(len(difference)) if weights is None else np.asarray(weights, np.float64)
    value = float((difference * weights).sum() / weights.sum())
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    block = max(1, 4_000_000 // len(difference))
    for begin in range(0, resamples, block):
        chosen = rng.integers(0, len(difference), (min(block, resamples - begin), len(difference)))
        means[begin : begin + len(chosen)] = (difference * weights)[chosen].sum(1) / weights[chosen].sum(1)
    low, high = np.quantile(means, [0.025, 0.975])
    floor, ceiling = np.quantile(means, [NOISE_LEVEL / 2, 1 - NOISE_LEVEL / 2])
    return Paired(value, float(low), float(high), bool(floor <= 0 <= ceiling))
