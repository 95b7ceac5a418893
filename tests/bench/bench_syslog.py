"""Syslog messages a second over TCP into Redis, beside rsyslog (imtcp -> omhiredis) in the same run.

Three loads: one recurring cause, 10,000 causes (twice: the first time each opens an incident, the
second time they recur), and informational chatter. Time runs from the first
byte until the last message is in Redis (rsyslog: LLEN of its list; triaged: its count of taken
messages and an empty spool). rsyslog forwards each message; triaged folds them by cause, matches
its rule pack and keeps incidents.
"""
import os
import pathlib
import socket
import sys
import time

from common import cpu_seconds, rss_mib, workdir

from conftest import Process, Redis, Triaged, free_port, need, wait_until

N = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
HEAD = "<{}>Nov 24 10:00:00 web-{} "


def one_cause(n):
    return HEAD.format(3, n % 8) + f"kernel: blk_update_request: I/O error, dev sda, sector {n}\n"


def word(n):
    letters = "abcdefghij"
    return "".join(letters[int(d)] for d in f"{n % 10000:04d}")


def many_causes(n):
    return HEAD.format(27, 1) + f"app: component {word(n)} failed to handle request {n}\n"


def chatter(n):
    return HEAD.format(30, n % 8) + f"systemd[1]: Started Session {n} of user root.\n"


def send(port, blocks):
    with socket.create_connection(("127.0.0.1", port)) as s:
        for block in blocks:
            s.sendall(block)


def blocks_of(make):
    lines = [make(n) for n in range(N)]
    return ["".join(lines[i:i + 2000]).encode() for i in range(0, N, 2000)]


class Rsyslog(Process):
    def __init__(self, directory, sock):
        directory = pathlib.Path(directory)
        directory.mkdir()
        self.port = free_port()
        self.redis_port = free_port()
        (directory / "rsyslog.conf").write_text(f'''
global(workDirectory="{directory}" maxMessageSize="8k")
module(load="imtcp") module(load="omhiredis")
input(type="imtcp" address="127.0.0.1" port="{self.port}" ruleset="r")
template(name="line" type="string" string="%rawmsg%")
ruleset(name="r") {{
  action(type="omhiredis" server="127.0.0.1" serverport="{self.redis_port}" mode="queue" key="log" template="line"
         queue.type="LinkedList" queue.size="1000000" queue.dequeuebatchsize="1024" queue.workerthreads="1")
}}
''')
        self.redis = Redis(directory / "redis", "--port", str(self.redis_port), "--bind", "127.0.0.1")
        super().__init__([need("rsyslogd"), "-n", "-f", str(directory / "rsyslog.conf"), "-i", str(directory / "pid")],
                         directory / "rsyslog.log")
        wait_until(lambda: connects(self.port), lambda: "rsyslogd listens\n" + self.log(), 30)


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def report(name, load, seconds, cpu, rss):
    print(f"{name:12} {load:17} {N / seconds:9.0f} messages/s   {N / max(cpu, .01):9.0f} a CPU second of its own   "
          f"RSS {rss:5.0f} MiB")
    return N / seconds


def run_rsyslog(base, load, make):
    rsyslog = Rsyslog(base / f"rsyslog-{load}", None)
    blocks = blocks_of(make)
    start, cpu = time.monotonic(), cpu_seconds(rsyslog.popen.pid)
    send(rsyslog.port, blocks)
    wait_until(lambda: rsyslog.redis.client.llen("log") >= N, lambda: f"{rsyslog.redis.client.llen('log')}", 300, .005)
    rate = report("rsyslog", load, time.monotonic() - start, cpu_seconds(rsyslog.popen.pid) - cpu,
                  rss_mib(rsyslog.popen.pid))
    rsyslog.stop()
    rsyslog.redis.stop()
    return rate


def taken(triaged):
    return sum(v for k, v in triaged.metrics().items() if k.startswith('triaged_alerts_total{source="syslog"'))


def run_triaged(base, load, make):
    """Two rounds on one daemon: everything is new in the first, known in the second."""
    redis = Redis(base / f"redis-{load}")
    triaged = Triaged(base / f"triaged-{load}", redis.sock, build=os.environ.get("TRIAGED_BUILD"))
    blocks = blocks_of(make)
    rates = []
    for name in (load, load + " again"):
        before, start, cpu = taken(triaged), time.monotonic(), cpu_seconds(triaged.popen.pid)
        send(triaged.tcp_port, blocks)
        wait_until(lambda: taken(triaged) - before >= N and " 0 records wait" in triaged.get("/-/ready").text,
                   lambda: str(taken(triaged)), 300, .02)
        rates.append(report("triaged", name, time.monotonic() - start, cpu_seconds(triaged.popen.pid) - cpu,
                            rss_mib(triaged.popen.pid)))
    print(f"{'':30} incidents: {len(redis.client.keys('triaged:{*}:incident:*'))}")
    triaged.stop()
    redis.stop()
    return rates


def main():
    base = workdir()
    for load, make in (("one cause", one_cause), ("10k causes", many_causes), ("chatter", chatter)):
        tag = load.replace(" ", "-")
        peer = run_rsyslog(base, tag, make)
        first, again = run_triaged(base, tag, make)
        print(f"{'':30} {first / peer:.2f} times rsyslog, again {again / peer:.2f} times")


if __name__ == "__main__":
    main()
