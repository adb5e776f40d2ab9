#!/usr/bin/env python3
"""Grades the step tables that a GPU made against exact arithmetic. Needs no GPU.

  grade.py BUNDLE… [--json FILE]

The contract is evaluated here on its own: y and q as ratios of integers, SiLU with 60 decimal digits. For every bias value and
every golden step the exact value is computed on both sides of the step, and where the golden differs the walk goes on until it
agrees again; between two steps that agree the exact function, which is monotone there, has no step of its own (around SiLU's
minimum, where it is not, the minimum itself is looked at). So the count is that of the complete domain. Prints a Markdown table.
"""
import argparse
import decimal
import fractions
import json
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import quasim_golden as qg  # noqa: E402

decimal.getcontext().prec = 60
ONE = decimal.Decimal(1)
SILU_MINIMUM = -1.2784645427610738


def round_ratio(numerator, denominator, half_even):
    """round(numerator / denominator), denominator > 0, exactly."""
    whole, rest = divmod(abs(numerator), denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and (not half_even or whole % 2)):
        whole += 1
    return whole if numerator >= 0 else -whole


def clamp(value, bits):
    return max(-(1 << (bits - 1)), min((1 << (bits - 1)) - 1, value))


class Exact:
    def __init__(self, params):
        scale = lambda v: fractions.Fraction(float(np.float32(v)))
        self.half_even = params.resolved_rounding == "half_even"
        self.two_step = params.dataflow == "two_step"
        self.bits = params.conv_bits
        self.s_y = scale(params.output_scale)
        self.s_c = scale(params.conv_scale if params.conv_scale else params.output_scale)
        self.slope, self.bias_slope = scale(params.input_scale) * scale(params.weight_scale), scale(params.bias_scale)
        # y / s_c = (acc * p + bias * r) / d
        ratio, bias_ratio = self.slope / self.s_c, self.bias_slope / self.s_c
        self.d = ratio.denominator * bias_ratio.denominator
        self.p, self.r = int(ratio * self.d), int(bias_ratio * self.d)
        self.cache = {}

    def silu_int8(self, v):
        """clamp_8(round(silu(v) / s_y)) of a fraction v."""
        x = decimal.Decimal(v.numerator) / decimal.Decimal(v.denominator)
        y = x / (ONE + (-x).exp()) * self.s_y.denominator / self.s_y.numerator
        nearest = y.to_integral_value(decimal.ROUND_HALF_EVEN)
        if v != 0 and abs(abs(y - nearest) - decimal.Decimal("0.5")) < decimal.Decimal("1e-40"):
            raise qg.GoldenError("60 digits do not decide a rounding")
        return clamp(int(nearest), 8)

    def q(self, acc, bias):
        return clamp(round_ratio(acc * self.p + bias * self.r, self.d, self.half_even), self.bits)

    def out(self, acc, bias):
        if not self.two_step:
            return self.silu_int8(self.slope * acc + self.bias_slope * bias)
        q = self.q(acc, bias)
        if q not in self.cache:
            self.cache[q] = self.silu_int8(q * self.s_c)
        return self.cache[q]

    def minimum_acc(self, bias):
        return int(round((SILU_MINIMUM - float(self.bias_slope) * bias) / float(self.slope)))


def grade(exact, stage, steps):
    """(points that differ, largest difference, listed points) over the complete domain of one stage."""
    low, high = int(steps["acc_min"][0]), int(steps["acc_max"][0])
    function = exact.q if stage == "q" else exact.out
    first, offset, accs, values = (steps[f"{stage}_{part}"] for part in ("first", "offset", "acc", "value"))
    differing, largest, listed, evaluated = 0, 0, [], 0
    for i, bias in enumerate(int(b) for b in steps["bias"]):
        edges = [low] + [int(a) for a in accs[offset[i]:offset[i + 1]]] + [high + 1]
        held = [int(first[i])] + [int(v) for v in values[offset[i]:offset[i + 1]]]
        wrong = {}
        middle = exact.minimum_acc(bias)
        for k, value in enumerate(held):
            begin, end = edges[k], edges[k + 1]
            # walk in from both ends of the piece until the exact value agrees
            for start, direction in ((begin, 1), (end - 1, -1)):
                acc = start
                while begin <= acc < end and acc not in wrong:
                    truth = function(acc, bias)
                    evaluated += 1
                    if truth == value:
                        break
                    wrong[acc] = (value, truth)
                    acc += direction
            for acc in (middle - 1, middle, middle + 1):
                if stage == "out" and begin <= acc < end and acc not in wrong:
                    truth = function(acc, bias)
                    evaluated += 1
                    if truth != value:
                        wrong[acc] = (value, truth)
        differing += len(wrong)
        for acc, (value, truth) in sorted(wrong.items()):
            largest = max(largest, abs(value - truth))
            listed.append({"bias": bias, "acc": acc, "golden": value, "exact": truth})
    return differing, largest, listed, evaluated


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="+", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    rows, evaluated = [], 0
    print("| layer | variant | stage | points | differ from exact | largest |\n|---|---|---|---|---|---|")
    for path in options.bundles:
        meta = json.loads((path / "layer.json").read_text())
        for file in sorted(path.glob("golden/*/steps.npz")):
            variant = file.parent.name
            exact = Exact(qg.Params.from_layer(meta, variant))
            with np.load(file) as steps:
                steps = dict(steps)
            points = 256 * (int(steps["acc_max"][0]) - int(steps["acc_min"][0]) + 1)
            for stage in ("q", "out"):
                if f"{stage}_first" not in steps:
                    continue
                differing, largest, listed, done = grade(exact, stage, steps)
                evaluated += done
                rows.append({"layer": path.name, "variant": variant, "stage": stage, "points": points, "differing": differing,
                             "largest": largest, "listed": listed})
                print(f"| {path.name} | {variant} | {stage} | {points} | {differing} | {largest} |", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"\n{sum(r['points'] for r in rows)} points graded by {evaluated} exact evaluations.")
    return 0 if evaluated else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (qg.GoldenError, OSError, ValueError) as error:
        sys.exit(f"grade.py: {error}")
