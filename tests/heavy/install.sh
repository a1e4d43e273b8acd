# Sourced by `tests/run --install`: brings node, a registry, a browser and a Docker Engine.
#
# Debian's packages, as root. The engine is unpacked into a cache outside the checkout and never
# installed, so that no service of the machine starts or changes. Debian 12's own engine is too old
# to push images; there it is taken from the next release, by the machine's own mirror and keys.

: "${root:?}"

engine_cache="${XDG_CACHE_HOME:-$HOME/.cache}/pushline/engine"

# Get everything that is missing; what cannot be had is said, and its tests skip.
install_heavy() {
  if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
    say "--install brings Debian packages and needs root; going on with what is here"
    return 0
  fi
  wanted=
  command -v node >/dev/null 2>&1 || wanted="$wanted nodejs"
  command -v docker-registry >/dev/null 2>&1 || wanted="$wanted docker-registry"
  command -v chromium >/dev/null 2>&1 || wanted="$wanted chromium"
  command -v busybox >/dev/null 2>&1 || wanted="$wanted busybox-static"
  for needed in runc:runc iptables:iptables ip:iproute2 busybox:busybox-static; do
    command -v "${needed%%:*}" >/dev/null 2>&1 || wanted="$wanted ${needed#*:}"
  done
  if [ -n "$wanted" ]; then
    # shellcheck disable=SC2086 # a list of words
    apt_install $wanted || say "some heavy tests will skip"
  fi
  [ -e "$engine_cache/stamp" ] || unpack_engine || say "no engine; its tests will skip"
}

# Download docker.io and containerd and unpack them into the cache; the stamp comes last.
unpack_engine() {
  say "downloads a Docker Engine into $engine_cache"
  rm -rf "$engine_cache" && mkdir -p "$engine_cache/lists/partial" "$engine_cache/root" || return 1
  enginelog="$engine_cache/log"
  (cd "$engine_cache" && fetch_engine) </dev/null >"$enginelog" 2>&1 || {
    tail -n 15 "$enginelog" >&2
    return 1
  }
  for package in "$engine_cache"/*.deb; do
    dpkg-deb -x "$package" "$engine_cache/root" || return 1
    rm -f "$package"
  done
  rm -rf "$engine_cache/lists" && : >"$engine_cache/stamp"
}

# Download the two packages into the current folder, from the next release where this is Debian 12.
fetch_engine() {
  # shellcheck disable=SC1091
  . /etc/os-release
  if [ "${ID-}:${VERSION_ID-}" != debian:12 ]; then
    apt-get -q download docker.io containerd
    return
  fi
  mirror=$(cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list \
    /etc/apt/sources.list 2>/dev/null | awk '
      $1 == "URIs:" && $2 ~ /\/debian\/?$/ { print $2; exit }
      $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /\/debian\/?$/) { print $i; exit } }')
  [ -n "$mirror" ] || { echo "no Debian mirror among the machine's apt sources"; return 1; }
  keys=/usr/share/keyrings/debian-archive-keyring.gpg
  echo "deb [signed-by=$keys] $mirror trixie main" >sources.list
  set -- -o "Dir::Etc::SourceList=$engine_cache/sources.list" -o Dir::Etc::SourceParts=- \
    -o "Dir::State::Lists=$engine_cache/lists" -o Dir::State::status=/dev/null \
    -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache=" -o APT::Sandbox::User=root
  apt-get -q "$@" update && apt-get -q "$@" download docker.io containerd
}
