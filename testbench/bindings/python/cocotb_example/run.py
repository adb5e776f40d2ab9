#!/usr/bin/env python3
"""Runs the cocotb testbench under Icarus, then once more with a planted fault that it must find.

  run.py BUILD_DIR [LAYER]     exit 0: all tests pass and the fault was found
"""

import pathlib
import sys
import xml.etree.ElementTree

import quasim
from cocotb_tools.runner import get_runner

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[3]
LANES = 16
TABLE_ENTRY = 0x4080  # silu_table of q = 0


def outcome(results):
    """(tests, failed tests, tests failed because outputs differ) of a cocotb results file."""
    cases = list(xml.etree.ElementTree.parse(results).iter("testcase"))
    failures = [case.find("failure") for case in cases if case.find("failure") is not None]
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    return len(cases), failed, sum("outputs differ" in failure.get("message", "") for failure in failures)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    layer = pathlib.Path(sys.argv[2] if len(sys.argv) == 3 else ROOT / "vectors/bookmamba/layer00").resolve()
    channels = -(-quasim.read_bundle(layer).weight.shape[0] // LANES) * LANES  # the unit's memories hold whole groups of lanes
    runner = get_runner("icarus")
    runner.build(
        sources=[*sorted((ROOT / "rtl/generated").glob("*.sv")), *sorted((ROOT / "rtl").glob("*.sv"))],
        hdl_toplevel="quasim_top",
        parameters={"LANES": LANES, "MaxChannels": channels},
        build_args=["-g2012"],
        build_dir=build,
        always=True,
        timescale=("1ns", "1ps"),
        log_file=build / "build.log",
    )
    environment = {"QUASIM_LANES": str(LANES), "QUASIM_LAYER": str(layer), "PYTHONPATH": str(HERE)}

    def run(name, **more):
        return outcome(
            runner.test(
                hdl_toplevel="quasim_top",
                test_module="test_quasim_top",
                build_dir=build,
                test_dir=build,
                results_xml=str(build / f"{name}.xml"),
                extra_env={**environment, **more},
            )
        )

    count, failed, _ = run("correct")
    if count == 0 or failed:
        sys.exit(f"FAIL: {failed} of {count} cocotb tests")
    planted, _, found = run("fault", QUASIM_FLIP=hex(TABLE_ENTRY))
    if planted == 0 or found != planted:
        sys.exit(f"FAIL: {found} of {planted} cocotb tests found the planted fault")
    print(f"PASS: {count} cocotb tests; {found} of {planted} found the planted fault")


if __name__ == "__main__":
    main()
