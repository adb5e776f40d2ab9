"""Where a command's output goes: the rules of docs/outputs.md for the verbs in Python. A text is one file; bundles are in importer/bundles.py."""

import os
import pathlib
import stat
import sys
import tempfile

from .refusal import Refusal

STANDARD_OUTPUT = "-"


def real(path) -> pathlib.Path:
    """Where a path leads, through links and dots, whether it is there or not."""
    return pathlib.Path(os.path.realpath(path))


def require_unread(path, read):
    """Raises Refusal where the output is one of the files that the command reads, or a folder that one of them lies in."""
    target = real(path)
    for file in (real(file) for file in read if file is not None):
        if target == file or target in file.parents:
            raise Refusal(path, "-o", "another place than what is read", file)


def goes_to_stdout(path) -> bool:
    """Whether an output is standard output, by its sign or under whatever name."""
    if str(path) == STANDARD_OUTPUT:
        return True
    try:
        return os.path.samestat(os.stat(path), os.fstat(sys.stdout.fileno())) and not stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def write_text(path, content):
    """The file whole or not at all; a link's target and a file's permissions stay, a device or FIFO is written through. Behind
    require_unread, where the command reads files. Raises Refusal."""
    target = real(path)
    try:
        mode = os.stat(target).st_mode if target.exists() else None
        if mode is not None and (stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)):
            with open(target, "w", encoding="utf-8") as file:
                file.write(content)
            return
        if mode is not None and not stat.S_ISREG(mode):
            raise Refusal(path, "-o", "a file", "a folder" if stat.S_ISDIR(mode) else "a socket or a block device")
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(content)
            os.chmod(temporary, 0o666 & ~current_umask() if mode is None else stat.S_IMODE(mode))
            os.replace(temporary, target)
        except BaseException:
            pathlib.Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise Refusal(path, "-o", "a place that can be written", error.strerror or error) from None


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
