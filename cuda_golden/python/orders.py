#!/usr/bin/env python3
"""Where do the three fp32 evaluation orders disagree? Every window of every chosen channel, on the GPU.

  orders.py BUNDLE… [--every N] [--json FILE] [--library FILE]

channellast and update depend on the window, not only on its sum. For each bundle and each variant, all 2^(8K) windows of every
N-th channel (default 1) are evaluated in both orders; the windows whose int8 output differs are counted, and some listed (which ones, the GPU's
scheduling decides).
"""
import argparse
import json
import pathlib
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import quasim_golden as qg  # noqa: E402
from golden_bundles import Bundle  # noqa: E402

PAIRS = (("fused.seqlast.fast.half_away", "channellast"), ("fused.seqlast.fast.half_away", "update"),
         ("fused.channellast.fast.half_away", "update"), ("two_step.seqlast.precise.half_even", "channellast"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="+", type=pathlib.Path)
    parser.add_argument("--library", dest="shared_object", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    golden = qg.Golden(options.shared_object)
    rows = []
    print("| layer | variant | against | channels | windows | fp32 y differs | int8 differs | one in | largest |\n|---|---|---|---|---|---|---|---|---|")
    for path in options.bundles:
        bundle = Bundle(path)
        w = bundle.w[::options.every]
        b = None if bundle.b is None else bundle.b[::options.every]
        for name, other in PAIRS:
            start = time.time()
            r = golden.compare_orders(qg.Params.from_layer(bundle.meta, name), other, w, b)
            windows = len(w) << (8 * w.shape[1])
            differ = int(r["counts"].sum())
            points = [{**p, "channel": p["channel"] * options.every} for p in r["points"][:8]]
            rows.append({"layer": path.name, "variant": name, "against": other, "channels": len(w), "every": options.every, "windows": windows,
                         "y_differ": int(r["y_counts"].sum()), "differ": differ, "worst_channel": int(r["counts"].max()),
                         "largest": r["max_abs_difference"], "examples": points})
            print(f"| {path.name} | {name} | {other} | {len(w)} | {windows} | {int(r['y_counts'].sum())} | {differ} | "
                  f"{windows // differ if differ else '-'} | {r['max_abs_difference']} |", flush=True)
            print(f"{path.name} {name} {other}: {time.time() - start:.2f} s", file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if rows else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (qg.GoldenError, OSError, ValueError) as error:
        sys.exit(f"orders.py: {error}")
