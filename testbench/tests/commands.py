"""How a test that is a script runs a command."""
import os
import subprocess


def run(*words, cwd=None, **variables):
    """Exit code and output as text; the variables are set in its environment."""
    return subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, text=True, check=False,
                          env={**os.environ, **{name: str(value) for name, value in variables.items()}})
