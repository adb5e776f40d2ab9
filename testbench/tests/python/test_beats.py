"""python.package.beats: beat order against the formula of the stream."""

import unittest

import numpy as np
import quasim


class Beats(unittest.TestCase):
    def test_order_and_marks(self):
        rng = np.random.default_rng(4)
        compared = 0
        for shape, lanes in (((2, 7, 5), 4), ((1, 1, 3), 1), ((3, 16, 2), 16), ((1, 3, 4), 128), ((2, 5, 1), 5)):
            x = rng.integers(-128, 128, shape, dtype=np.int8)
            beats = quasim.encode_beats(x, lanes)
            marks = quasim.beat_marks(shape, lanes)
            groups = -(-shape[1] // lanes)
            self.assertEqual(beats.shape, (shape[0] * shape[2] * groups, lanes))
            for beat in range(len(beats)):
                token, group = divmod(beat, groups)
                sequence, time = divmod(token, shape[2])
                self.assertEqual(marks["tuser"][beat], time == 0)
                self.assertEqual(marks["tlast"][beat], time == shape[2] - 1 and group == groups - 1)
                self.assertEqual(marks["live_lanes"][beat], min(lanes, shape[1] - group * lanes))
                for lane in range(lanes):
                    channel = group * lanes + lane
                    self.assertEqual(beats[beat, lane], x[sequence, channel, time] if channel < shape[1] else 0)
                    compared += 1
            np.testing.assert_array_equal(quasim.decode_beats(beats, shape), x)
        self.assertGreater(compared, 0)


if __name__ == "__main__":
    unittest.main()
