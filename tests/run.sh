#!/usr/bin/env bash
# Installs what is missing, builds, runs every suite; the last line is "N passed, N failed".
#   tests/run.sh          all suites (under 15 minutes on two cores)
#   tests/run.sh --long   also hundreds of kills, ThreadSanitizer, valgrind, fuzzing, benchmarks (hours)
# The tests run on a build with AddressSanitizer and UBSan (build-asan/); the load tests on a plain
# one (build/).
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/packages.sh

long=
for arg in "$@"; do
    case $arg in
    --long) long=yes ;;
    *) echo "usage: tests/run.sh [--long]" >&2; exit 2 ;;
    esac
done

# shellcheck disable=SC2086
install_packages $BUILD_PACKAGES $RUN_PACKAGES $TEST_PACKAGES ${long:+$BENCH_PACKAGES} || exit 1

python=/usr/bin/python3 # Debian's, which has pytest and redis
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
export ASAN_OPTIONS=abort_on_error=1:detect_leaks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

setup() { # directory, meson options...
    local dir=$1
    shift
    [ -f "$dir/build.ninja" ] || meson setup "$dir" "$@" >"$results/setup.log" 2>&1 ||
        { cat "$results/setup.log"; return 1; }
    ninja -C "$dir" >"$results/build.log" 2>&1 || { tail -50 "$results/build.log"; return 1; }
    grep -E 'warning:' "$results/build.log" | head -20
    return 0
}

echo "== build"
if ! setup build || ! setup build-asan -Db_sanitize=address,undefined -Db_lundef=false; then
    echo "0 passed, 1 failed"
    exit 1
fi

echo "== unit, fuzz corpora, lint"
meson test -C build-asan --no-rebuild --print-errorlogs --no-stdsplit
cp build-asan/meson-logs/testlog.junit.xml "$results/meson.xml" 2>/dev/null

pytest_suite() { # name, paths...
    local name=$1
    shift
    echo "== $name"
    TRIAGED_BUILD=$PWD/build-asan TRIAGED_PLAIN_BUILD=$PWD/build TRIAGED_LONG=$long \
        $python -m pytest -q -p no:cacheprovider --junitxml="$results/$name.xml" "$@"
}
instrumented_suite() { # name, build, paths...: as often as in the short run, since all is slow
    local name=$1 build=$PWD/$2
    shift 2
    echo "-- $name"
    TRIAGED_BUILD=$build TRIAGED_PLAIN_BUILD=$build TRIAGED_PATIENCE=20 \
        $python -m pytest -q -p no:cacheprovider --junitxml="$results/$name.xml" "$@"
}
beside() { # name, paths...: what mostly waits, beside the next suite; `wait` and show it afterwards
    pytest_suite "$@" >"$results/$1.log" 2>&1 &
}
beside store tests/store
pytest_suite daemon tests/daemon
wait
cat "$results/store.log"
# Two halves of the chaos suite; those that ask for free ports are all in the other one.
losses=$(printf 'tests/chaos/test_%s.py ' exactly_once lost_tail redis_misbehaves durable stop)
# shellcheck disable=SC2086
beside chaos-losses $losses
# shellcheck disable=SC2046,SC2086
pytest_suite chaos tests/chaos $(printf -- '--ignore=%s ' $losses)
wait
cat "$results/chaos-losses.log"

if [ -n "$long" ]; then
    echo "== threads, under ThreadSanitizer"
    if setup build-tsan -Db_sanitize=thread -Db_lundef=false; then
        # what goes through sockets puts threads in no order
        export TSAN_OPTIONS=io_sync=0:suppressions=$PWD/tests/tsan.supp
        instrumented_suite threads-chaos build-tsan tests/chaos
        instrumented_suite threads-daemon build-tsan tests/daemon/test_operations.py \
            tests/daemon/test_real_clients.py tests/daemon/test_relp.py tests/daemon/test_storm.py \
            tests/daemon/test_redis_tls.py tests/daemon/test_watchdog.py
    fi
    echo "== memory, under valgrind"
    valgrind="valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect"
    valgrind="$valgrind --errors-for-leak-kinds=definite,indirect --suppressions=$PWD/tests/valgrind.supp"
    meson test -C build --no-rebuild --suite unit --wrapper "$valgrind" -t 20 --print-errorlogs --no-stdsplit
    cp build/meson-logs/testlog-valgrind.junit.xml "$results/valgrind-unit.xml" 2>/dev/null
    export TRIAGED_WRAPPER=$valgrind
    instrumented_suite valgrind-chaos build tests/chaos
    # without the reload that is answered 503 because loading the rules takes too long under valgrind
    instrumented_suite valgrind-daemon build tests/daemon/test_operations.py tests/daemon/test_bad_input.py \
        -k "not cannot_bind"
    unset TRIAGED_WRAPPER
    echo "== fuzzing: 60 s a target, then 10 minutes for each that a syslog sender reaches"
    tests/fuzz/run.sh 60 && tests/fuzz/run.sh 600 syslog syslog_frame relp skeleton && fuzz=0 || fuzz=1
    echo "== benchmarks"
    tests/bench/run.sh || true
fi

$python tests/count.py "$results" ${fuzz:+--also-failed $fuzz}
