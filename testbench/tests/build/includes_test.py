#!/usr/bin/env python3
"""build.rooms.includes_never_climb_back: each room includes rooms above it in README's map and no other, and the map names every room.

  includes_test.py SOURCE_DIR
"""
import pathlib
import re
import sys

source = pathlib.Path(sys.argv[1])
# Where an include is looked for; the first that has the file is meant.
BASES = ("model", "testbench", "cuda_golden/src", "cuda_golden/include", "cuda_golden/cpu_twin", "cuda_golden")
ENDINGS = {".cpp", ".hpp", ".h", ".cu", ".cuh", ".in"}


def rooms_of_the_map():
    """The rooms in the order of the table, from the sources' first room to the last."""
    rooms = []
    for cell in re.findall(r"^\| (`[^|]*) \|", (source / "README.md").read_text().split("## Map of the house")[1], re.M):
        rooms += re.findall(r"`([\w/]+)`", cell)
    return rooms


def room_of(path, rooms):
    inside = [room for room in rooms if path.startswith(room + "/")]
    return max(inside, key=len) if inside else None


def violations(texts, rooms):
    """(file, what is wrong) of each include that leads to a room further down, or to a room that is on no map."""
    found, edges = [], 0
    for file, text in texts.items():
        own = room_of(file, rooms)
        if own is None:
            found.append((file, "lies in no room of README's map"))
            continue
        for name in re.findall(r'^\s*#\s*include "([^"]+)"', text, re.M):
            target = next((f"{base}/{name}" for base in (*BASES, str(pathlib.PurePath(file).parent)) if f"{base}/{name}" in texts), None)
            other = room_of(target, rooms) if target else None
            if other is None or other == own:
                continue
            edges += 1
            if rooms.index(other) > rooms.index(own):
                found.append((file, f"includes {name} of {other}, which comes after {own}"))
    return found, edges


def main():
    rooms = rooms_of_the_map()
    texts = {}
    for top in ("model", "testbench", "cuda_golden"):
        for file in sorted((source / top).rglob("*")):
            if file.suffix in ENDINGS and file.is_file():
                texts[str(file.relative_to(source))] = file.read_text(errors="replace")
    found, edges = violations(texts, rooms)
    # Planted: a room that includes one which comes after it, and a file in a room of its own.
    planted = dict(texts)
    planted["model/spec/planted.hpp"] = '#include "cosim/testbench.hpp"\n'
    planted["testbench/cellar/planted.cpp"] = ""
    if len(violations(planted, rooms)[0]) != len(found) + 2:
        found.append(("includes_test.py", "does not notice planted includes"))
    for file, what in found:
        print(f"FAIL {file} {what}")
    print(f"{len(texts)} files in {len(rooms)} rooms, {edges} includes between rooms, {len(found)} failures")
    return 1 if found or edges == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
