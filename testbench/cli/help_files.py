#!/usr/bin/env python3
"""Writes the man page and the shell completions from what `quasim --help` says, so that they cannot say anything else.

  help_files.py QUASIM DIRECTORY      writes quasim.1, quasim.bash and _quasim into DIRECTORY
"""
import pathlib
import re
import subprocess
import sys

OPTION = re.compile(r"^  (?:(-\w),)?(--[\w-]+)( TEXT| INTEGER| NUMBER| FILE| \S+)?")
VERB = re.compile(r"^  (\w+) {2,}(\S.*)$")


def help_of(quasim, *verb):
    return subprocess.run([quasim, *verb, "--help"], check=True, capture_output=True, text=True).stdout.rstrip("\n")


def verbs_of(text):
    """(verb, what it does) from the list under "Subcommands:"."""
    rows = [VERB.match(line) for line in text.partition("Subcommands:\n")[2].splitlines()]
    found = []
    for row in rows:
        if row is None:
            break
        found.append(row.groups())
    return found


def options_of(text):
    """(names, whether a value follows, description) of every option."""
    found = []
    lines = text.splitlines()
    for line, after in zip(lines, [*lines[1:], ""]):
        option = OPTION.match(line)
        if option:
            names = [name for name in option.group(1, 2) if name]
            described = re.split(r" {2,}", line.strip(), maxsplit=1)  # a long option has its description on the next line
            found.append((names, option.group(3) is not None, described[1] if len(described) > 1 else after.strip()))
    return found


def roff(text):
    """Text as it stands, safe from roff: no escapes, no requests."""
    lines = text.replace("\\", "\\e").replace("-", "\\-").splitlines()
    return "\n".join("\\&" + line if line[:1] in ".'" else line for line in lines)


def man_page(version, top, pages):
    head, _, rest = top.partition("\n")
    out = [f'.TH QUASIM 1 "" "quasim {version}" "User Commands"', ".SH NAME", roff("quasim - " + head.partition(": ")[2]),
           ".SH SYNOPSIS", ".B quasim", roff("VERB BUNDLE... [OPTIONS]"), ".SH DESCRIPTION",
           roff("Every verb takes layer bundles, prints results on stdout and everything else on stderr."), ".PP", ".nf", roff(rest.strip("\n")), ".fi"]
    for verb, page in pages:
        out += [f".SH QUASIM {verb.upper()}", ".nf", roff(page), ".fi"]
    return "\n".join(out) + "\n"


def bash_completion(verbs, options):
    cases = "\n".join(f"    {verb}) words='{' '.join(n for names, _, _ in options[verb] for n in names)}' ;;" for verb, _ in verbs)
    return f"""# Completion of the quasim command for bash.
_quasim() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} words
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W '{" ".join(v for v, _ in verbs)} --help --version' -- "$word")
    return
  fi
  case ${{COMP_WORDS[1]}} in
{cases}
    *) words=--help ;;
  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  else
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}}
complete -F _quasim quasim
"""


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def zsh_completion(verbs, options):
    described = "\n".join(f"    {quoted(verb + ':' + text.replace(':', chr(92) + ':'))}" for verb, text in verbs)
    cases = []
    for verb, _ in verbs:
        specs = []
        for names, valued, text in options[verb]:
            text = re.sub(r"([\[\]:\\])", r"\\\1", text)
            specs += [quoted(f"{name}[{text}]" + (":value:_files" if valued else "")) for name in names]
        cases.append(f"    {verb}) _arguments {' '.join(specs)} '*:bundle:_files' ;;")
    return f"""#compdef quasim
# Completion of the quasim command for zsh.
_quasim() {{
  local -a verbs=(
{described}
  )
  if ((CURRENT == 2)); then
    _describe verb verbs
    return
  fi
  local verb=$words[2]
  shift words
  ((CURRENT--))
  case $verb in
{chr(10).join(cases)}
    *) _files ;;
  esac
}}
_quasim "$@"
"""


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    quasim, directory = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    version = subprocess.run([quasim, "--version"], check=True, capture_output=True, text=True).stdout.split()[-1]
    top = help_of(quasim)
    verbs = verbs_of(top)
    pages = [(verb, help_of(quasim, verb)) for verb, _ in verbs]
    options = {verb: options_of(page) for verb, page in pages}
    if not verbs or not all(options.values()):
        sys.exit("help_files: the help of quasim has another form than expected")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "quasim.1").write_text(man_page(version, top, pages))
    (directory / "quasim.bash").write_text(bash_completion(verbs, options))
    (directory / "_quasim").write_text(zsh_completion(verbs, options))


if __name__ == "__main__":
    main()
