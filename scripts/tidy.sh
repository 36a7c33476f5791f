#!/usr/bin/env bash
# clang-tidy, with the flags of BUILD/compile_commands.json; every warning is an error. One source takes 5 to 15
# seconds of a processor, so it is not for all of them each time.
# usage: tidy.sh BUILD PATH...                  the sources in these folders or with these names
#        tidy.sh BUILD --changed-since COMMIT   the sources of src/ that differ from COMMIT, committed or not, and
#                                               those that include a header that does
set -euo pipefail
shopt -s inherit_errexit # an unknown commit must not read as "nothing changed"
cd "$(dirname "$0")/.."
build=$1
shift

# Prints what differs from a commit's last common ancestor with HEAD, and the sources that include it.
changed_since() {
  local base name
  base=$(git merge-base "$1" HEAD)
  {
    git diff --name-only --diff-filter=d "$base" -- src include
    git ls-files --others --exclude-standard -- src include
  } | while read -r name; do
    case $name in
    *.cc) echo "$name" ;;
    *.hpp | *.def) git grep -l --untracked "#include [<\"]${name#*/}[\">]" -- 'src/*.cc' || true ;;
    esac
  done
}

if [[ ${1:?} == --changed-since ]]; then
  names=$(changed_since "$2")
else
  names=$(git ls-files --cached --others --exclude-standard -- "$@" | grep '[.]cc$') ||
    { echo "no sources: $*" >&2; exit 1; }
fi
mapfile -t files < <(sort -u <<<"$names" | sed '/^$/d')
echo "clang-tidy: ${#files[@]} sources"
[[ ${#files[@]} -gt 0 ]] || exit 0
printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "${JOBS:-$(nproc)}" clang-tidy -p "$build" --quiet --warnings-as-errors='*' 2> \
    >(grep -v 'warnings\? generated\|^[0-9]* warnings\? treated' >&2)
