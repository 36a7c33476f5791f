#!/usr/bin/env bash
# Prints the names in tests/known_failures.txt as a regular expression for ctest.
set -euo pipefail
cd "$(dirname "$0")/.."
names=$(sed -n 's/^\([a-z_0-9]*\): .*/\1/p' tests/known_failures.txt | paste -sd '|')
echo "^(${names:-none})\$"
