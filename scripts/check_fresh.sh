#!/usr/bin/env bash
# Does the README work on a machine that has never seen the project? Makes an empty Debian 12 beside the running system, copies the
# committed files into it, and runs the README's two commands there with nothing else present. Needs root (for chroot and mounts,
# which end with this script), mmdebstrap or debootstrap, and the package registry that apt is configured with.
#   check_fresh.sh            both commands, then every command of the docs that installs something
#   check_fresh.sh --user     the same as an ordinary user with sudo, in a path with spaces
#   check_fresh.sh --quick    set-up, configuration, one small target and its test
# Exit code: 0 all of it passes; 1 it does not; 77 an empty system cannot be made here, and why.
# The base system is kept for a week in ${XDG_CACHE_HOME:-~/.cache}/quasim, the logs in build/fresh (or $QUASIM_BUILD_DIR/fresh).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
release=bookworm
form=full
user=root
for argument in "$@"; do
  case $argument in
    --quick) form=quick ;;
    --user) user=visitor ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done

say() { echo "check_fresh: $*" >&2; }
cannot() {
  say "an empty system cannot be made here: $*"
  exit 77
}
[[ $(id -u) == 0 ]] || cannot "it takes root (sudo $0)"
if ! command -v mmdebstrap >/dev/null && ! command -v debootstrap >/dev/null; then
  cannot "neither mmdebstrap nor debootstrap is installed"
fi
# The rest runs with mounts and processes of its own, which the kernel ends with it; here only the directory is left to remove.
if [[ -z ${QUASIM_FRESH_SYSTEM:-} ]]; then
  unshare --mount --pid --fork true 2>/dev/null || cannot "unshare is not permitted"
  QUASIM_FRESH_SYSTEM=$(mktemp -d "${TMPDIR:-/var/tmp}/quasim-fresh.XXXXXX")
  export QUASIM_FRESH_SYSTEM
  trap 'rm -rf --one-file-system "$QUASIM_FRESH_SYSTEM"' EXIT
  unshare --mount --pid --fork --kill-child "${BASH_SOURCE[0]}" "$@" &
  trap 'kill $!; wait $! || true; exit 143' TERM INT HUP
  status=0
  wait $! || status=$?
  exit "$status"
fi

system=$QUASIM_FRESH_SYSTEM
logs=${QUASIM_BUILD_DIR:-$root/build}/fresh
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/quasim
mkdir -p "$logs" "$cache"

# The registry and its settings are those of the system's own apt, where that is a Debian.
sources() {
  local found
  found=$(apt-get indextargets --format '$(ORIGIN) deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
    grep -E "^Debian .* $release(-updates|-security)? " | cut -d ' ' -f 2- | sort -u || true)
  echo "${found:-deb http://deb.debian.org/debian $release main}"
}
settings() {
  apt-config dump 2>/dev/null | grep -E '^Acquire::(https?|Check-Valid-Until|Check-Date|Retries)\b' | grep -vE ' "";$' || true
}

