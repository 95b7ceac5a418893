#!/usr/bin/env bash
# Runs the benchmarks and prints ratios against a peer measured in the same run. Takes minutes; no
# pass or fail. Needs a plain build in build/ (release is better: meson setup build --buildtype=release).
set -u
cd "$(dirname "$0")/../.." || exit 1
export TRIAGED_BUILD=${TRIAGED_BUILD:-$PWD/build}
for bench in tests/bench/bench_*.py; do
    echo "== $bench"
    /usr/bin/python3 "$bench" "$@" || echo "$bench ended with status $?"
done
