# Sourced by deploy/pushline and tests/run, which set $root, the checkout: what the machine must
# have, and our virtual environment.
#
# The environment lies in .venv/ of the checkout (or, where that cannot be written, in the user's
# cache), under the hash of its requirements. A stamp, written last, says that it is whole; a lock
# keeps two first starts apart. Its Python is the versioned one (python3.11, not python3), so that
# an upgrade of the machine leaves a dangling link and is seen. The checkout stands on its path by
# a .pth file: nothing is built, and a program's children find our packages, too.
# When all is in place this file starts one process: sha256sum.

: "${root:?}"

say() { printf 'pushline: %s\n' "$*" >&2; }

# Name the Debian packages that are missing, if any.
missing_packages() {
  command -v git >/dev/null 2>&1 || printf ' git'
  if ! find_python; then
    printf ' python3 python3-venv'
  elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    printf ' python3-venv'
  fi
}

# Set $python to a Python of at least 3.11, by the name that carries its version.
find_python() {
  for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    python=$("$candidate" -c 'import os, sys
base = os.path.realpath(sys._base_executable)
named = "%s/python%d.%d" % (os.path.dirname(base), *sys.version_info[:2])
print(named if os.access(named, os.X_OK) else base)
sys.exit(sys.version_info < (3, 11))' 2>/dev/null) && return 0
  done
  return 1
}

# Install packages: $1 is "--install", or a person at the terminal says y.
install_packages() {
  answer=$1
  shift
  if ! command -v apt-get >/dev/null 2>&1; then
    say "needed and not here: $* (Debian's names)."
    say "Fedora: dnf install git python3   Alpine: apk add git python3   Arch: pacman -S git python"
    return 1
  fi
  if [ "$(id -u)" != 0 ]; then
    say "needed and not here: $*. Get it with: sudo apt-get install -y $*"
    return 1
  fi
  if [ "$answer" != --install ] && [ -t 0 ] && [ -t 2 ]; then
    printf 'pushline: needed and not here: %s. Install now with apt-get? [y/N] ' "$*" >&2
    read -r reply || reply=n
    case $reply in y | Y | yes) answer=--install ;; esac
  fi
  if [ "$answer" != --install ]; then
    say "needed and not here: $*. Get it with: apt-get install -y $*  (or run again with --install)"
    return 1
  fi
  apt_install "$@"
}

# Install Debian packages quietly; on failure show why.
apt_install() {
  aptlog=$(mktemp)
  say "apt-get installs: $*"
  if { apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y --no-install-recommends install "$@"; } </dev/null >"$aptlog" 2>&1; then
    rm -f "$aptlog"
    return 0
  fi
  tail -n 15 "$aptlog" >&2
  rm -f "$aptlog"
  say "apt-get failed; its last lines stand above."
  return 1
}

# Run pip ($3 …, its output to $2) with one line of progress; on failure show its last lines.
quietly() {
  what=$1 pipelog=$2
  shift 2
  began=$(date +%s)
  [ -t 2 ] || say "$what …"
  "$@" </dev/null >"$pipelog" 2>&1 &
  child=$!
  # A shell starts background commands deaf to Ctrl-C; pass it on.
  trap 'kill "$child" 2>/dev/null; exit 130' INT
  trap 'kill "$child" 2>/dev/null; exit 143' TERM HUP
  if [ -t 2 ]; then
    while kill -0 "$child" 2>/dev/null; do
      done_now=$(grep -c '^Collecting' "$pipelog" || :)
      printf '\rpushline: %s: %s begun, %s s ' "$what" "$done_now" $(($(date +%s) - began)) >&2
      sleep 0.2
    done
    printf '\n' >&2
  fi
  code=0
  wait "$child" || code=$?
  trap - INT TERM HUP
  [ "$code" = 0 ] && return 0
  tail -n 15 "$pipelog" >&2
  say "that failed (exit $code); its last lines stand above, all of it in $pipelog"
  return 1
}

# Make the environment $1 from the requirements $2; nothing happens where another just made it.
make_environment() {
  exec 9>"$1.lock"
  # The lock belongs to the open file, which this shell shares with the child that takes it.
  "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)' || return 1
  is_whole "$1" || fill_environment "$1" "$2" || return 1
  exec 9>&-
}

# The making itself, begun afresh: what an interrupted start left is thrown away.
fill_environment() {
  rm -rf "$1" && "$python" -m venv "$1" || return 1
  quietly "first start, installs $(grep -c '==' "$2") packages" "$1/pip.log" \
    "$1/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off \
    --no-compile --require-hashes --no-deps -r "$2" || return 1
  for site in "$1"/lib/python3.*/site-packages; do
    printf '%s\n' "$root" >"$site/pushline.pth" || return 1
  done
  printf '%s\n' "$root" >"$1/stamp.new" && mv "$1/stamp.new" "$1/stamp"
}

# Tell whether the environment $1 was finished, for this very checkout, and its Python is there.
is_whole() {
  [ -x "$1/bin/python" ] && [ -r "$1/stamp" ] && read -r made_for <"$1/stamp" &&
    [ "$made_for" = "$root" ]
}

# Set $venv to the environment called $1 with requirements $2, made if need be; $3: --install or "".
environment() {
  hash=$(sha256sum <"$2")
  hash=${hash%% *}
  venv="$1-${hash%"${hash#????????????}"}${PYTHON:+-${PYTHON##*/}}"
  if mkdir -p "$root/.venv" 2>/dev/null && [ -w "$root/.venv" ]; then
    venv="$root/.venv/$venv"
  else
    cache="${XDG_CACHE_HOME:-$HOME/.cache}/pushline"
    place=$(printf '%s' "$root" | sha256sum)
    mkdir -p "$cache"
    venv="$cache/$venv-${place%"${place#????????}"}"
  fi
  unset PYTHONPATH PYTHONHOME
  is_whole "$venv" && command -v git >/dev/null 2>&1 && return 0
  missing=$(missing_packages)
  if [ -n "$missing" ]; then
    # shellcheck disable=SC2086 # a list of words
    install_packages "$3" $missing || return 1
  fi
  find_python || { say "Python 3.11 or newer is needed; PYTHON=… names one."; return 1; }
  make_environment "$venv" "$2"
}
