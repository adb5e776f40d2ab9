#!/usr/bin/env python3
"""Drives quasim_top with the AXI4-Lite master of cocotbext-axi (PyPI) under Icarus, then a unit with planted faults that it must find.

  run.py BUILD_DIR [SEED]    exit 0: all tests pass and every fault was found
"""
import pathlib
import sys
import xml.etree.ElementTree

from cocotb_tools.runner import get_runner

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[3]
sys.path.insert(0, str(ROOT / "rtl/generated"))  # handed on to the simulation, with this directory
PARAMETERS = {"LANES": 4, "MaxChannels": 32}
# (file, right, wrong): what this bench is here for
FAULTS = [
    ("quasim_top.sv", ".table_rindex_i(WordBits'(window_rindex))",
     ".table_rindex_i(WordBits'(window_wen[quasim_pkg::WINDOW_TABLE] ? window_windex : window_rindex))"),
    ("quasim_axil.sv", "(w_strb_q == '1)", "(w_strb_q[2:0] == '1)"),
    ("quasim_window.sv", "if (low_of_pair) low_word_q", "if (write_i != '0) low_word_q"),
]


def sources():
    return [ROOT / "rtl/generated/quasim_pkg.sv", ROOT / "rtl/generated/quasim_regs.sv", *sorted((ROOT / "rtl").glob("*.sv"))]


def run(build, files, seed):
    """(tests, failed tests) of one unit."""
    runner = get_runner("icarus")
    runner.build(sources=files, hdl_toplevel="quasim_top", parameters=PARAMETERS, build_args=["-g2012"], build_dir=build, always=True,
                 timescale=("1ns", "1ps"), log_file=build / "build.log")
    results = runner.test(hdl_toplevel="quasim_top", test_module="test_registers", build_dir=build, test_dir=build,
                          results_xml=str(build / "results.xml"), log_file=build / "run.log",
                          extra_env={"QUASIM_SEED": str(seed), "QUASIM_LANES": str(PARAMETERS["LANES"]),
                                     "QUASIM_CHANNELS": str(PARAMETERS["MaxChannels"])})
    cases = list(xml.etree.ElementTree.parse(results).iter("testcase"))
    return len(cases), sum(case.find("failure") is not None or case.find("error") is not None for case in cases)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    build, seed = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) == 3 else 1
    count, failed = run(build / "right", sources(), seed)
    if count == 0 or failed:
        sys.exit(f"axi_vip: {failed} of {count} tests fail, see {build / 'right/run.log'}")
    for number, (name, right, wrong) in enumerate(FAULTS):
        work = build / f"fault{number}"
        work.mkdir(parents=True, exist_ok=True)
        text = (ROOT / "rtl" / name).read_text()
        assert right in text, f"{name} has no '{right}'"
        (work / name).write_text(text.replace(right, wrong))
        _, failed = run(work, [work / name if file.name == name else file for file in sources()], seed)
        if failed == 0:
            sys.exit(f"axi_vip: the planted fault in {name} was not found: {wrong}")
    print(f"axi_vip: {count} tests pass; {len(FAULTS)} of {len(FAULTS)} planted faults found")


if __name__ == "__main__":
    main()
