"""Syslog messages a second into Redis, beside rsyslog (imtcp -> omhiredis) and syslog-ng (network -> redis)
in the same run, on the same messages; and the rate of datagrams at which none is lost, beside rsyslog.

usage: bench_syslog.py [messages] [--only tcp|udp]

Loads over TCP: one recurring cause; 10,000 causes (twice: at first each opens an incident, then they
recur); informational chatter; and messages of which each is a cause of its own. Time runs from the first
byte until the last message is in Redis (peers: LLEN of their list; triaged: nothing is being folded and
its spool is empty, which its gauges tell once a second, and repeats are folded for up to two). Of triaged
the rate is that until the last message was taken: read and decided on. The peers forward each message; triaged matches its rule pack, folds by cause and keeps
incidents, so with few causes its Redis has little to do.
"""
import argparse
import contextlib
import os
import re
import socket
import time

from common import cpu_seconds, rss_mib, wait_shipped, workdir

from conftest import Process, Redis, Triaged, free_port, need, wait_until
from peers import loggen, syslog_ng_env, syslog_ng_files

BLOCK = 2000
DISTINCT = 100_000  # lines that are made; sent again until there are enough
HEAD = "<{}>Nov 24 10:00:00 web-{} "
UDP_RATES = (25_000, 50_000, 100_000, 150_000, 200_000, 300_000)
UDP_SECONDS = 3


def word(n, digits=4):
    return "".join("abcdefghij"[int(d)] for d in f"{n % 10 ** digits:0{digits}d}")


def one_cause(n):
    return HEAD.format(3, n % 8) + f"kernel: blk_update_request: I/O error, dev sda, sector {n}\n"


def many_causes(n):
    return HEAD.format(27, 1) + f"app: component {word(n)} failed to handle request {n}\n"


def all_different(n):
    return HEAD.format(27, 1) + f"app: component {word(n, 6)} failed to handle request {n}\n"


def chatter(n):
    return HEAD.format(30, n % 8) + f"systemd[1]: Started Session {n} of user root.\n"


