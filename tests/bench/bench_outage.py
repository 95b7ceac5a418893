"""An hour of Redis outage at 10,000 alerts a second, simulated by volume: bench_outage.py 36000000.

1000 incidents of ten alerts are known when Redis is stopped. Then the volume (default: 600,000) comes
as fast as the intake takes it, 64 alerts a request over 16 connections. Shown are the memory of
triaged, the size of its spool, and once Redis is back the observations that it takes in a second,
while ticks and API go on. At the end each alert's count and last state must be what was sent.

usage: bench_outage.py [alerts] [--scattered]   (--scattered: 64 incidents a request, not six or seven)
"""
import os
import random
import shutil
import sys
import threading
import time

from common import cpu_seconds, rss_mib, workdir
from outage_feed import BLOCK, Feed

from conftest import Redis, Store, Triaged, wait_until

NUMBERS = [a for a in sys.argv[1:] if not a.startswith("-")]
VOLUME = int(NUMBERS[0]) if NUMBERS else 600_000
SCATTERED = "--scattered" in sys.argv
INCIDENTS = 1000
SEED = int(os.environ.get("TRIAGED_SEED", time.time_ns() % 1_000_000))


class Watch(threading.Thread):
    """Samples memory and asks the API for a page, twice a second."""

    def __init__(self, triaged, path):
        super().__init__(daemon=True)
        self.triaged, self.path = triaged, path
        self.rss, self.seconds, self.bad = [], [], 0
        self.over = threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.5):
            begin = time.monotonic()
            self.bad += self.triaged.get(self.path).status_code != 200
            self.seconds.append(time.monotonic() - begin)
            self.rss.append(rss_mib(self.triaged.popen.pid))

    def stop(self):
        self.over.set()
        self.join()
        tenth = self.rss[:max(1, len(self.rss) // 10)]
        return (f"RSS {max(tenth, default=0):.0f} MiB in the first tenth, {max(self.rss, default=0):.0f} MiB at most; "
                f"GET {self.path}: {len(self.seconds)} asked, {self.bad} not 200, "
                f"longest {max(self.seconds, default=0) * 1e3:.0f} ms")


def waiting(triaged):
    return sum(v for k, v in triaged.metrics().items() if k.startswith("triaged_spool_records_waiting"))


def wait_drained(triaged, timeout):
    wait_until(lambda: waiting(triaged) == 0 and waiting(triaged) == 0,
               lambda: triaged.get("/-/ready").text + triaged.log()[-2000:], timeout, .02)


def ticks(triaged):
    return triaged.metrics().get('triaged_ticks_total{result="ok"}', 0)


def outage(triaged, feed):
    watch, cpu = Watch(triaged, "/-/ready"), cpu_seconds(triaged.popen.pid)
    records = triaged.metrics()['triaged_spool_records_total{result="ok"}']
    sent, seconds = feed.run(VOLUME)
    cpu = cpu_seconds(triaged.popen.pid) - cpu
    m = triaged.metrics()
    size = sum(v for k, v in m.items() if k.startswith("triaged_spool_bytes"))
    records = m['triaged_spool_records_total{result="ok"}'] - records
    print(f"Redis away     {sent} alerts in {seconds:.1f} s: {sent / seconds:.0f} a second, {sent / cpu:.0f} a CPU second; "
          f"spool {size / 2**20:.0f} MiB, {size / sent:.0f} bytes an alert, {sent / records:.0f} alerts a record")
    print(f"               {watch.stop()}")
    return sent


def drain(triaged, redis, sent):
    begin = time.monotonic()
    wait_until(lambda: "redis ready" in triaged.get("/-/ready").text, "triaged is back at Redis", 60, .02)
    print(f"Redis is back  found again after {time.monotonic() - begin:.1f} s")
    watch, before = Watch(triaged, "/api/v1/incidents?limit=20"), ticks(triaged)
    cpu, redis_cpu = cpu_seconds(triaged.popen.pid), cpu_seconds(redis.popen.pid)
    begin = time.monotonic()
    wait_drained(triaged, 60 + sent / 1000)
    seconds = time.monotonic() - begin
    cpu, redis_cpu = cpu_seconds(triaged.popen.pid) - cpu, cpu_seconds(redis.popen.pid) - redis_cpu
    print(f"               drained in {seconds:.1f} s: {sent / seconds:.0f} observations a second, {sent / redis_cpu:.0f} "
          f"a CPU second of Redis, {sent / max(cpu, .01):.0f} a CPU second of triaged")
    print(f"               {watch.stop()}; {ticks(triaged) - before:.0f} ticks in {seconds:.0f} s")


def check(redis, feed):
    """Number of alerts of which Redis says another count or state than was sent last."""
    wrong = []
    by_instance = {a.instance: a for a in feed.alerts}
    incidents = Store(redis.client).incidents()
    for incident in incidents:
        fires = 0
        for alert in incident.alerts.values():
            said = by_instance.pop(alert["labels"]["instance"])
            fires += not said.resolved
            if (alert["count"], alert["state"]) != (said.counted, "resolved" if said.resolved else "firing"):
                wrong.append((said.instance, said.counted, said.resolved, alert["count"], alert["state"]))
        if int(incident["firing"]) != fires:
            wrong.append((incident["id"], incident["firing"], fires))
    wrong += [(a.instance, "missing") for a in by_instance.values()]
    print(f"checked        {len(incidents)} incidents, {len(feed.alerts)} alerts, "
          f"{sum(a.resolved for a in feed.alerts)} of them over: {len(wrong)} wrong {wrong[:3] if wrong else ''}")
    return len(wrong)


def main():
    base = workdir()
    print(f"{VOLUME} alerts, TRIAGED_SEED={SEED}, {'64' if SCATTERED else '6 to 7'} incidents a request of {BLOCK} alerts")
    options = ("--appendonly", "yes", "--appendfsync", "everysec")
    redis = Redis(base / "redis", *options)
    triaged = Triaged(base / "triaged", redis.sock,
                      spool="{directory: \"%s\", max_size: 200GiB}")
    feed = Feed(triaged.http_port, INCIDENTS, random.Random(SEED), scattered=SCATTERED)
    feed.each_once()
    wait_drained(triaged, 120)
    redis.stop()
    sent = outage(triaged, feed)
    redis = Redis(base / "redis", *options)
    drain(triaged, redis, sent)
    wrong = check(redis, feed)
    triaged.stop()
    redis.stop()
    shutil.rmtree(base)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
