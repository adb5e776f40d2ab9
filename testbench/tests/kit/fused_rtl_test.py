#!/usr/bin/env python3
"""Each fault of fused that co-simulation must catch (tests/cosim/faults), planted in the RTL of a kit: its directed vectors find it.

  fused_rtl_test.py QUASIM PROJECT

All faults are in one program of Icarus, which a plusarg chooses from.
"""
import pathlib
import subprocess
import sys
import tempfile

project = pathlib.Path(sys.argv[2]).resolve()
sys.path[:0] = [str(project / "testbench/tests"), str(project / "testbench/tests/cosim/faults")]
import bundles  # noqa: E402
import chosen_faults  # noqa: E402
import fused_faults  # noqa: E402
from checks import exit_code, expect, require  # noqa: E402

QUASIM = sys.argv[1]
CHOICE = """\
package quasim_fault_pkg;
  int number;
endpackage
module quasim_fault;
  import quasim_fault_pkg::*;
  initial if (!$value$plusargs("fault=%d", number)) number = 0;
endmodule
"""


def run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)


def main():
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        layer = bundles.cut_layer(work / "layer", project / "vectors/bookmamba/layer01", 5, 10)  # whose guesses need all bits of K
        kit, faulty, program = work / "kit", work / "faulty", work / "kit.vvp"
        done = run(QUASIM, "export", layer, "-o", kit, "--variant", "fused.seqlast.fast.half_away", "--lanes", 4, "--format", "hex")
        require(done.returncode == 0, f"export: {done.stderr}")
        require(len(fused_faults.FAULTS) > 20, "the list of faults is short")
        chosen_faults.plant(fused_faults.FAULTS, kit / "rtl", faulty)
        (faulty / "quasim_fault_pkg.sv").write_text(CHOICE)
        rtl = [faulty / path.name if (faulty / path.name).is_file() else path for path in sorted((kit / "rtl").glob("*.sv"))]
        packages = [kit / "rtl/quasim_pkg.sv", faulty / "quasim_fault_pkg.sv"]
        built = run("iverilog", "-g2012", "-s", "quasim_kit_tb", "-s", "quasim_fault", "-o", program, *packages,
                    *(path for path in rtl if path not in packages), kit / "tb/quasim_layer_pkg.sv", kit / "tb/quasim_kit_tb.sv")
        require(built.returncode == 0, f"iverilog: {built.stderr[-500:]}")

        def bench(number):
            return run("vvp", "-n", program, f"+kit={kit}", "+stream=directed", f"+fault={number}").stdout

        whole = bench(0)
        require(whole.startswith("PASS"), f"without a fault: {whole}")
        for number, (name, _, _, _) in enumerate(fused_faults.FAULTS, 1):
            note = (faulty / f"{name}.note").read_text()
            said = bench(number)
            expect(not note and said.startswith("FAIL"), f"{name}: {note or 'the kit misses it: ' + said}")
        print(whole.strip())
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