def blocks_of(make, n):
    """n lines in blocks."""
    lines = [make(i) for i in range(min(n, DISTINCT))]
    blocks = ["".join(lines[i:i + BLOCK]).encode() for i in range(0, len(lines), BLOCK)]
    return [blocks[i % len(blocks)] for i in range(n // BLOCK)]


def send(port, blocks):
    with socket.create_connection(("127.0.0.1", port)) as s:
        for block in blocks:
            s.sendall(block)


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


# ---- peers: what comes in is pushed to the list `log` of a Redis of their own ----

class Rsyslog(Process):
    title = "rsyslog"

    def __init__(self, directory):
        directory.mkdir()
        self.port, self.udp_port, redis_port = free_port(), free_port(socket.SOCK_DGRAM), free_port()
        (directory / "rsyslog.conf").write_text(f'''
global(workDirectory="{directory}" maxMessageSize="8k")
module(load="imtcp") module(load="imudp" threads="1" batchSize="128") module(load="omhiredis")
input(type="imtcp" address="127.0.0.1" port="{self.port}" ruleset="r")
input(type="imudp" address="127.0.0.1" port="{self.udp_port}" rcvbufSize="8m" ruleset="r")
template(name="line" type="string" string="%rawmsg%")
ruleset(name="r") {{
  action(type="omhiredis" server="127.0.0.1" serverport="{redis_port}" mode="queue" key="log" template="line"
         queue.type="LinkedList" queue.size="1000000" queue.dequeuebatchsize="1024" queue.workerthreads="1")
}}
''')
        self.redis = Redis(directory / "redis", "--port", str(redis_port), "--bind", "127.0.0.1")
        super().__init__([need("rsyslogd"), "-n", "-f", str(directory / "rsyslog.conf"), "-i", str(directory / "pid")],
                         directory / "rsyslog.log")
        wait_until(lambda: connects(self.port), lambda: "rsyslogd listens\n" + self.log(), 30)


class SyslogNg(Process):
    title = "syslog-ng"

    def __init__(self, directory):
        directory.mkdir()
        self.port, redis_port = free_port(), free_port()
        (directory / "syslog-ng.conf").write_text(f'''@version: 3.38
source s {{ network(ip("127.0.0.1") port({self.port}) transport("tcp") log-fetch-limit(1000) log-iw-size(100000)); }};
destination d {{ redis(host("127.0.0.1") port({redis_port}) command("LPUSH" "log" "${{MESSAGE}}")
                     batch-lines(1000) workers(2) log-fifo-size(1000000)); }};
log {{ source(s); destination(d); flags(flow-control); }};
''')
        self.redis = Redis(directory / "redis", "--port", str(redis_port), "--bind", "127.0.0.1")
        core, module = syslog_ng_files(), syslog_ng_files("syslog-ng-mod-redis")
        modules = ":".join(str(p / "usr/lib/syslog-ng/3.38") for p in (core, module))
        super().__init__([str(core / "usr/sbin/syslog-ng"), "-F", "--no-caps", "-f", str(directory / "syslog-ng.conf"),
                          "-R", str(directory / "persist"), "-c", str(directory / "ctl"),
                          "--pidfile", str(directory / "pid"), f"--module-path={modules}"],
                         directory / "syslog-ng.log", env=syslog_ng_env(), cwd=str(directory))
        wait_until(lambda: connects(self.port), lambda: "syslog-ng listens\n" + self.log(), 30)


@contextlib.contextmanager
def running(peer, directory):
    p = peer(directory)
    try:
        yield p
    finally:
        p.stop()
        p.redis.stop()


def taken(triaged):
    return sum(v for k, v in triaged.metrics().items() if k.startswith('triaged_alerts_total{source="syslog"'))


# ---- TCP ----

def report(name, load, n, seconds, cpu, rss, more=""):
    print(f"{name:10} {load:17} {n / seconds:9.0f} messages/s   {n / max(cpu, .01):9.0f} a CPU second of its own   "
          f"RSS {rss:5.0f} MiB{more}", flush=True)
    return n / seconds


def run_peer(base, peer, load, make, n):
    with running(peer, base / f"{peer.title}-{load.replace(' ', '-')}") as p:
        blocks = blocks_of(make, n)
        start, cpu = time.monotonic(), cpu_seconds(p.popen.pid)
        send(p.port, blocks)
        wait_until(lambda: p.redis.client.llen("log") >= n, lambda: f"{p.redis.client.llen('log')} of {n}", 300, .005)
        return report(p.title, load, n, time.monotonic() - start, cpu_seconds(p.popen.pid) - cpu,
                      rss_mib(p.popen.pid))


def run_triaged(base, load, make, n, peers):
    """Two rounds on one daemon: everything is new in the first, known in the second."""
    tag = load.replace(" ", "-")
    redis = Redis(base / f"redis-{tag}")
    triaged = Triaged(base / f"triaged-{tag}", redis.sock, build=os.environ.get("TRIAGED_BUILD"))
    blocks = blocks_of(make, n)
    for name in (load, load + " again"):
        before, start, cpu = taken(triaged), time.monotonic(), cpu_seconds(triaged.popen.pid)
        send(triaged.tcp_port, blocks)
        wait_until(lambda: taken(triaged) - before >= n, lambda: str(taken(triaged)), 300, .01)
        at_taken = time.monotonic()
        shipped = wait_shipped(triaged)
        took, whole = at_taken - start, max(shipped, at_taken) - start
        report("triaged", name, n, took, cpu_seconds(triaged.popen.pid) - cpu, rss_mib(triaged.popen.pid),
               f"   taken after {took:.1f} s, in Redis after {whole:.1f} s")
        for title, rate in peers:
            print(f"{'':28} {n / took / rate:.2f} times {title} taken, {n / whole / rate:.2f} times in Redis")
    found = sum(1 for _ in redis.client.scan_iter("triaged:{*}:incident:*", 1000))
    print(f"{'':28} incidents: {found}", flush=True)
    triaged.stop()
    redis.stop()


def tcp(base, n):
    for load, make, m in (("one cause", one_cause, n), ("10k causes", many_causes, n), ("chatter", chatter, n),
                          ("all different", all_different, min(n, DISTINCT) // 5)):
        peers = [(peer.title, run_peer(base, peer, load, make, m)) for peer in (Rsyslog, SyslogNg)]
        run_triaged(base, load, make, m, peers)


# ---- UDP ----

def offer(port, rate):
    """How many datagrams loggen sent, and at what rate it did."""
    done = loggen("-i", "-D", "-r", str(rate), "-I", str(UDP_SECONDS), "-s", "200", "127.0.0.1", str(port))
    found = re.findall(r"average rate = ([\d.]+) msg/sec, count=(\d+)", done.stderr + done.stdout)
    assert found, done.stderr + done.stdout
    return int(found[-1][1]), float(found[-1][0])


def udp_line(name, sent, rate, lost, rss, more=""):
    print(f"{name:10} udp {rate:9.0f} messages/s offered   lost {lost:8} of {sent:8} ({100 * lost / sent:5.2f} %)   "
          f"RSS {rss:5.0f} MiB{more}", flush=True)


def udp_triaged(base):
    redis = Redis(base / "redis-udp")
    triaged = Triaged(base / "triaged-udp", redis.sock, build=os.environ.get("TRIAGED_BUILD"))

    def figures():
        m = triaged.metrics()
        return (sum(v for k, v in m.items() if k.startswith("triaged_syslog_messages_total") and '"udp"' in k),
                sum(v for k, v in m.items() if k.startswith("triaged_syslog_dropped_total") and '"kernel"' in k))

    for rate in UDP_RATES:
        before = figures()
        sent, real = offer(triaged.udp_port, rate)
        wait_until(lambda: sum(figures()) - sum(before) >= sent, lambda: f"{sent}: {before}, {figures()}", 30)
        got, dropped = (a - b for a, b in zip(figures(), before))
        udp_line("triaged", sent, real, int(sent - got), rss_mib(triaged.popen.pid), f"   its own count {int(dropped)}")
    triaged.stop()
    redis.stop()


def udp_rsyslog(base):
    with running(Rsyslog, base / "rsyslog-udp") as p:
        for rate in UDP_RATES:
            p.redis.client.delete("log")
            sent, real = offer(p.udp_port, rate)
            got = settled(lambda: p.redis.client.llen("log"))
            udp_line(p.title, sent, real, sent - got, rss_mib(p.popen.pid))


def settled(figure):
    """The figure, once it has not changed for a second: nothing tells how many are still on their way."""
    last, since = None, time.monotonic()
    while time.monotonic() - since < 1:
        now = figure()
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(.05)  # poll
    return last


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("messages", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--only", choices=("tcp", "udp"))
    given = parser.parse_args()
    base = workdir()
    if given.only != "udp":
        tcp(base, given.messages // BLOCK * BLOCK)
    if given.only != "tcp":
        udp_triaged(base)
        udp_rsyslog(base)


if __name__ == "__main__":
    main()
