"""python.package.statistics: intervals and tests against values worked out by other means."""

import itertools
import math
import unittest

import numpy as np

from quasim.evaluate import statistics


class Statistics(unittest.TestCase):
    def test_wilson_solves_its_equation(self):
        """The bounds are the shares p at which (share - p)^2 = z^2 p (1 - p) / n: checked in that equation, and two known intervals."""
        compared = 0
        for trials in (1, 7, 100, 393216):
            for successes in sorted({0, 1, trials // 3, trials}):
                got = statistics.wilson(successes, trials)
                for bound in got[1:]:
                    if 0 < bound < 1:
                        self.assertAlmostEqual((got.value - bound) ** 2 * trials, statistics.NORMAL_95**2 * bound * (1 - bound), delta=1e-9)
                        compared += 1
                self.assertTrue(got.low <= got.value <= got.high)
        self.assertGreater(compared, 15)
        self.assertAlmostEqual(statistics.wilson(10, 20).low, 0.29930, places=5)
        self.assertAlmostEqual(statistics.wilson(0, 10).high, 0.27753, places=5)
        low, high = statistics.wilson(39, 100)[1:]  # the classic "39%" of 100 examples
        self.assertAlmostEqual((high - low) / 2, 0.0939, places=4)
        for wrong in ((-1, 5), (6, 5), (0, 0)):
            with self.assertRaises(ValueError):
                statistics.wilson(*wrong)

    def test_mcnemar_counts_coin_flips(self):
        """Against every outcome of so many fair coins."""
        compared = 0
        for changed in range(1, 12):
            heads = [sum(coins) for coins in itertools.product((0, 1), repeat=changed)]
            for first in range(changed + 1):
                fewer = min(first, changed - first)
                want = min(1.0, 2 * sum(h <= fewer for h in heads) / len(heads))
                self.assertAlmostEqual(statistics.mcnemar(first, changed - first), want, delta=1e-12)
                compared += 1
        self.assertEqual(compared, 77)
        self.assertEqual(statistics.mcnemar(0, 0), 1.0)
        # the normal curve takes over where the sum ends without a jump
        many = statistics.EXACT_LIMIT // 2
        exact, curve = statistics.mcnemar(many - 500, many + 500), statistics.mcnemar(many - 500, many + 501)
        self.assertAlmostEqual(math.log(exact), math.log(curve), delta=0.03)

    def test_bootstrap(self):
        rng = np.random.default_rng(7)
        values = rng.normal(0.0, 1.0, 800)
        same = statistics.bootstrap(values, values)
        self.assertEqual(tuple(same), (0.0, 0.0, 0.0, True))
        shifted = statistics.bootstrap(values, values + 0.001)
        self.assertFalse(shifted.noise)
        noisy = statistics.bootstrap(np.zeros(800), values)
        self.assertAlmostEqual(noisy.high - noisy.low, 2 * 1.96 * values.std() / math.sqrt(800), delta=0.01)
        weights = rng.integers(1, 50, 800)
        self.assertAlmostEqual(statistics.bootstrap(np.zeros(800), values, weights).value, np.average(values, weights=weights), delta=1e-12)

    def test_noise_is_called_noise_as_often_as_it_says(self):
        """Of differences that are chance alone, about one in a hundred is taken for more."""
        rng = np.random.default_rng(8)
        taken = sum(not statistics.bootstrap(np.zeros(200), rng.normal(0, 1, 200), resamples=1000, seed=n).noise for n in range(200))
        self.assertLess(taken, 10)
        found = sum(not statistics.bootstrap(np.zeros(200), rng.normal(0.5, 1, 200), resamples=1000, seed=n).noise for n in range(20))
        self.assertEqual(found, 20)


if __name__ == "__main__":
    unittest.main()
