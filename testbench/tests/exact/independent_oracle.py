#!/usr/bin/env python3
"""Hold the oracle against an independent computation in Python integers, fractions and decimals.

  independent_oracle.py ORACLE_DUMP [--cases N] [--seed S]

For nasty and random scale sets ORACLE_DUMP prints complete step functions; here every step is evaluated on both sides, and random
points in between. Because the value cannot change between two steps without either side of a step being wrong or the function
leaving its monotone course, agreement at the steps and beside them covers all accumulators of two_step.
"""
import argparse
import decimal
import math
import random
import struct
import subprocess
import sys
from fractions import Fraction

HALF = Fraction(1, 2)


def fp32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def round_half(value, rounding):
    floor = math.floor(value + HALF)
    if value + HALF == floor:  # a tie: floor is the upper of the two neighbours
        return floor if (floor % 2 == 0 if rounding == "half_even" else floor > 0) else floor - 1
    return floor


def clamp(value, bits):
    return max(-(1 << (bits - 1)), min((1 << (bits - 1)) - 1, value))


def silu_rounded(v, scale):
    """round(silu(v) / scale) for a Fraction v; no tie exists except at 0."""
    if v == 0:
        return 0
    if v > 2000:  # silu(v) = v - v/(1+e^v), below v by less than any double sees
        top = v / scale + HALF
        return math.floor(top) - (1 if top == math.floor(top) else 0)
    if v < -2000:
        return 0
    for digits in (40, 80, 160, 320, 1200):
        with decimal.localcontext() as context:
            context.prec = digits
            context.Emax, context.Emin = decimal.MAX_EMAX, decimal.MIN_EMIN
            exact_v = decimal.Decimal(v.numerator) / decimal.Decimal(v.denominator)
            quotient = exact_v / (1 + (-exact_v).exp())
            scaled = quotient / (decimal.Decimal(scale.numerator) / decimal.Decimal(scale.denominator))
        # Six operations, each within half a unit of the last digit; exp multiplies the relative error of v by |v| <= 2000.
        error = abs(Fraction(scaled)) * Fraction(20000, 10 ** (digits - 1))
        low, high = math.floor(Fraction(scaled) - error + HALF), math.floor(Fraction(scaled) + error + HALF)
        if low == high:
            return low
        if abs(Fraction(scaled)) > 1000:
            return low
    raise ArithmeticError(f"undecided: silu({v}) / {scale}")


class Layer:
    def __init__(self, dataflow, rounding, bits, scales):
        self.dataflow, self.rounding, self.bits = dataflow, rounding, bits
        self.scales = [fp32(s) for s in scales]
        self.s_x, self.s_w, self.s_b, self.s_c, self.s_y = (Fraction(s) for s in self.scales)

    def y(self, bias, acc):
        return self.s_x * self.s_w * acc + self.s_b * bias

    def q(self, bias, acc):
        return clamp(round_half(self.y(bias, acc) / self.s_c, self.rounding), self.bits)

    def table(self, q):
        return clamp(silu_rounded(q * self.s_c, self.s_y), 8)

    def fused(self, bias, acc):
        return clamp(silu_rounded(self.y(bias, acc), self.s_y), 8)

    def line(self, bias, low, high):
        scales = " ".join(s.hex() for s in self.scales)
        return f"{self.dataflow} {self.rounding} {self.bits} {scales} {bias} {low} {high}"


def nasty_scales():
    tiny = 2.0 ** -126
    near = struct.unpack("<f", struct.pack("<I", 0x00800001))[0]
    return [
        (1.0, 1.0, 1.0, 2.0, 1.0),             # every odd acc a tie
        (0.125, 0.0625, 0.25, 1.0, 0.5),       # s_c * 2^k relations
        (2.0 ** -7, 2.0 ** -9, 0.125, 2.0 ** -11, 0.0625),
        (1.0, 1.0, 1.0, 2.0 ** -10, 1.0),      # saturates at once
        (2.0 ** -20, 2.0 ** -20, 2.0 ** -20, 1.0, 1.0),
        (tiny, 1.0, tiny, tiny, tiny),         # the smallest normal numbers
        (near, 1.0, tiny, near, tiny),
        (tiny, 1.0, tiny, tiny, near),
        (0.07, 0.007, 0.005, 0.05, 3000.0),    # s_y far above s_c
        (0.07, 0.007, 0.005, 0.05, 1e-6),      # and far below
        (64.0, 64.0, 4096.0, 4096.0, 8192.0),  # silu(u) just below u, and u / s_y a tie
        (2.0 ** -30, 2.0 ** -10, 1.0, 2.0, 1.0),
        (3.0, 5.0, 7.0, 30.0, 15.0),
        (1e18, 1e18, 1e30, 1e36, 1e36),
    ]


