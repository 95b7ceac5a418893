#!/usr/bin/env bash
# From a fresh clone to incidents on queues: installs what is missing (Debian 12), builds, starts a
# private redis-server on a unix socket and triaged with the shipped configuration.
#   ./quickstart.sh          runs until Ctrl-C
#   ./quickstart.sh --demo   also fires sample alerts and shows the queues
#   ./quickstart.sh --demo --exit   the same, then stops (for scripts)
# Nothing outside this directory's build/ and a temporary directory is touched, but for the packages.
set -u
cd "$(dirname "$0")" || exit 1
. tests/packages.sh

demo= leave=
for arg in "$@"; do
    case $arg in
    --demo) demo=yes ;;
    --exit) leave=yes ;;
    *) echo "usage: ./quickstart.sh [--demo [--exit]]" >&2; exit 2 ;;
    esac
done

# shellcheck disable=SC2086
install_packages $BUILD_PACKAGES $RUN_PACKAGES || exit 1

echo "Building ..."
build_log=$(mktemp) || exit 1
if ! { [ -f build/build.ninja ] || meson setup build; } >"$build_log" 2>&1 ||
    ! ninja -C build src/daemon/triaged src/cli/triagectl >>"$build_log" 2>&1; then
    tail -40 "$build_log" >&2
    echo "The build failed; the whole log is $build_log" >&2
    exit 1
fi
rm -f "$build_log"

run=$(mktemp -d "${TMPDIR:-/tmp}/triaged-quickstart.XXXXXX") || exit 1
redis_pid= triaged_pid=
stop() {
    trap - EXIT INT TERM
    [ -n "$triaged_pid" ] && kill "$triaged_pid" 2>/dev/null && wait "$triaged_pid" 2>/dev/null
    [ -n "$redis_pid" ] && kill "$redis_pid" 2>/dev/null && wait "$redis_pid" 2>/dev/null
    rm -rf "$run"
    echo "Stopped; nothing is left running."
}
trap 'stop; exit 130' INT TERM
trap stop EXIT

wait_for() { # description, command...
    local what=$1 tries=0
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -gt 150 ]; then
            echo "$what did not come up; see $run" >&2
            cat "$run"/*.log >&2
            exit 1
        fi
        sleep 0.1
    done
}

free_port() { # the first free port from $1 on
    local port=$1
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    echo "$port"
}

redis-server --port 0 --unixsocket "$run/redis.sock" --dir "$run" --save '' --appendonly yes \
    --appendfsync everysec --maxmemory-policy noeviction >"$run/redis.log" 2>&1 &
redis_pid=$!
wait_for redis-server redis-cli -s "$run/redis.sock" ping

http=$(free_port 9193)
syslog=$(free_port 5514)
cat >"$run/triaged.yaml" <<EOF
listen:
  http:
    - {address: "127.0.0.1:$http"}
  syslog:
    - {address: "127.0.0.1:$syslog", transport: udp}
    - {address: "127.0.0.1:$syslog", transport: tcp}
redis: {url: "unix://$run/redis.sock"}
spool: {directory: "$run/spool"}
include: ["$PWD/conf/rules.d/*.yaml"]
EOF
build/src/daemon/triaged -c "$run/triaged.yaml" >"$run/triaged.log" 2>&1 &
triaged_pid=$!
wait_for triaged curl -fsS "http://127.0.0.1:$http/-/ready"

take="redis-cli -s $run/redis.sock EVAL \"for _,k in ipairs(KEYS) do local r=redis.call('XREADGROUP','GROUP','responders',ARGV[1],'COUNT',1,'STREAMS',k,'>') if r and r[1] then return r[1] end end return false\" 4 triaged:{platform}:queue:tier1:P1 triaged:{platform}:queue:tier1:P2 triaged:{platform}:queue:tier1:P3 triaged:{platform}:queue:tier1:P4 $(id -un)"
cat <<EOF

triaged is up (log: $run/triaged.log).

Send alerts:
  Prometheus    alerting: {alertmanagers: [{static_configs: [{targets: ["127.0.0.1:$http"]}]}]}
  Alertmanager  webhook_configs: [{url: "http://127.0.0.1:$http/webhook/alertmanager"}]
  Grafana       contact point of type webhook: http://127.0.0.1:$http/webhook/grafana
  syslog        logger -n 127.0.0.1 -P $syslog -d "EXT4-fs error (device sda1): bad block"   (UDP; -T for TCP)
  by hand       curl -H 'Content-Type: application/json' http://127.0.0.1:$http/api/v2/alerts \\
                  -d '[{"labels":{"alertname":"NodeFilesystemSpaceFillingUp","instance":"web-1:9100","severity":"critical"}}]'

Take the most urgent incident of team platform from its queues:
  $take

Metrics and state: http://127.0.0.1:$http/metrics  http://127.0.0.1:$http/-/ready
EOF

if [ -n "$demo" ]; then
    bash tests/demo.sh "127.0.0.1:$http" "127.0.0.1" "$syslog" "$run/redis.sock" || exit 1
fi
[ -n "$leave" ] && exit 0
echo
echo "Ctrl-C stops triaged and its Redis."
wait "$triaged_pid" && exit 130 # it was told to: Ctrl-C reaches it as well as this script
echo "triaged ended by itself; its log:" >&2
cat "$run/triaged.log" >&2
exit 1
