#!/usr/bin/env python3
"""build.tests.names_follow_the_law: a test's name is level.stage.behaviour, and it is found by the name of its room.

The level is the folder of testbench/tests (or of testbench) that the test is defined in; all three are words in small letters.
A folder of tests has a CMakeLists.txt of its own and at least one test.

  names_test.py SOURCE_DIR BUILD_DIR CTEST
"""
import json
import pathlib
import re
import subprocess
import sys

LAW = re.compile(r"([a-z][a-z0-9_]*)\.([a-z][a-z0-9_]*)\.([a-z0-9][a-z0-9_]*)")
# Examples keep their tests beside them: the folder below testbench/, and the room that the tests are of.
ELSEWHERE = {"bindings/dpi/example": "dpi"}


def room_of(folder, top):
    """The room whose tests are defined in `folder`, below `top`/testbench; None where that is no place for tests."""
    try:
        folder = pathlib.Path(folder).resolve().relative_to(top / "testbench")
    except ValueError:
        return None
    if str(folder) in ELSEWHERE:
        return ELSEWHERE[str(folder)]
    parts = folder.parts[1:] if folder.parts[:1] == ("tests",) else folder.parts
    return parts[0] if parts else None


def problems(tests, rooms):
    """tests: [(name, room of the file that defines it)]."""
    found, seen = [], set()
    for name, room in tests:
        match = LAW.fullmatch(name)
        if not match:
            found.append(f"{name}: expected level.stage.behaviour in small letters")
        elif match[1] != room:
            found.append(f"{name}: its level is {match[1]}, and it is defined in the folder {room}")
        if name in seen:
            found.append(f"{name}: two tests have this name")
        seen.add(name)
    levels = {room for _, room in tests}
    return found + [f"testbench/tests/{room}: no test is defined in this folder" for room in rooms if room not in levels]


def defined_tests(source, build, ctest):
    """[(name, room)] of every test that CTest knows."""
    shown = json.loads(subprocess.run([ctest, "--test-dir", build, "--show-only=json-v1"], check=True, capture_output=True, text=True).stdout)
    graph, tests = shown["backtraceGraph"], []
    for test in shown["tests"]:
        if test["name"].endswith("_NOT_BUILT"):  # a program that was not built; that entry fails by itself
            continue
        if "backtrace" in test:
            # The innermost call that stands in a room: below it are functions of CMake and of testbench/tests.
            node, rooms = graph["nodes"][test["backtrace"]], []
            while node:
                rooms.append(room_of(pathlib.Path(graph["files"][node["file"]]).parent, source))
                node = graph["nodes"][node["parent"]] if "parent" in node else None
            room = next(filter(None, rooms), None)
        else:  # a TEST of a program, which runs in the folder that it was built in
            folder = next(item["value"] for item in test["properties"] if item["name"] == "WORKING_DIRECTORY")
            room = room_of(folder, build)
        tests.append((test["name"], room))
    return tests


def main():
    source, build = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    rooms = sorted(path.name for path in (source / "testbench/tests").iterdir() if path.is_dir() and path.name != "__pycache__")
    tests = defined_tests(source, build, sys.argv[3])
    found = problems(tests, rooms)
    found += [f"testbench/tests/{room}: no CMakeLists.txt" for room in rooms if not (source / "testbench/tests" / room / "CMakeLists.txt").is_file()]
    # Planted: two words, capital letters, four words, another room's level, a name twice, a room without tests.
    planted = [("unit.words", "unit"), ("cosim.Pipeline.equal", "cosim"), ("dpi.bench.fault.flipped", "dpi"), ("cosim.kit.formats", "kit"),
               ("io.npy.twice", "io"), ("io.npy.twice", "io")]
    noticed = problems(tests + planted, [*rooms, "cellar"])
    if len(noticed) - len(problems(tests, rooms)) != 6:
        found.append(f"names_test.py notices {len(noticed)} problems where six were planted")
    for line in found:
        print("FAIL", line)
    print(f"{len(tests)} names of tests in {len(rooms)} folders, {len(found)} failures")
    return 1 if found or len(tests) < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
