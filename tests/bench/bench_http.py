"""Alerts a second by POST /api/v2/alerts, 1 and 64 per request, beside Alertmanager in the same run.

Both get the same 16 keep-alive connections from wrk and the same 10,000 alerts over and over (as
Prometheus resends what fires). triaged writes each to its spool (sync: as given), matches ~200
rules and ships to a real Redis on the same two cores; Alertmanager keeps them in memory.
"""
import json
import sys

from common import cpu_seconds, rss_mib, workdir, wrk

from conftest import Redis, Triaged
from peers import Alertmanager

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 8
N = 9984  # a multiple of 64


def alert(n):
    return {"labels": {"alertname": f"HighLatency{n % 40}", "cluster": "eu-1", "namespace": f"ns{n % 20}",
                       "service": f"svc{n % 100}", "instance": f"10.0.{n // 250}.{n % 250}:9100",
                       "job": "node", "severity": ("critical", "warning", "info")[n % 3]},
            "annotations": {"summary": f"latency of svc{n % 100} is above its objective",
                            "description": "The 99th percentile has been above 2 s for 10 minutes. " * 3},
            "generatorURL": "http://prometheus.example.org:9090/graph?g0.expr=histogram_quantile"}


def bodies(size):
    return [json.dumps([alert(i + k) for k in range(size)]) for i in range(0, N, size)]


def measure(name, pid, url, size):
    before = cpu_seconds(pid)
    rate, p50, p99, bad = wrk(url, bodies(size), SECONDS)
    cpu = cpu_seconds(pid) - before
    alerts = rate * size
    print(f"{name:34} {size:3}/request  {alerts:9.0f} alerts/s  {alerts * SECONDS / max(cpu, .01):9.0f} a CPU second"
          f"  p50 {p50:6.2f} ms  p99 {p99:7.2f} ms  RSS {rss_mib(pid):5.0f} MiB  not 2xx {bad}")
    return alerts


def main():
    base = workdir()
    alertmanager = Alertmanager(base / "am")
    peer = {size: measure("Alertmanager 0.25", alertmanager.popen.pid,
                          alertmanager.url + "/api/v2/alerts", size) for size in (1, 64)}
    alertmanager.stop()
    for sync in ("always", "interval", "never"):
        redis = Redis(base / f"redis-{sync}")
        triaged = Triaged(base / f"triaged-{sync}", redis.sock,
                          spool="{directory: \"%s\", sync: " + sync + "}")
        for size in (1, 64):
            rate = measure(f"triaged, spool sync {sync}", triaged.popen.pid, triaged.url + "/api/v2/alerts", size)
            print(f"{'':34} {rate / peer[size]:.2f} times Alertmanager")
        triaged.stop()
        redis.stop()


if __name__ == "__main__":
    main()
