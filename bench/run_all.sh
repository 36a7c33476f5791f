#!/usr/bin/env bash
# usage: run_all.sh BUILD_DIRECTORY   Runs every benchmark, one after the other, and gathers their figures in
# BUILD_DIRECTORY/bench/*.json. The exit status is 1 if one of them failed; the others still run.
set -u
build=$1
results=$build/bench
failed=0
measure() {
  echo
  echo "== $1"
  shift
  "$@" || { echo "failed: $*" >&2; failed=1; }
}
measure "compute: native, tine, qemu-user" \
  "$results/compute/compute" --tine "$build/tine" --json "$results/compute.json"
measure "fork" "$results/fork/bench_fork" --tine "$build/tine" --json "$results/fork.json"
measure "fork with copied page tables" "$results/fork/bench_fork" --tine "$build/tine" \
  --tine-option=--page-tables=copied --children 1000 --json "$results/fork-copied.json"
measure "fork of a box" "$results/box/bench_box" --json "$results/box.json"
for layer in memory cpu; do
  if [ -x "$results/bench_$layer" ]; then
    measure "$layer/ alone" "$results/bench_$layer" --benchmark_out_format=json \
      --benchmark_out="$results/$layer.json"
  fi
done
echo
echo "the figures: $results/*.json"
exit $failed
