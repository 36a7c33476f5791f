#!/usr/bin/env bash
# Formats every C and C++ source; with --check only says which would change (exit status 1).
set -euo pipefail
cd "$(dirname "$0")/.."
mode=(-i)
[[ ${1:-} != --check ]] || mode=(--dry-run -Werror)
git ls-files --cached --others --exclude-standard '*.cc' '*.hpp' '*.h' '*.c' |
  while IFS= read -r file; do [[ ! -e $file ]] || printf '%s\0' "$file"; done |
  xargs -0 -r -n 40 -P "$(nproc)" clang-format "${mode[@]}"
