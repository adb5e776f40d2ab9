"""Programs from PyPI in a virtual environment of the build. Exit 77 (the test is skipped) where PyPI cannot be reached."""
import pathlib
import subprocess
import sys

SKIPPED = 77


def venv_with(folder, *requirements):
    """The folder of the programs of these packages."""
    folder = pathlib.Path(folder)
    stamp = folder / "requirements.txt"
    wanted = "\n".join(requirements) + "\n"
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        done = subprocess.run([folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *requirements], capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"skipped: pip install {' '.join(requirements)}: {done.stderr.strip()[-300:]}")
            sys.exit(SKIPPED)
        stamp.write_text(wanted)
    return folder / "bin"
