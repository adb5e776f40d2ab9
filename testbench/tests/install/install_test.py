"""Installs the build into an empty prefix and uses what lies there: command, DPI library from C, Python package, RTL, man page,
completion.

  install_test.py CMAKE BUILD_DIR SOURCE_DIR PYTHON
"""
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import exit_code, require  # noqa: E402

C_PROGRAM = r"""
#include <stdio.h>
#include <quasim/quasim_dpi.h>
#include <quasim/quasim_regs.h>
int main(int argc, char** argv) {
  int handle = 0, channels = 0, taps = 0, conv_bits = 0;
  if (argc != 2 || quasim_dpi_open(argv[1], &handle) != QUASIM_DPI_OK) return 1;
  if (quasim_dpi_shape(handle, &channels, &taps, &conv_bits) != QUASIM_DPI_OK) return 1;
  printf("%d %d %d\n", channels, taps, conv_bits);
  return quasim_dpi_close(handle) != QUASIM_DPI_OK;
}
"""
PYTHON_PROGRAM = """
import sys, quasim
bundle = quasim.read_bundle(sys.argv[1])
result = quasim.Model(quasim.compile(bundle).program).run(bundle.input)
print(int((result["out"] != bundle.golden("conv1d_output_int8")).sum()), result["out"].size)
"""


def main():
    cmake, build, source, python = sys.argv[1:]
    layer = pathlib.Path(source, "vectors/bookmamba/layer00")

    def run(*command, **options):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
        require(done.returncode == 0, f"{command[0]} ends with {done.returncode}: {done.stdout[-500:]}{done.stderr[-1500:]}")
        return done.stdout

    with tempfile.TemporaryDirectory(prefix="quasim install ") as directory:
        prefix = pathlib.Path(directory, "usr")
        run(cmake, "--install", build, "--prefix", prefix)
        version = run(prefix / "bin/quasim", "--version").strip()
        require(version == "quasim 1.0.0", f"quasim --version says {version!r}")
        agreed = run(prefix / "bin/quasim", "cosim", layer, cwd=directory)
        require("262,144" in agreed, f"cosim of an installed quasim says {agreed!r}")

        library = next(prefix.glob("lib*/**/libquasim_dpi.so"))
        require(library.is_symlink() and library.resolve().name.startswith("libquasim_dpi.so."), "libquasim_dpi.so is a link to a version")
        program = pathlib.Path(directory, "use.c")
        program.write_text(C_PROGRAM)
        run("cc", program, "-o", program.with_suffix(""), f"-I{prefix}/include", f"-L{library.parent}", "-lquasim_dpi", f"-Wl,-rpath,{library.parent}")
        shape = run(program.with_suffix(""), layer)
        require(shape.split() == ["1024", "4", "8"], f"the DPI library says {shape!r}")

        packages = next(prefix.glob("lib/python3*/*-packages"))
        said = run(python, "-B", "-c", PYTHON_PROGRAM, layer, env={"PYTHONPATH": str(packages)}).split()
        require(said == ["0", "262144"], f"the Python package: {said} of values differ")

        rtl = prefix / "share/quasim/rtl"
        first = [rtl / "generated/quasim_pkg.sv", rtl / "generated/quasim_regs.sv"]
        run("iverilog", "-g2012", "-s", "quasim_top", "-o", pathlib.Path(directory, "top.vvp"), *first, *sorted(rtl.glob("*.sv")))
        require((prefix / "share/quasim/dpi/quasim_dpi_pkg.sv").is_file(), "the DPI imports")
        require((prefix / "share/quasim/kit/quasim_kit_tb.sv").is_file(), "the kit's testbench")

        refused = subprocess.run([prefix / "bin/quasim", "ppa", "--lanes", "0"], capture_output=True, text=True, check=False)
        require(refused.returncode == 2 and "1 to 128" in refused.stderr, f"quasim ppa from the prefix says {refused.stderr!r}")
        found = run(python, "-B", "-c", "from quasim.ppa.design import bench_folder, rtl_folder; rtl = rtl_folder(); print(rtl, bench_folder(rtl))",
                    env={"PYTHONPATH": str(prefix / "lib/quasim/python")})
        require(found.split("\n")[0] == f"{rtl} {prefix / 'share/quasim/bench'}", f"quasim ppa finds {found!r}")

        said = run(prefix / "bin/quasim", "regress", "--help")
        require("folded_lanes_4" in said, f"quasim regress from the prefix knows no units: {said!r}")

        manual = (prefix / "share/man/man1/quasim.1").read_text()
        completion = prefix / "share/bash-completion/completions/quasim"
        zsh = (prefix / "share/zsh/site-functions/_quasim").read_text()
        for verb in ("run", "cosim", "certify", "explain", "report"):
            require(f".SH QUASIM {verb.upper()}" in manual and f"'{verb}:" in zsh, f"man page and zsh completion know {verb}")
        completed = run("bash", "-c", 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _quasim; echo "${COMPREPLY[@]}"',
                        completion, "quasim", "co").split()
        require(completed == ["cosim", "compare", "compile"], f"bash completes co to {completed}")
        completed = run("bash", "-c", 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _quasim; echo "${COMPREPLY[@]}"',
                        completion, "quasim", "cosim", "--st").split()
        require(completed == ["--stall-in", "--stall-out"], f"bash completes cosim --st to {completed}")
    sys.exit(exit_code())


if __name__ == "__main__":
    main()