base_system() {
  local sources tarball
  sources=$(sources)
  tarball=$cache/$release-$(printf '%s\n' "$sources" "$(settings)" | sha256sum | cut -c 1-16).tar
  if [[ -z $(find "$tarball" -mtime -7 2>/dev/null) ]]; then
    say "making an empty Debian ($release)"
    if command -v mmdebstrap >/dev/null; then
      mmdebstrap --quiet --format=tar --variant=apt --include=ca-certificates "$release" "$tarball.$$" - <<<"$sources"
    else
      debootstrap --variant=minbase --include=ca-certificates "$release" "$system/base" \
        "$(awk '$3 == "'"$release"'" {print $2; exit}' <<<"$sources")" &&
        tar -C "$system/base" -cf "$tarball.$$" . && rm -rf "${system:?}/base"
    fi >"$logs/base.log" 2>&1 || { tail -n 20 "$logs/base.log" >&2; rm -f "$tarball.$$"; cannot "the base system failed (log: $logs/base.log)"; }
    mv "$tarball.$$" "$tarball"
  fi
  tar -C "$system" -xf "$tarball"
  rm -rf "$system"/etc/apt/sources.list "$system"/etc/apt/sources.list.d/*
  printf '%s\n' "$sources" >"$system/etc/apt/sources.list"
  settings >"$system/etc/apt/apt.conf.d/99registry"
}

# What it takes to reach the registries, and nothing else of the system around.
network() {
  local file
  for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
    if [[ -f $file ]]; then cp -L "$file" "$system$file"; fi
  done
  echo 'APT::Install-Recommends "false";' >"$system/etc/apt/apt.conf.d/99lean"
}
mounts() {
  local device
  mount -t proc proc "$system/proc"
  mount -t tmpfs tmpfs "$system/dev"
  for device in null zero full random urandom tty; do
    touch "$system/dev/$device"
    mount --bind "/dev/$device" "$system/dev/$device"
  done
  mkdir -m 1777 "$system/dev/shm"
  ln -s /proc/self/fd "$system/dev/fd"
  for device in stdin:0 stdout:1 stderr:2; do ln -s "/proc/self/fd/${device#*:}" "$system/dev/${device%:*}"; done
}

# inside COMMAND...: in the empty system, as the user, with an environment of its own.
home=/root
checkout=$home/quasim
inside() {
  local environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME="$home" LANG=C.UTF-8) name
  for name in http_proxy https_proxy no_proxy PIP_INDEX_URL PIP_CERT PIP_DEFAULT_TIMEOUT SSL_CERT_FILE; do
    if [[ -n ${!name:-} ]]; then environment+=("$name=${!name}"); fi
  done
  chroot --userspec="$user" "$system" env -i "${environment[@]}" bash -c 'cd "$0" && exec "$@"' "$checkout" "$@"
}

# timed NAME COMMAND...: runs it with its output in a log; says how long it took; ends the check when it fails.
timed() {
  local name=$1 log=$logs/$form.$1.log begin=$SECONDS status=0 cpu
  shift
  say "$name: $* (log: $log)"
  cpu=$({ TIMEFORMAT='%U %S'; time inside "$@" </dev/null >"$log" 2>&1 || status=$?; } 2>&1; exit "$status") || status=$?
  cpu=$(awk '{printf "%.0f", $1 + $2}' <<<"$cpu")
  if [[ $status != 0 ]]; then
    tail -n 60 "$log" >&2
    say "FAIL: $name ended with $status after $((SECONDS - begin)) s"
    exit 1
  fi
  say "$name: passes after $((SECONDS - begin)) s ($cpu s of processor time)"
}
# The n-th command of README's first screen.
readme_command() { grep -E '^    \./scripts/' "$root/README.md" | sed -n "$1"'{s/^ *//; s/ *#.*//; p}'; }

base_system
network
mounts
if [[ $user != root ]]; then
  home="/home/a visitor"
  checkout="$home/some work/quasim"
  user=root home=/root checkout=/ inside sh -c "apt-get update -qq && apt-get install -y -qq sudo" >"$logs/sudo.log" 2>&1
  chroot "$system" useradd --create-home --home-dir "$home" --shell /bin/bash "$user"
  echo "$user ALL=(ALL) NOPASSWD: ALL" >"$system/etc/sudoers.d/$user"
fi
mkdir -p "$system$checkout"
git -c safe.directory='*' -C "$root" archive HEAD | tar -C "$system$checkout" -xf -
chroot "$system" chown -R "$user:" "$home"
if [[ -n $(git -c safe.directory='*' -C "$root" status --porcelain) ]]; then say "only what is committed is checked"; fi

if [[ $form == quick ]]; then
  timed build ./scripts/build.sh --tests round_clamp_test
  timed test ctest --test-dir build --no-tests=error --output-on-failure -R '^spec\.round_clamp\.'
else
  timed run bash -c "$(readme_command 1)"
  # printed twice, before and after the other verbs are built
  table=$(grep -E '^vectors/bookmamba/layer[0-9]{2} .* exact ' "$logs/full.run.log" | sort -u | wc -l || true)
  say "first table: $(grep -oE '[0-9]+ s after the start' "$logs/full.run.log" || true)"
  if [[ $table != 24 ]]; then say "FAIL: $table of 24 rows, twelve layers in two dataflows, in the table of $(readme_command 1)"; exit 1; fi
  timed tests bash -c "$(readme_command 2)"
  timed docs /usr/bin/python3 testbench/tests/docs/quoted_commands.py . --installs
  grep -A 20 'tests passed' "$logs/full.tests.log" >&2
  skipped=$(sed -n '/did not run:/,$p' "$logs/full.tests.log" | grep -oE '[a-z_0-9.]+ \((Skipped|Not Run|Disabled)\)' | grep -v '^prove.certify.mamba130m ' || true)
  if [[ -n $skipped ]]; then say "FAIL: skipped although everything can be had here: $skipped"; exit 1; fi
fi
say "PASS: $form${user:+, as $user}"
