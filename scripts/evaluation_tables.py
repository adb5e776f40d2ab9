#!/usr/bin/env python3
"""Keeps the tables in docs/evaluation.md those of docs/evaluation.json, the results.json of a run on a GPU.

  evaluation_tables.py --update [RESULTS [RESULTS]...]   rewrite the tables; from the first RESULTS, which then becomes docs/evaluation.json,
                                                         and the timings of the others
  evaluation_tables.py --check                           exit 1 where they are not current

Needs the package: PYTHONPATH=build/python.
"""
import json
import os
import pathlib
import re
import sys

from quasim.evaluate import results

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT, RESULTS = ROOT / "docs/evaluation.md", ROOT / "docs/evaluation.json"
BLOCK = re.compile(r"(<!-- evaluation -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def main():
    mode, *files = sys.argv[1:] or [""]
    if mode not in ("--check", "--update") or (files and mode == "--check"):
        sys.exit(__doc__)
    if files:
        first, *others = map(results.read, files)
        first["speed"] = sum((one.get("speed", []) for one in others), first.get("speed", []))
        RESULTS.write_text(json.dumps(first, indent=1) + "\n", encoding="utf-8")
    collection = results.read(RESULTS)
    text = DOCUMENT.read_text(encoding="utf-8")
    if len(BLOCK.findall(text)) != 1:
        sys.exit(f"evaluation_tables: {DOCUMENT}: expected one block between its marks")
    wanted = BLOCK.sub(lambda match: match[1] + results.document(collection) + match[3], text)
    if mode == "--update":
        temporary = DOCUMENT.with_suffix(".part")
        temporary.write_text(wanted, encoding="utf-8")
        os.replace(temporary, DOCUMENT)
    elif wanted != text:
        sys.exit("evaluation_tables: docs/evaluation.md is not what docs/evaluation.json says; run scripts/evaluation_tables.py --update")
    print(f"evaluation_tables: {len(collection['runs'])} rows {'written' if mode == '--update' else 'match'}")


if __name__ == "__main__":
    main()
