#!/usr/bin/env bash
# Installs what tine needs to be built (default), tested and measured on Debian 12.
# usage: install_dependencies.sh [build|all]     all (default): the programs that the tests run, too
set -euo pipefail

build_packages=(
  g++ cmake ninja-build ccache make
  libzydis-dev libzstd-dev libcli11-dev libfmt-dev nlohmann-json3-dev robin-map-dev
  libgtest-dev libbenchmark-dev
)
# The programs that tests/apps and bench/ run, and the tools of `make lint` and the sanitizers.
test_packages=(
  clang clang-format clang-tidy python3 qemu-user busybox-static
  bash dash coreutils findutils tar gzip xz-utils zstd grep sed gawk perl lua5.4 git gcc sqlite3 jq bc
  openssl nodejs strace gdb bubblewrap stress-ng procps diffutils file fzf ripgrep pkg-config
)

wanted=("${build_packages[@]}")
[[ ${1:-all} == build ]] || wanted+=("${test_packages[@]}")

# Prints the packages that are not installed; one dpkg-query for all, so that a no-op costs milliseconds.
missing_packages() {
  local installed
  installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' "${wanted[@]}" 2>/dev/null |
    sed -n 's/^ii  //p' || true)
  comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) <(printf '%s\n' "$installed" | sort -u)
}

mapfile -t missing < <(missing_packages)
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $(id -u) != 0 ]]; then
  if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
  else
    echo "tine needs these Debian packages; as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
fi

echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
  "${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}" >"$log" 2>&1
}
# A machine that was never updated knows no packages; one that was may know removed versions.
if ! install; then
  "${as_root[@]}" apt-get update -q >"$log" 2>&1 && install || {
    tail -20 "$log" >&2
    echo "could not install: ${missing[*]}" >&2
    exit 1
  }
fi
