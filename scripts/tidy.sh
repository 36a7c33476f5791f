#!/usr/bin/env bash
# clang-tidy over src/, with the flags of BUILD/compile_commands.json; every warning is an error.
# usage: tidy.sh BUILD [FILE...]     FILE...: only these; default: all of src/
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
shift || true
files=("$@")
[[ ${#files[@]} -gt 0 ]] || mapfile -t files < <(git ls-files 'src/*.cc')
printf '%s\0' "${files[@]}" |
  xargs -0 -r -n 1 -P "$(nproc)" clang-tidy -p "$build" --quiet --warnings-as-errors='*' 2> \
    >(grep -v 'warnings generated' >&2)
