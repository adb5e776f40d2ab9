"""Bundles on their way to their folders: every one is written and checked first, beside where they go; then each appears whole."""

import ctypes
import os
import pathlib
import shutil
import tempfile

from ..outputs import real, require_unread
from ..refusal import Refusal

AT_FDCWD, RENAME_EXCHANGE = -100, 2


class Bundles:
    """The bundles of one command. output: the folder that -o names; force: bundles that are there are replaced, goldens included, since
    they are the other layers'; read: the files that the command reads, which are never replaced. Leaving the block without an exception
    puts the bundles in place."""

    def __init__(self, output, force=False, read=()):
        self._output, self._force = pathlib.Path(output), force
        self._read = read
        self._staging, self._waiting = None, []

    def __enter__(self):
        around = real(self._output)
        while around != around.parent and (not around.is_dir() or around == real(self._output)):
            around = around.parent
        try:
            self._staging = pathlib.Path(tempfile.mkdtemp(prefix=f".{real(self._output).name}.", dir=around))
        except OSError as error:
            raise unwritable(self._output, error) from None
        return self

    def add(self, layer, below=()):
        """Takes a layer for the folder `below` the output and returns the folder. Raises Refusal where it must not be written."""
        folder = self._output.joinpath(*below)
        refuse_to_overwrite(folder, self._force)
        target = real(folder)
        require_unread(folder, self._read)
        staged = self._staging / str(len(self._waiting))
        try:
            staged.mkdir(mode=0o755)
            layer.write_files(staged)
        except OSError as error:
            raise unwritable(folder, error) from None
        self._waiting.append((staged, folder, target))
        return folder

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                for staged, folder, target in self._waiting:
                    try:
                        put(staged, target)
                    except OSError as error:
                        raise unwritable(folder, error) from None
        finally:
            shutil.rmtree(self._staging, ignore_errors=True)


def put(staged, target):
    """Gives a folder its name. A folder of that name changes places with it in one step, where the file system can do that."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        os.rename(staged, target)
        return
    exchange = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if exchange is None or exchange(AT_FDCWD, os.fsencode(staged), AT_FDCWD, os.fsencode(target), RENAME_EXCHANGE) != 0:
        aside = staged.with_name(staged.name + ".old")
        os.rename(target, aside)
        os.rename(staged, target)


def unwritable(folder, error):
    return Refusal(folder, "folder", "a place that can be written", error.strerror or error)


def refuse_to_overwrite(directory, force):
    """Raises Refusal where a bundle must not be written."""
    if not directory.exists():
        return
    if not directory.is_dir():
        raise Refusal(directory, "folder", "a new or an empty folder", "a file")
    held = sorted(item.name for item in directory.iterdir())
    if held and not (force and "layer.json" in held):
        hint = ": --force replaces it" if "layer.json" in held else ""
        raise Refusal(directory, "folder", "a new or an empty folder", f"one that holds {held[0]}{hint}")
