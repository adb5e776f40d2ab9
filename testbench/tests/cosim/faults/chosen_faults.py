"""Faults that live in one copy of the RTL: an expression is exchanged where quasim_fault_pkg::number says so.

A list of them is a program:
  NAME_faults.py --names           one line a fault; the n-th has number n
  NAME_faults.py --files           the files of the RTL that are copied
  NAME_faults.py RTL DIRECTORY     writes quasim_fault_pkg.sv, the copies, and NAME.note for each fault

A note is empty when the place was found; otherwise it says what is gone, and that fault changes nothing.
A fault is (name, file, expression, what stands for it); a port's connection is written with the port.
"""
import pathlib
import sys

PACKAGE = """\
// Which fault a broken copy of the unit has; 0: none.
package quasim_fault_pkg;
  import "DPI-C" function int quasim_fault_number();
  int number = quasim_fault_number();
endpackage
"""


def exchange(text, expression, with_expression):
    """`text` with every `expression` exchanged for with_expression(the expression)."""
    if not expression.startswith("."):
        return text.replace(expression, f"({with_expression(expression)})")
    port, connected = expression.split("(", 1)
    return text.replace(expression, f"{port}({with_expression(connected[:-1])})")


def files_of(faults):
    return sorted({file for _, file, _, _ in faults})


def plant(faults, rtl, directory):
    directory.mkdir(parents=True, exist_ok=True)
    texts = {name: (rtl / name).read_text() for name in files_of(faults)}
    for number, (name, file, expression, broken) in enumerate(faults, 1):
        found = expression in texts[file]
        texts[file] = exchange(texts[file], expression,
                               lambda whole, number=number, broken=broken: f"(quasim_fault_pkg::number == {number}) ? ({broken}) : ({whole})")
        missing = "" if found else f"fault {name}: rtl/{file} no longer has {expression!r}; mend it in {pathlib.Path(sys.argv[0]).name}\n"
        (directory / f"{name}.note").write_text(missing)
    for name, text in texts.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    (directory / "quasim_fault_pkg.sv").write_text(PACKAGE)


def main(faults):
    if sys.argv[1:] == ["--names"]:
        print("\n".join(name for name, _, _, _ in faults))
    elif sys.argv[1:] == ["--files"]:
        print("\n".join(files_of(faults)))
    elif len(sys.argv) == 3:
        plant(faults, pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
    else:
        sys.exit(__doc__)
