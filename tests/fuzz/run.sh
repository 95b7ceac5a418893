#!/usr/bin/env bash
# Fuzzes every target with libFuzzer under AddressSanitizer and UBSan: tests/fuzz/run.sh [SECONDS] [TARGET...]
# New inputs go to a temporary corpus; the seeds in corpus/ are only read. Exits 1 on a finding.
set -u
cd "$(dirname "$0")/../.." || exit 1
seconds=${1:-60}
shift || true
targets=${*:-$(sed -n "s/^  \['\([a-z0-9_]*\)', dep_.*/\1/p" tests/fuzz/meson.build)}
out=${TMPDIR:-/tmp}/triaged-fuzz.$$
mkdir -p "$out"
status=0

if [ ! -f build-fuzz/build.ninja ]; then
    CC=clang meson setup build-fuzz -Db_sanitize=address,undefined -Db_lundef=false \
        -Dc_args=-fsanitize=fuzzer-no-link >"$out/setup.log" 2>&1 || { cat "$out/setup.log"; exit 1; }
fi
libraries=$(for l in base conf alert decode rules spool store net; do echo "src/$l/libtriaged_$l.a"; done)
# shellcheck disable=SC2086
ninja -C build-fuzz $libraries >"$out/build.log" 2>&1 || { tail -30 "$out/build.log"; exit 1; }

for t in $targets; do
    mkdir -p "$out/$t"
    # shellcheck disable=SC2046,SC2086
    clang -g -O1 -D_GNU_SOURCE -Iinclude -Isrc/net -Isrc/spool -Isrc/daemon -include build-fuzz/triaged_build.h \
        -fsanitize=fuzzer,address,undefined "tests/fuzz/fuzz_$t.c" -o "$out/fuzz_$t" \
        -Wl,--start-group $(printf 'build-fuzz/%s ' $libraries) -Wl,--end-group \
        $(pkg-config --libs jansson yaml-0.1 libpcre2-8 libhs hiredis libevent_core libevent_extra libevent_openssl openssl zlib) \
        -pthread || { status=1; continue; }
    if "$out/fuzz_$t" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$out/$t-" \
        "$out/$t" "tests/fuzz/corpus/$t" >"$out/$t.log" 2>&1; then
        echo "$t: $(grep -o 'Done [0-9]* runs in [0-9]* second' "$out/$t.log")s, no finding"
    else
        echo "$t: FINDING"
        tail -30 "$out/$t.log"
        status=1
    fi
done
exit $status
