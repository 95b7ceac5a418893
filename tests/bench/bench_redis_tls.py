"""How quickly a full spool drains into Redis over a unix socket, TCP and TLS, in the same run, and what it costs
either side in CPU time. The spool fills while Redis is stopped; then it is let go and timed.

usage: bench_redis_tls.py [alerts]
"""
import os
import signal
import sys
import time

import requests

from bench_http import bodies
from certificates import Authority
from common import cpu_seconds, workdir
from conftest import Redis, Triaged, free_port, wait_until

ALERTS = int(sys.argv[1]) if len(sys.argv) > 1 else 60000
PER_REQUEST = 64


def waiting(triaged):
    return sum(v for k, v in triaged.metrics().items() if k.startswith("triaged_spool_records_waiting"))


def fill(triaged):
    session = requests.Session()
    texts = bodies(PER_REQUEST)
    for i in range(ALERTS // PER_REQUEST):
        answer = session.post(triaged.url + "/api/v2/alerts", texts[i % len(texts)],
                              headers={"Content-Type": "application/json"}, timeout=30)
        assert answer.status_code == 200, answer.text


def measure(name, base, redis, section):
    triaged = Triaged(base / f"triaged-{name}", redis.sock, build=os.environ.get("TRIAGED_BUILD"),
                      redis=section, spool='{directory: "%s", sync: never}')
    wait_until(lambda: "redis ready" in triaged.get("/-/ready").text, "ready")
    fill(triaged)  # opens the incidents
    wait_until(lambda: waiting(triaged) == 0, "drained", 120)
    redis.popen.send_signal(signal.SIGSTOP)
    fill(triaged)
    records, pids = waiting(triaged), (triaged.popen.pid, redis.popen.pid)
    cpu, start = [cpu_seconds(p) for p in pids], time.monotonic()
    redis.popen.send_signal(signal.SIGCONT)
    wait_until(lambda: waiting(triaged) == 0, "drained", 120)
    seconds = time.monotonic() - start
    cpu = [cpu_seconds(p) - c for p, c in zip(pids, cpu)]
    triaged.stop()
    print(f"{name:5} {ALERTS / seconds:9.0f} alerts/s  {records:5.0f} records in {seconds:5.2f} s"
          f"  CPU triaged {cpu[0]:5.2f} s, Redis {cpu[1]:5.2f} s")
    return ALERTS / seconds


def main():
    base = workdir()
    ca, tcp, tls = Authority(base / "ca"), free_port(), free_port()
    redis = Redis(base / "redis", "--port", str(tcp), *ca.redis_options(tls, ca.issue("redis")))
    rates = {name: measure(name, base, redis, section) for name, section in (
        ("unix", f'{{url: "unix://{redis.sock}"}}'),
        ("tcp", f'{{url: "redis://localhost:{tcp}/1"}}'),
        ("tls", f'{{url: "rediss://localhost:{tls}/2", tls: {{ca: "{ca.ca}"}}}}'))}
    print(f"TLS drains at {rates['tls'] / rates['unix']:.2f} of a unix socket, {rates['tls'] / rates['tcp']:.2f} of TCP")
    redis.stop()


if __name__ == "__main__":
    main()
