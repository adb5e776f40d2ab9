"""What every command of the package has in common: its exit codes, the refusal of a wrong command line, and one line for what is wrong."""

import argparse
import os
import sys

from .refusal import Refusal, printable

AGREE, DIFFER, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


class Parser(argparse.ArgumentParser):
    """Refuses a wrong command line in one line."""

    def error(self, message):
        raise Refusal("", "", f"other arguments ({self.prog} --help)", message)


def run_command(verb, run_verb, arguments=None):
    """run_verb(arguments) as a command: its exit code, and one line on stderr for whatever is wrong."""
    try:
        code = run_verb(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return code
    except Refusal as refusal:
        message = str(refusal)
    except MemoryError:
        message = "out of memory"
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return AGREE
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        message = printable(f"{error.filename or 'file'}: {error.strerror}")
    except Exception as error:  # a fault of this program; one line all the same
        message = printable(f"{verb} failed: {type(error).__name__}: {error}")
    sys.stderr.write(f"quasim: {message}\n".encode("utf-8", "backslashreplace").decode("utf-8"))
    return BAD_INPUT
