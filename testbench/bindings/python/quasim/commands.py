"""What every command of the package has in common: its exit codes, the refusal of a wrong command line, and one line for what is wrong."""

import argparse
import os
import pathlib
import signal
import sys

from .refusal import Refusal, printable

AGREE, DIFFER, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Ended(BaseException):
    """A signal asks the command to end; what it has begun to write goes on the way out."""


def end(number, _frame):
    raise Ended(number)


def named_path(text):
    """A path of an option; an empty text is none."""
    if not text:
        raise argparse.ArgumentTypeError("an empty name")
    return pathlib.Path(text)


class Parser(argparse.ArgumentParser):
    """Refuses a wrong command line in one line."""

    def error(self, message):
        raise Refusal("", "", f"other arguments ({self.prog} --help)", message)


def run_command(verb, run_verb, arguments=None):
    """run_verb(arguments) as a command: its exit code, and one line on stderr for whatever is wrong."""
    ours = [number for number in ENDING_SIGNALS if signal.getsignal(number) == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, end)
    try:
        code = run_verb(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return code
    except Refusal as refusal:
        message = str(refusal)
    except MemoryError:
        message = "out of memory"
    except BrokenPipeError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        message = f"standard output: cannot write: {error.strerror}"
    except Ended as ended:
        signal.signal(ended.args[0], signal.SIG_DFL)
        sys.stdout.flush()
        os.kill(os.getpid(), ended.args[0])
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        message = printable(f"{error.filename or 'file'}: {error.strerror}")
    except Exception as error:  # a fault of this program; one line all the same
        message = printable(f"{verb} failed: {type(error).__name__}: {error}")
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
    sys.stderr.write(f"quasim: {message}\n".encode("utf-8", "backslashreplace").decode("utf-8"))
    return BAD_INPUT
