#!/usr/bin/env bash
# Fires sample alerts at a running triaged and shows what came of them.
#   demo.sh HTTP_ADDRESS SYSLOG_HOST SYSLOG_PORT REDIS_SOCKET
set -u
http=$1 syslog_host=$2 syslog_port=$3 sock=$4
redis() { redis-cli -s "$sock" "$@"; }

post() { # path, body
    curl -fsS -o /dev/null -H 'Content-Type: application/json' "http://$http$1" -d "$2" ||
        { echo "posting to $1 failed" >&2; exit 1; }
}

echo
echo "== demo: alerts as Prometheus, Alertmanager and syslog senders send them"
hosts=""
for i in $(seq 1 12); do
    hosts="$hosts${hosts:+,}{\"labels\":{\"alertname\":\"NodeFilesystemAlmostOutOfSpace\",\"cluster\":\"eu-1\",\"instance\":\"web-$i:9100\",\"job\":\"node\",\"severity\":\"warning\"},\"annotations\":{\"summary\":\"Filesystem has less than 5% space left\"}}"
done
post /api/v2/alerts "[$hosts]"
post /webhook/alertmanager '{"version":"4","groupKey":"{}:{alertname=\"HighErrorRate\"}","status":"firing","receiver":"triaged","groupLabels":{"alertname":"HighErrorRate"},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://alertmanager:9093","alerts":[{"status":"firing","labels":{"alertname":"HighErrorRate","service":"checkout","severity":"critical"},"annotations":{"summary":"5xx above 5% on checkout"},"startsAt":"2026-01-01T00:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prometheus:9090/graph"}]}'
post /api/v2/alerts '[{"labels":{"alertname":"CertificateExpiry","instance":"shop.example.org","severity":"warning"},"annotations":{"summary":"TLS certificate expires in 5 days"}}]'

exec 3<>"/dev/tcp/$syslog_host/$syslog_port" || exit 1
for i in $(seq 1 50); do
    printf '<3>Nov 24 10:00:00 db-%d kernel: blk_update_request: I/O error, dev sda, sector %d op 0x0:(READ)\n' "$i" $((i * 4096)) >&3
done
for i in $(seq 1 2000); do
    printf '<30>Nov 24 10:00:00 web-1 systemd[1]: Started Session %d of user root.\n' "$i" >&3
done
exec 3>&-

sum_queued() { # incidents on all queues
    local n=0 key
    for key in $(redis KEYS 'triaged:{*}:queue:*'); do n=$((n + $(redis XLEN "$key"))); done
    echo $n
}
tries=0
until [ "$(sum_queued)" -ge 4 ]; do
    tries=$((tries + 1))
    [ $tries -gt 100 ] && { echo "the incidents did not arrive" >&2; exit 1; }
    sleep 0.1
done

sent=$((12 + 1 + 1 + 50 + 2000))
echo "sent $sent alerts and log messages; incidents on the queues: $(sum_queued)"
echo
printf '%-8s %-4s %-12s %-10s %-7s %s\n' INCIDENT PRIO TEAM CATEGORY SYSTEMS TITLE
for key in $(redis KEYS 'triaged:{*}:queue:*' | sort -t: -k5); do
    redis --json XRANGE "$key" - + 2>/dev/null | python3 -c '
import json, sys
for _, f in json.load(sys.stdin):
    e = dict(zip(f[::2], f[1::2])) if isinstance(f, list) else f
    print("%-8s %-4s %-12s %-10s %-7s %s" % tuple(e.get(k, "") for k in ("incident", "priority", "team", "category", "system_count", "title")))'
done
