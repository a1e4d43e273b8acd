# Sourced by `tests/run --install`: brings node, a registry, a browser, a Docker Engine, compose and
# Prometheus.
#
# Debian's packages, as root. Engine and Prometheus are unpacked into a cache outside the checkout
# and never installed, so that no service of the machine starts or changes. Debian 12's own engine
# is too old to push images; there it is taken from the next release, by the machine's own mirror
# and keys.

: "${root:?}"

heavy_cache="${XDG_CACHE_HOME:-$HOME/.cache}/pushline"

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
  for needed in runc:runc iptables:iptables ip:iproute2 busybox:busybox-static; do
    command -v "${needed%%:*}" >/dev/null 2>&1 || wanted="$wanted ${needed#*:}"
  done
  if [ -n "$wanted" ]; then
    # shellcheck disable=SC2086 # a list of words
    apt_install $wanted || say "some heavy tests will skip"
  fi
  unpack engine docker.io containerd || say "no engine; its tests will skip"
  unpack compose docker-compose || say "no docker compose; its test will skip"
  command -v prometheus >/dev/null 2>&1 || unpack prometheus prometheus ||
    say "no prometheus; nobody scrapes our metrics, nobody checks the rules"
  unpack buildx docker-buildx || say "no docker buildx; nothing to compare our client with"
}

# Download packages and unpack them into a folder of the cache, unless it has a stamp already.
unpack() {
  unpacked="$heavy_cache/$1"
  [ ! -e "$unpacked/stamp" ] || return 0
  say "downloads $1 into $unpacked"
  shift
  rm -rf "$unpacked" && mkdir -p "$unpacked/lists/partial" "$unpacked/root" || return 1
  (cd "$unpacked" && download "$@") </dev/null >"$unpacked/log" 2>&1 || {
    tail -n 15 "$unpacked/log" >&2
    return 1
  }
  for package in "$unpacked"/*.deb; do
    dpkg-deb -x "$package" "$unpacked/root" || return 1
    rm -f "$package"
  done
  rm -rf "$unpacked/lists" && : >"$unpacked/stamp"
}

# Download packages into the current folder, from the next release where this is Debian 12.
download() {
  # shellcheck disable=SC1091
  . /etc/os-release
  if [ "${ID-}:${VERSION_ID-}" != debian:12 ]; then
    apt-get -q download "$@"
    return
  fi
  mirror=$(cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list \
    /etc/apt/sources.list 2>/dev/null | awk '
      $1 == "URIs:" && $2 ~ /\/debian\/?$/ { print $2; exit }
      $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /\/debian\/?$/) { print $i; exit } }')
  [ -n "$mirror" ] || { echo "no Debian mirror among the machine's apt sources"; return 1; }
  keys=/usr/share/keyrings/debian-archive-keyring.gpg
  echo "deb [signed-by=$keys] $mirror trixie main" >sources.list
  next_release -q update && next_release -q download "$@"
}

# Run apt-get for the next release alone, with its state in the current folder.
next_release() {
  apt-get -o "Dir::Etc::SourceList=$PWD/sources.list" -o Dir::Etc::SourceParts=- \
    -o "Dir::State::Lists=$PWD/lists" -o Dir::State::status=/dev/null \
    -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache=" -o APT::Sandbox::User=root "$@"
}
