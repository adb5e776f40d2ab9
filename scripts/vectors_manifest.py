#!/usr/bin/env python3
"""vectors/manifest.json: every file under vectors/ with its size and SHA-256.

  vectors_manifest.py --update   rewrite the manifest
  vectors_manifest.py --check    exit 1 and name the first file that is missing, new or different, or over the size limits
"""
import argparse
import hashlib
import json
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
VECTORS = ROOT / "vectors"
MANIFEST = VECTORS / "manifest.json"
MAX_FILE_BYTES = 5 << 20
MAX_TOTAL_BYTES = 40 << 20


def scan():
    files = {}
    for path in sorted(VECTORS.rglob("*")):
        if path.is_file() and path != MANIFEST:
            data = path.read_bytes()
            files[path.relative_to(VECTORS).as_posix()] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true")
    mode.add_argument("--update", action="store_true")
    args = parser.parse_args()
    files = scan()
    total = sum(entry["bytes"] for entry in files.values())
    for name, entry in files.items():
        if entry["bytes"] > MAX_FILE_BYTES:
            sys.exit(f"vectors_manifest: {name} has {entry['bytes']} bytes; the limit is {MAX_FILE_BYTES}")
    if not files or total > MAX_TOTAL_BYTES:
        sys.exit(f"vectors_manifest: {total} bytes in {len(files)} files; expected some, and at most {MAX_TOTAL_BYTES}")
    if args.update:
        temporary = MANIFEST.with_suffix(".tmp")
        temporary.write_text(json.dumps({"format": "quasim.manifest/1", "files": files}, indent=1) + "\n")
        os.replace(temporary, MANIFEST)
    else:
        listed = json.loads(MANIFEST.read_text())["files"]
        for name in sorted(files.keys() | listed.keys()):
            if files.get(name) != listed.get(name):
                sys.exit(f"vectors_manifest: {name} is not what the manifest says")
    print(f"vectors_manifest: {len(files)} files, {total} bytes {'listed' if args.update else 'match'}")


if __name__ == "__main__":
    main()
