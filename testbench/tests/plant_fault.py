#!/usr/bin/env python3
"""Copies a source file with one place replaced.

  plant_fault.py FILE DIRECTORY             DIRECTORY holds the texts `match` and `replacement`; receives the copy and `note`
  plant_fault.py --planted NOTE COMMAND...  runs the command; exit 1, with the reason, when the note says there is no fault

The note is empty when the place was found; otherwise the copy is whole.
"""
import os
import pathlib
import sys


def plant(source, directory):
    text = source.read_text()
    match = (directory / "match").read_text()
    places = text.count(match)
    (directory / source.name).write_text(text.replace(match, (directory / "replacement").read_text()))
    missing = "" if places else f"fault {directory.name}: rtl/{source.name} no longer has {match!r}; mend the fault where it is defined\n"
    (directory / "note").write_text(missing)


def main():
    if len(sys.argv) > 3 and sys.argv[1] == "--planted":
        missing = pathlib.Path(sys.argv[2]).read_text().strip()
        if missing:
            sys.exit(missing)
        os.execvp(sys.argv[3], sys.argv[3:])
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    plant(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))


if __name__ == "__main__":
    main()