def make_cases(count, seed):
    rng = random.Random(seed)
    cases = []
    for scales in nasty_scales():
        for rounding in ("half_even", "half_away"):
            for dataflow, bits in (("two_step", 8), ("two_step", 2), ("two_step", 12), ("fused", 8)):
                for bias in (0, 127, -128):
                    cases.append((Layer(dataflow, rounding, bits, scales), bias, -65536, 65536))
    for _ in range(count):
        spread = lambda centre: centre * 2.0 ** rng.uniform(-4, 4)
        scales = [spread(c) for c in (0.07, 0.007, 0.006, 0.05, 0.05)]
        if rng.random() < 0.3:
            scales = [fp32(2.0 ** round(math.log2(s))) * rng.choice((1.0, 1.0, 1.5, 1.25)) for s in scales]
        layer = Layer(rng.choice(("two_step", "two_step", "fused")), rng.choice(("half_even", "half_away")),
                      rng.choice((3, 4, 8, 8, 10)), scales)
        low = rng.randint(-65536, 0)
        cases.append((layer, rng.randint(-128, 127), low, rng.randint(low, 65536)))
    return cases


def parse_answer(text):
    sections, current = {}, None
    for word in text.split():
        if word in ("q", "out", "table"):
            current = sections.setdefault(word, [])
        elif ":" in word:
            current.append(tuple(int(part) for part in word.split(":")))
        else:
            current.append(int(word))
    return sections


def value_at(steps, acc):
    value = None
    for at, v in steps:
        if at > acc:
            break
        value = v
    return value


def check_case(case, answer, rng):
    """Number of comparisons; raises AssertionError with the first that fails."""
    layer, bias, low, high = case
    compared = 0

    def expect(what, acc, got, want):
        nonlocal compared
        compared += 1
        if got != want:
            raise AssertionError(f"{layer.line(bias, low, high)}: {what} at {acc}: oracle {got}, independent {want}")

    stage, function = ("q", layer.q) if layer.dataflow == "two_step" else ("out", layer.fused)
    steps = answer[stage]
    sample = steps if len(steps) <= 40 else rng.sample(steps, 40)
    points = {low, high, *(rng.randint(low, high) for _ in range(20))}
    for at, _ in sample:
        points.update(p for p in (at - 1, at) if low <= p <= high)
    for acc in sorted(points):
        expect(stage, acc, value_at(steps, acc), function(bias, acc))
    if layer.dataflow == "two_step":
        first = -(1 << (layer.bits - 1))
        entries = range(len(answer["table"])) if layer.bits <= 8 else rng.sample(range(len(answer["table"])), 64)
        for i in entries:
            expect("table", first + i, answer["table"][i], layer.table(first + i))
    return compared


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("oracle_dump")
    parser.add_argument("--cases", type=int, default=60, help="random scale sets beside the nasty ones")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    cases = make_cases(args.cases, args.seed)
    text = "".join(layer.line(bias, low, high) + "\n" for layer, bias, low, high in cases)
    done = subprocess.run([args.oracle_dump], input=text, capture_output=True, text=True, check=True)
    answers = [parse_answer(line) for line in done.stdout.splitlines()]
    if len(answers) != len(cases):
        sys.exit(f"independent_oracle: {len(cases)} cases but {len(answers)} answers")
    rng = random.Random(args.seed)
    compared = 0
    try:
        for case, answer in zip(cases, answers):
            compared += check_case(case, answer, rng)
    except AssertionError as error:
        sys.exit(f"independent_oracle: {error}")
    print(f"{compared} comparisons in {len(cases)} cases, seed {args.seed}: all agree")
    if compared == 0:
        sys.exit("independent_oracle: nothing was compared")


if __name__ == "__main__":
    main()
