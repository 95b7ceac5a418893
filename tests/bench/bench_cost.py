"""What durability costs: POST /api/v2/alerts with spool.sync always, interval and never in one run.

Beside every figure stands what the disk itself took for an fdatasync of a few KiB, measured before and
after it in the same directory. The floor is a program that decodes and answers, and does nothing else
(intake_floor.c). "requests a sync" shows the group commit; append, sync and answer are the means of
triaged's own histograms. The second table is the latency of a POST (sync: always, four connections)
with Redis healthy, 100 ms slow each way, and down.

usage: bench_cost.py [seconds a figure]
"""
import os
import pathlib
import shutil
import subprocess
import sys
import time

from common import cpu_seconds, workdir, wrk
from bench_http import bodies

from conftest import BUILD, Redis, Triaged, wait_until

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "chaos"))
from proxy import Proxy  # noqa: E402

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
PARTS = ("spool_append", "spool_sync", "intake_answer")


def disk(directory, n=200, size=8192):
    """Milliseconds of n fdatasyncs, sorted."""
    path, block, times = directory / "disk", b"x" * size, []
    with open(path, "wb", buffering=0) as f:
        for _ in range(n):
            f.write(block)
            begin = time.monotonic()
            os.fdatasync(f.fileno())
            times.append((time.monotonic() - begin) * 1e3)
    path.unlink()
    return times


def quantiles(times):
    times = sorted(times)
    return f"disk p50 {times[len(times) // 2]:.2f} p99 {times[len(times) * 99 // 100]:.2f} ms"


class Figure:
    """One load on one address, with the disk before and after it."""

    def __init__(self, directory, pid, url, size, connections=16):
        before, cpu = disk(directory), cpu_seconds(pid)
        self.rate, self.p50, self.p99, self.bad = wrk(url, bodies(size), SECONDS, connections)
        self.cpu = cpu_seconds(pid) - cpu
        self.alerts = self.rate * size
        self.disk = quantiles(before + disk(directory))

    def text(self):
        return (f"{self.alerts:9.0f} alerts/s {self.alerts * SECONDS / max(self.cpu, .01):9.0f} a CPU second  "
                f"p50 {self.p50:6.2f} p99 {self.p99:7.2f} ms  not 2xx {self.bad}  [{self.disk}]")


def histogram(metrics, part, what):
    return sum(v for k, v in metrics.items() if k.startswith(f"triaged_{part}_seconds_{what}"))


def means(before, after):
    out = []
    for part in PARTS:
        n = histogram(after, part, "count") - histogram(before, part, "count")
        total = histogram(after, part, "sum") - histogram(before, part, "sum")
        out.append(f"{part.split('_')[1]} {total / max(n, 1) * 1e3:.2f} ms")
    return ", ".join(out)


def run_floor(base):
    floor = subprocess.Popen([BUILD / "tests/bench/intake_floor"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    url = f"http://127.0.0.1:{int(floor.stdout.readline())}/"
    rates = {}
    for size in (1, 64):
        figure = Figure(base, floor.pid, url, size)
        rates[size] = figure.alerts
        print(f"floor    {size:3}/request {figure.text()}")
    floor.stdin.close()
    floor.wait()
    return rates


def run_policy(base, sync, rates):
    redis = Redis(base / f"redis-{sync}")
    triaged = Triaged(base / f"triaged-{sync}", redis.sock, spool="{directory: \"%s\", max_size: 20GiB, sync: " + sync + "}")
    for size in (1, 64):
        before = triaged.metrics()
        figure = Figure(base, triaged.popen.pid, triaged.url + "/api/v2/alerts", size)
        after = triaged.metrics()
        syncs = histogram(after, "spool_sync", "count") - histogram(before, "spool_sync", "count")
        print(f"{sync:8} {size:3}/request {figure.text()}")
        print(f"{'':20} {figure.alerts / rates['floor'][size]:.2f} of the floor"
              + (f", {figure.alerts / rates['never'][size]:.2f} of never" if sync != "never" else "")
              + (f"; {figure.rate * SECONDS / syncs:.1f} requests a sync" if sync == "always" and syncs else "")
              + f"; {means(before, after)}")
        rates.setdefault(sync, {})[size] = figure.alerts
    triaged.stop()
    redis.stop()


class Always:
    """In place of a generator: the proxy's whole delay each time."""
    @staticmethod
    def random():
        return 1.0


def run_latency(base):
    redis = Redis(base / "redis-latency")
    proxy = Proxy(base / "proxy.sock", redis.sock, 1)
    proxy.rng = Always
    triaged = Triaged(base / "triaged-latency", proxy.path, spool="{directory: \"%s\", max_size: 20GiB}")
    wait_until(lambda: "redis ready" in triaged.get("/-/ready").text, "triaged is at Redis")
    for redis_is in ("healthy", "slow", "down"):
        if redis_is == "slow":
            proxy.delay = 0.1
        elif redis_is == "down":
            redis.stop()
        for size in (1, 64):
            figure = Figure(base, triaged.popen.pid, triaged.url + "/api/v2/alerts", size, connections=4)
            print(f"Redis {redis_is:8} {size:3}/request {figure.text()}")
    proxy.stop()
    triaged.stop()


def main():
    base = workdir()
    rates = {"floor": run_floor(base)}
    for sync in ("never", "interval", "always"):
        run_policy(base, sync, rates)
    run_latency(base)
    shutil.rmtree(base)


if __name__ == "__main__":
    main()
